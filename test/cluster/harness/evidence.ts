import pg from "pg";
import { readCoSignedHead, readLogHead, type CoSignedHead } from "../../../src/protocol/coSigners.ts";
import { parseGenesis } from "../../../src/protocol/genesis.ts";
import { readKeys } from "../../../src/setup/keyFiles.ts";
import type { Server } from "../postgres.ts";
import type { Cluster } from "./cluster.ts";
import { bareText, type Evidence } from "./judge.ts";
import type { Records } from "./traffic.ts";
import { until } from "./tries.ts";

const ANSWER_MS = 5_000;

/** What a service answers, straight from where it is. @throws where it does not */
export async function ask(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
  const json = (await response.json()) as Record<string, unknown>;
  // A venue that stands by says so with 503.
  if (!response.ok && json.status === undefined) throw new Error(`${url}: ${response.status}`);
  return json;
}

export interface VenueSaid {
  readonly domain: bigint;
  readonly signer: string;
  readonly firstState: bigint;
}

/** What a venue is, as clients pin it when they meet it first. */
export async function meet(cluster: Cluster): Promise<VenueSaid> {
  const venue = await until("a venue that answers", () => ask(`${cluster.direct("v1")}/v1/venue`));
  const { domain } = parseGenesis(venue.genesis);
  return { domain, signer: String(venue.signer), firstState: BigInt(String(venue.genesisState)) };
}

/** Looks on while a cluster runs: who leads, and which rounds there are. */
export class Watch {
  readonly #cluster: Cluster;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  /** the newest of the store that was seen */
  epoch = 0;
  readonly seen = new Map<number, Set<string>>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  start(): void {
    const repeat = async (everyMs: number, look: () => Promise<void>) => {
      while (!this.#stop.signal.aborted) {
        await look().catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, everyMs));
      }
    };
    this.#running = Promise.all([
      repeat(100, () => this.#lookWhoLeads()),
      ...["v1", "v2"].map((venue) => repeat(1_000, () => this.#lookAtRounds(venue))),
    ]);
  }

  async #lookWhoLeads(): Promise<void> {
    const [{ epoch }] = await this.#cluster.primary.query("SELECT epoch FROM lease", 2_000);
    this.epoch = Math.max(this.epoch, Number(epoch));
  }

  async #lookAtRounds(venue: string): Promise<void> {
    const { rounds } = await ask(`${this.#cluster.direct(venue)}/v1/rounds?limit=3`);
    for (const { number } of rounds as { number: number }[]) {
      const text = bareText(await ask(`${this.#cluster.direct(venue)}/v1/rounds/${number}`));
      this.seen.set(number, (this.seen.get(number) ?? new Set()).add(text));
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

/** All records of a journal, as a database has it. */
async function journalOf(server: Server): Promise<Uint8Array[]> {
  const client = new pg.Client({ connectionString: server.url });
  client.on("error", () => {});
  await client.connect();
  try {
    const { rows } = await client.query("SELECT bytes FROM records ORDER BY sequence");
    return (rows as { bytes: Buffer }[]).map(({ bytes }) => new Uint8Array(bytes));
  } finally {
    await client.end();
  }
}

/** Journals of all databases: standbys are waited for, up to what the primary had. */
export async function journalsOf(cluster: Cluster): Promise<Evidence["journals"]> {
  const { primary, standbys } = cluster;
  const records = await until("the journal", () => journalOf(primary));
  const others = standbys.map(async (standby) => {
    const all = await until(`the journal of ${standby.name}`, async () => {
      const found = await journalOf(standby);
      return found.length >= records.length && found;
    }, 600).catch(() => journalOf(standby).catch(() => []));
    return { name: standby.name, records: all.slice(0, records.length) };
  }); // prettier-ignore
  return [{ name: primary.name, records }, ...(await Promise.all(others))];
}

/** All rounds that a venue publishes. */
async function roundsOf(url: string): Promise<unknown[]> {
  const { rounds } = await ask(`${url}/v1/rounds?limit=1`);
  const last = (rounds as { number: number }[])[0]?.number ?? 0;
  const files: unknown[] = [];
  for (let number = 1; number <= last; number++) files.push(await ask(`${url}/v1/rounds/${number}`));
  return files;
}

/** Waits until all that was acknowledged is proved. */
async function proved(cluster: Cluster, { acknowledged }: Records): Promise<void> {
  const last = acknowledged.reduce((most, { receipt: { n } }) => Math.max(most, Number(n)), -1);
  await until(
    `proofs of ${last + 1} entries`,
    async () => Number((await ask(`${cluster.direct("v1")}/v1/health`)).proved) > last,
    12_000,
  );
}

/** Heads that a venue calls final: the newest, and some on the way to it. */
async function finalHeads(url: string, last: number): Promise<CoSignedHead[]> {
  const heads: CoSignedHead[] = [];
  for (let n = 1; n <= last; n = heads.at(-1)!.n + 1) {
    const final = (await ask(`${url}/v1/finality/${n}`)).final;
    if (final === null) break;
    heads.push(readCoSignedHead("final", final));
  }
  return heads;
}

/** All heads that a co-signer has signed, by its own word. */
async function signedHeads(name: string, url: string): Promise<NonNullable<Evidence["coSigned"]>["heads"][number][]> {
  const heads = [];
  const { n: last } = (await ask(`${url}/v1/state`)) as { n: number };
  for (let n = 1; n <= last;) {
    const { signed, signature } = await ask(`${url}/v1/heads/${n}`);
    const { signature: _, ...head } = signed as Record<string, unknown>;
    const read = readLogHead("signed", head);
    heads.push({ name, head: read, signature: String(signature) });
    n = read.n + 1;
  }
  return heads;
}

/** What co-signers have signed, once all that was acknowledged is final. */
async function coSignedOf(cluster: Cluster, { acknowledged }: Records): Promise<Evidence["coSigned"]> {
  if (cluster.options.coSigners === 0) return null;
  const last = acknowledged.reduce((most, { receipt: { n } }) => Math.max(most, Number(n) + 1), 0);
  const final = await until("final heads", async () => {
    const leader = await cluster.leader();
    const heads = leader && (await finalHeads(cluster.direct(leader.name), last));
    return heads && (heads.at(-1)?.n ?? 0) >= last && heads;
  });
  const heads = await Promise.all(cluster.coSigners.map((name) => signedHeads(name, cluster.direct(name))));
  return { addresses: cluster.coSignerAddresses, final, heads: heads.flat() };
}

/** Gathers what the judge needs from a cluster that is whole again. */
export async function gather(
  cluster: Cluster,
  venue: VenueSaid,
  records: Records,
  { watch, oneDisk }: { watch: Watch; oneDisk: Evidence["oneDisk"] },
): Promise<Evidence> {
  let rounds: Evidence["proved"] = null;
  if (cluster.options.prove) {
    await proved(cluster, records);
    const first = await roundsOf(cluster.direct("v1"));
    const second = await until("the same rounds at both venues", async () => {
      const found = await roundsOf(cluster.direct("v2"));
      return found.length >= first.length && found.slice(0, first.length);
    });
    await watch.end();
    const seen = new Map([...watch.seen].filter(([number]) => number <= first.length));
    rounds = { keys: await readKeys("demo"), venues: [{ name: "v1", rounds: first }, { name: "v2", rounds: second }], seen }; // prettier-ignore
  }
  await watch.end();
  // Before the journal is read: what it lacks of this was lost.
  const coSigned = await coSignedOf(cluster, records);
  return {
    ...venue,
    sent: [...records.sent.values()],
    acknowledged: records.acknowledged,
    contradictions: records.contradictions,
    journals: await journalsOf(cluster),
    proved: rounds,
    oneDisk,
    coSigned,
  };
}
