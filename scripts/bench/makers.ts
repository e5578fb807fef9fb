/** What benchmarks of makers have in common: their venue, and all that is sent to it. */
import type { Command, ItemCommand } from "../../src/matcher/matcher.ts";
import { depositKey, publicKey, sign } from "../../src/protocol/eddsa.ts";
import { parseGenesis, type GenesisFile } from "../../src/protocol/genesis.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { contractsHash } from "../../src/protocol/instrument.ts";
import { itemHash, orderItem, quotesItem, type Item, type OrderFields, type Quote } from "../../src/protocol/item.ts";
import { INSTRUMENTS, LIST_ORDERS, SIDE } from "../../src/protocol/parameters.ts";
import { reportHash, type SignedReport } from "../../src/protocol/report.ts";
import { Random } from "../../src/replay/random.ts";
import { DEVELOPMENT_PRICE, developmentGenesis } from "../../src/venue/developmentGenesis.ts";

export interface MakersOptions {
  /** prices that a maker quotes on each side of a market */
  levels: number;
  /** whether quotes are put by lists, or each by an order that replaces the one before it */
  lists: boolean;
  /** seconds between auctions, at the beginning of which makers quote anew, and between orders of takers */
  every: number;
  takersEvery: number;
  seconds: number;
  /** sign items and reports; else the matcher is told that each is signed */
  signed: boolean;
  /** changes of each market's row in the genesis file */
  row?: Record<string, string>;
}

export interface MakersFlow {
  genesis: GenesisFile;
  /** of the operator key */
  secret: Uint8Array;
  deposits: Extract<Command, { kind: "deposits" }>["deposits"];
  items: readonly ItemCommand[];
  /** What all feeds say of an epoch: prices stay as they are. */
  reports: (epoch: bigint) => readonly SignedReport[];
}

const [MAKERS, TAKERS] = [5, 5];
const FIRST = 2;
const START = 1_700_000_000n;
const INDEX = DEVELOPMENT_PRICE;
const SIGMA = (60n << 24n) / 100n;
/** Of options a month ahead at this volatility, about. */
const MARKS: readonly (readonly [market: bigint, mark: bigint])[] = [
  [101n, INDEX],
  [102n, 7_000n],
  [103n, 7_000n],
  [104n, 14_000n],
  [105n, INDEX],
];

/** Five makers who quote both sides of five markets, before each auction; and takers, whose orders leave at the next one. */
export function makersFlow(options: MakersOptions): MakersFlow {
  const { levels, lists, every, takersEvery, seconds, signed, row } = options;
  const [secret, insurance] = [1, 2].map((byte) => new Uint8Array(32).fill(byte));
  const feeds = Array.from({ length: PROFILES.standard.feeds }, (_, feed) => new Uint8Array(32).fill(60 + feed));
  const json = developmentGenesis({ secret, insurance, domain: 5n, time: START, profile: "standard", interval: every, feeds: feeds.map(publicKey) }); // prettier-ignore
  const rules = json.rules as { markets: readonly object[] };
  const markets = rules.markets.map((market) => ({ ...market, ...row }));
  const genesis = parseGenesis({ ...json, rules: { ...rules, markets } }, { bounded: false });
  const contracts = contractsHash(genesis.rules.instruments);
  const reports = (epoch: bigint): SignedReport[] =>
    feeds.map((secret, feed) => {
      // The put has the call's volatility.
      const values = Array.from({ length: INSTRUMENTS }, (_, i) => [INDEX, SIGMA][i] ?? 0n);
      const numbers = { index: INDEX, average: INDEX, sigma: SIGMA, premium: 0n, values };
      const report = { domain: genesis.domain, contracts, epoch, ...numbers };
      return { feed, report, auth: signed ? sign(secret, reportHash(report)) : { R8x: 0n, R8y: 0n, S: 0n } };
    });
  const secrets = Array.from({ length: MAKERS + TAKERS }, (_, i) => new Uint8Array(32).fill(20 + i));
  const deposits = secrets.map((it) => {
    const { x: keyX, y: keyY } = depositKey(publicKey(it));
    return { keyX, keyY, index: 0, amount: 10n ** 13n };
  });
  const nonces = Array<bigint>(FIRST + MAKERS + TAKERS).fill(0n);
  const resting = new Map<string, bigint>();
  const random = new Random(7);
  const items: ItemCommand[] = [];
  const put = (account: number, time: bigint, item: Item) => {
    const { R8x, R8y, S } = signed ? sign(secrets[account - FIRST], itemHash(genesis.domain, item)) : { R8x: 0n, R8y: 0n, S: 0n }; // prettier-ignore
    items.push({ kind: "item", time, item, auth: { R8x, R8y, S }, ...(signed ? {} : { signed: true }) });
  };
  const common = (account: number, time: bigint) => {
    return { account: BigInt(account), nonce: nonces[account] + 1n, validUntil: time + 100n, expiry: time + 1_000n, salt: BigInt(items.length) }; // prettier-ignore
  };
  const order = (by: number, time: bigint, fields: Pick<OrderFields, "market" | "side" | "limit" | "size" | "thisAuction" | "replaces">) => {
    put(by, time, orderItem({ ...common(by, time), ...fields }));
    return ++nonces[by];
  }; // prettier-ignore
  const list = (by: number, time: bigint, market: bigint, orders: readonly Quote[]) => {
    put(by, time, quotesItem({ ...common(by, time), market, orders }));
    nonces[by] += BigInt(LIST_ORDERS);
  };
  for (let second = 1; second <= seconds; second++) {
    const time = START + BigInt(second);
    // The first auction is at a multiple of the interval.
    if (time % BigInt(every) === 1n || second === 1)
      for (let maker = FIRST; maker < FIRST + MAKERS; maker++)
        for (const [market, mark] of MARKS) {
          const middle = mark + BigInt(random.integer(-1, 1)) * 10n;
          const quotes = Array.from({ length: levels }, (_, level) => BigInt(10 * (1 + level + (maker % 3)))).flatMap(
            (away): Quote[] => [
              { side: SIDE.buy, limit: middle - away, size: 5n },
              { side: SIDE.sell, limit: middle + away, size: 5n },
            ],
          );
          if (lists) list(maker, time, market, quotes);
          else
            quotes.forEach((quote, i) => {
              const place = `${maker}/${market}/${i}`;
              resting.set(place, order(maker, time, { market, ...quote, replaces: resting.get(place) ?? 0n }));
            });
        }
    if (second % takersEvery !== 0) continue;
    const [market, mark] = random.pick([...MARKS]);
    const side = random.integer(0, 1);
    const taker = FIRST + MAKERS + random.integer(0, TAKERS - 1);
    order(taker, time, {
      market,
      side,
      limit: mark + (side === SIDE.sell ? -200n : 200n),
      size: 3n,
      thisAuction: true,
    });
  }
  return { genesis, secret, deposits, items, reports };
}
