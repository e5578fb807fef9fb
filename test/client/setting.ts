import pino from "pino";
import { Client, memoryNotebook, type ClientOptions, type Notebook } from "../../src/client/index.ts";
import type { Venue, VenueOptions } from "../../src/venue/index.ts";
import type { SignedReport } from "../../src/protocol/report.ts";
import { createApp } from "../../src/venue/service/app.ts";
import {
  eventOf,
  genesisJson,
  INTERVAL,
  openTestVenue,
  quorumOfReports,
  reportsOf,
  simulatedProver,
  traders,
  unpriced,
  type ManualClock,
} from "../venue/fixture.ts";

export type Answer = Record<string, any>; // eslint-disable-line -- answers are altered at will
/** Alters an answer on its way. */
export type Lie = (path: string, answer: Answer) => Answer | Promise<Answer>;

export const honest: Lie = (_, answer) => answer;

/** Alice with a client, Bob without, at a venue whose first entry is a REPRICE; a lie that may be set at any time. */
export async function setting({
  genesis = unpriced,
  json = genesisJson,
  reports = quorumOfReports(reportsOf()),
  ...rest
}: {
  genesis?: typeof unpriced;
  json?: typeof genesisJson;
  reports?: readonly SignedReport[];
  clock?: ManualClock;
  limits?: VenueOptions["limits"];
  coSigners?: VenueOptions["coSigners"];
} = {}) {
  const [alice, bob] = traders(2);
  const { prover, keys } = simulatedProver();
  const { venue, clock } = await openTestVenue({ genesis, reports, traders: [alice, bob], prover, ...rest });
  const { app } = createApp({
    venue,
    options: { genesisJson: json, version: "test", log: pino({ level: "silent" }), hosts: ["venue.example"] },
  });
  const it = {
    lie: honest,
    busy: false,
    /** what answers instead of the venue, which hears nothing */
    swallow: (() => null) as (path: string, sent: Answer) => Answer | null | Promise<Answer>,
    /** what was asked: "POST /orders" */
    asked: [] as string[],
    /** path that is answered as if there were no session */
    refused: "",
    /** path that is answered as if there were nothing */
    missing: "",
  };
  const fetch = async (input: string, init: RequestInit = {}) => {
    const path = new URL(input).pathname.replace("/v1", "");
    it.asked.push(`${init.method ?? "GET"} ${path}`);
    const swallowed = init.body ? await it.swallow(path, JSON.parse(String(init.body))) : null;
    if (swallowed instanceof Response) return swallowed;
    if (swallowed) return new Response(JSON.stringify(swallowed));
    if (path === it.refused) {
      const error = { code: "UNAUTHORISED", message: "there is no session of this token" };
      return new Response(JSON.stringify({ error }), { status: 401 });
    }
    if (it.missing === path)
      return new Response(JSON.stringify({ error: { code: "NOT_FOUND", message: "there is none" } }), { status: 404 });
    const response = await app.fetch(new Request(input, init), { sender: "test", local: true });
    if (it.busy && path === "/orders") {
      const error = { code: "BUSY", message: "proofs are behind the market: try again", retryAfter: 1 };
      return new Response(JSON.stringify({ error }), { status: 503 });
    }
    const told = await it.lie(path, (await response.json()) as Answer);
    return new Response(JSON.stringify(told), { status: response.status, headers: response.headers });
  };
  const openWith = (options: Partial<ClientOptions>) =>
    Client.open({
      url: "http://venue.example",
      keysOf: () => keys,
      secret: alice.secret,
      notebook: memoryNotebook(),
      fetch,
      now: () => clock.now(),
      ...options,
    });
  const open = (notebook: Notebook = memoryNotebook(), secret: Uint8Array | undefined = alice.secret) =>
    openWith({ notebook, secret });
  const openAs = (account: number, notebook: Notebook, secret: Uint8Array) => openWith({ account, notebook, secret });
  const send = async ({ item, auth }: ReturnType<typeof alice.order>) => venue.submit(item, auth);
  return { venue, clock, alice, bob, fetch, open, openAs, openWith, send, it };
}

/** Closes the auction and the round, and waits for its proof. */
export async function proveAll(venue: Venue, clock: ManualClock): Promise<void> {
  clock.advance(INTERVAL + 40n);
  const settled = () => venue.health().unproved === 0;
  if (!settled()) await eventOf(venue, "round", settled);
}
