import { openingJson } from "../../protocol/opening.ts";
import { DEFAULT_LIMIT } from "../questions.ts";
import { bearer, json, type Call } from "./call.ts";
import { SIGNATURE_COST, type Desk } from "./desk.ts";
import { notFound, unauthorised } from "./errors.ts";
import type { AddRoute } from "./route.ts";
import {
  AccountQuery,
  AccountSchema,
  HistoryQuery,
  HistorySchema,
  OpeningSchema,
  OrdersSchema,
  ReceiptAnswerSchema,
  ReceiptQuery,
  SessionRequestSchema,
  SessionSchema,
} from "./schema.ts";
import { accountAnswer, acknowledgementJson, orderJson, pageOf, type ServedVenue } from "./views.ts";

/** What the owner of a key may see, and the session in which it is seen. */
export function addAccountRoutes(route: AddRoute, { venue, desk }: { venue: ServedVenue; desk: Desk }): void {
  /**
   * The account that is asked for: of those of the session, the first if none is named.
   * @throws UNAUTHORISED, NOT_FOUND
   */
  const accountOf = (c: Call, index: number | undefined): number => {
    const token = bearer(c);
    if (!token) throw unauthorised("a session is needed: begin one (POST /v1/session), and send its token as a bearer");
    const accounts = desk.accountsOf(desk.session(token));
    const account = index ?? accounts[0];
    if (account === undefined || !accounts.includes(account))
      throw notFound(accounts.length === 0 ? "the key has no account" : "the session has no account of this number");
    c.set("account", account);
    return account;
  };

  route(
    {
      method: "post",
      path: "/v1/session",
      summary: "Begins a session",
      access: "origin",
      cost: SIGNATURE_COST,
      body: SessionRequestSchema,
      answer: { schema: SessionSchema },
      errors: [401],
    },
    (c, { json: body }) => {
      const { token, session } = desk.login(body);
      return json(c, { token, accounts: desk.accountsOf(session), expires: session.expires });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/account",
      summary: "An account as the log leaves it so far",
      access: "session",
      query: AccountQuery,
      answer: { schema: AccountSchema },
      errors: [404],
    },
    (c, { query }) => {
      const index = accountOf(c, query.index);
      return json(c, accountAnswer(index, venue.account(index)!, venue.terms.prices));
    },
  );

  route(
    {
      method: "get",
      path: "/v1/orders",
      summary: "Open orders of an account",
      access: "session",
      cost: 5,
      query: AccountQuery,
      answer: { schema: OrdersSchema },
      errors: [404],
    },
    (c, { query }) => {
      const index = accountOf(c, query.index);
      return json(c, { index, orders: venue.orders(index).map(orderJson) });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/receipt",
      summary: "What the item of an account that spent a nonce was answered",
      access: "session",
      cost: 5,
      query: ReceiptQuery,
      answer: { schema: ReceiptAnswerSchema },
      errors: [404],
    },
    async (c, { query: { index, nonce } }) => {
      const found = await venue.answered(accountOf(c, index), BigInt(nonce));
      return json(c, found ? acknowledgementJson(found) : { receipt: null, verdict: null });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/history",
      summary: "What was booked to an account, the oldest first",
      access: "session",
      cost: 5,
      query: HistoryQuery,
      answer: { schema: HistorySchema },
      errors: [404],
    },
    async (c, { query }) => {
      const index = accountOf(c, query.index);
      const { after, limit = DEFAULT_LIMIT } = query;
      const entries = await venue.history(index, { after, limit });
      return json(c, { index, entries: pageOf(entries, limit) });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/opening",
      summary: "What shows an account in the state of the last proved round",
      access: "session",
      query: AccountQuery,
      answer: { schema: OpeningSchema },
      errors: [404],
    },
    (c, { query }) => {
      const found = venue.opening(accountOf(c, query.index));
      if (!found) throw notFound("no proved round holds this account yet");
      return json(c, { round: found.round, opening: openingJson(found.opening) });
    },
  );
}
