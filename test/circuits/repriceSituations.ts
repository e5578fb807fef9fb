/** Situations in which a REPRICE comes: rules that requireRules takes, prices before, and reports of which the medians are given. */
import type { Event } from "../../src/matcher/events.ts";
import { deficitOf, insured } from "../../src/protocol/defaults.ts";
import { sign } from "../../src/protocol/eddsa.ts";
import { contractsHash, type Contract, type Instrument } from "../../src/protocol/instrument.ts";
import { PROFILES, type Profile } from "../../src/protocol/instructions.ts";
import { repriceItem } from "../../src/protocol/item.ts";
import type { MarketRules } from "../../src/protocol/market.ts";
import { max, min } from "../../src/protocol/numbers.ts";
import { INSTRUMENT_KIND, INSTRUMENTS, INSURANCE, MARKETS, TENORS } from "../../src/protocol/parameters.ts";
import { noPrices, reprice, type Prices, type PricedRules, type Pricing } from "../../src/protocol/prices.ts";
import { medians, reportHash, type Numbers, type Report, type SignedReport } from "../../src/protocol/report.ts";
import { requireRules, rulesRoot, type Rules } from "../../src/protocol/rules.ts";
import { Random } from "../../src/replay/random.ts";
import { Ledger } from "../../src/witness/ledger.ts";
import { accountOf, vector } from "../defaulting.ts";
import { group, market, pricing } from "../protocol/pricedRules.ts";

export const DOMAIN = 77n;
export const PROFILE: Profile = PROFILES.demo;
/** Of the feeds in pricedRules. */
const SECRETS = [11, 12, 13, 14].map((byte) => new Uint8Array(32).fill(byte));
const MOST = (1n << 40n) - 1n;
const SIGMA = (3n << 24n) / 4n;

export interface Situation {
  readonly rules: Rules;
  readonly before: Prices;
  readonly epoch: bigint;
  readonly time: bigint;
  readonly quorum: readonly SignedReport[];
  /** of fees what is the insurance account's, 2^-16 cash units; what it lacked before */
  readonly share?: bigint;
  readonly deficit?: bigint;
}

export function pricedRules(rules: Rules): PricedRules {
  return {
    root: rulesRoot(rules),
    pricing: rules.group.pricing,
    instruments: rules.instruments,
    markets: rules.markets,
  };
}

export function signedReport(feed: number, report: Report): SignedReport {
  return { feed, report, auth: sign(SECRETS[feed], reportHash(report)) };
}

/** Reports of three feeds of which the medians are `numbers`: of each number one report may have less, and one more; what is none one at least lacks. */
export function quorumFor(random: Random, rules: Rules, epoch: bigint, numbers: Numbers): SignedReport[] {
  const out = random.integer(0, 3);
  const feeds = [0, 1, 2, 3].filter((feed) => feed !== out);
  const spread = (value: bigint): bigint[] => {
    const off = random.pick([0n, 0n, 1n, 5n, MOST]);
    // None where one report lacks it, whatever the others say.
    const others = () => random.pick([0n, 1n, 100_000n, MOST]);
    const three =
      value === 0n
        ? [0n, others(), others()]
        : [max(1n, value - off), value, min(MOST, value + random.pick([0n, 1n, off]))];
    for (let i = 2; i > 0; i--) {
      const j = random.integer(0, i);
      [three[i], three[j]] = [three[j], three[i]];
    }
    return three;
  };
  const index = spread(numbers.index);
  const average = spread(numbers.average);
  const sigma = spread(numbers.sigma);
  const premium = spread(numbers.premium);
  const values = numbers.values.map((value) => spread(value));
  const contracts = contractsHash(rules.instruments);
  return feeds.map((feed, j) =>
    signedReport(feed, {
      domain: DOMAIN,
      contracts,
      epoch,
      index: index[j],
      average: average[j],
      sigma: sigma[j],
      premium: premium[j],
      values: values.map((three) => three[j]),
    }),
  );
}

/** The insurance account owes what it has sold. */
const INSURED = accountOf({ positions: vector(-3n, 2n, 1n, -1n) });
const ACCOUNTS = [accountOf(), INSURED];

export function ledgerOf({
  rules,
  before,
  time,
  share = 0n,
  deficit = 0n,
}: Omit<Situation, "epoch" | "quorum">): Ledger {
  let blind = 0n;
  const genesis = { profile: PROFILE, domain: DOMAIN, rules, prices: before, accounts: ACCOUNTS, time: time - 1n };
  const ledger = new Ledger({ ...genesis, blind: () => ++blind });
  Object.assign(ledger.state, { share, deficit });
  return ledger;
}

export function eventOf({
  rules,
  before,
  epoch,
  time,
  quorum,
  share = 0n,
  deficit = 0n,
}: Situation): Extract<Event, { kind: "reprice" }> {
  const after = reprice(pricedRules(rules), before, epoch, medians(quorum));
  const credited = insured(INSURED, share);
  const write = { index: INSURANCE, before: INSURED, after: credited.insurance };
  const held = { vault: 0n, relief: 0n, deficit: after.halted ? deficit : deficitOf(credited.insurance, after) };
  return { kind: "reprice", entry: { item: repriceItem(epoch), time, quorum }, epoch, before, after, funded: [], insurance: write, held, share: credited.share }; // prettier-ignore
}

/** Rules at random: kinds, expiries about `end`, markets, and words of the pricing rules now and then at their ends. */
export function randomRules(random: Random, end: bigint): Rules {
  const some = (...values: bigint[]) => random.pick(values);
  const grid = some(60n, 600n, 3_600n);
  const moves = (cap: bigint) => {
    const most = min(72n, ((4n << 24n) - 1n) / cap);
    return () => some(0n, most, -most, 12n < most ? 12n : 1n, -(most / 2n), BigInt(random.integer(0, Number(most))));
  };
  const rangeCap = some(200_000n, (1n << 26n) - 1n, 1n, 932_067n, 2_000_000n);
  const move = moves(rangeCap);
  const words: Pricing = {
    ...pricing(),
    epochLength: 60n,
    lag: some(0n, 5n, 30n),
    grid,
    window: random.pick([1n, 37n, grid, grid / 2n]),
    scenarios: Array.from({ length: PROFILE.scenarios }, (_, k) =>
      k === 0
        ? { move: 0n, level: "asItIs", weight: some(0n, 64n) }
        : {
            move: move(),
            level: random.pick(["asItIs", "raised", "lowered"] as const),
            weight: some(0n, 64n, 64n, 64n, 1n, 37n),
          },
    ),
    raised: some(0n, 24n, 64n),
    lowered: some(0n, -16n, -32n),
    tenors: Array.from({ length: TENORS }, () => some(0n, 64n, 255n, BigInt(random.integer(0, 255)))),
    leastVolatility: some(0n, 1n << 21n, (1n << 28n) - 1n),
    horizon: some(109_739n, 1n, (1n << 32n) - 1n),
    rangeFloor: random.pick([1n, rangeCap, max(1n, rangeCap / 10n)]),
    rangeCap,
    fundingEvery: some(1n, 60n, 7n, 65_536n),
    fundingDivisor: some(1n, 8n, 1_000n, (1n << 32n) - 1n),
    fundingClamp: some(0n, 655n, 1n << 16n),
    step: some(1n, 6_554n, 1n << 16n),
    markBand: some(0n, 3_277n, (1n << 16n) - 1n),
  };
  const near = (end / grid) * grid;
  const expiryOf = () => near + grid * some(0n, 0n, 1n, 1n, 2n, 24n, 5_000n, -1n);
  const instruments: (Instrument | null)[] = Array(INSTRUMENTS).fill(null);
  const put = (slot: number, contract: Contract) => {
    const charge = () => some(0n, 10n, 20n, MOST);
    const weight = some(1n, 5n, (1n << 16n) - 1n);
    instruments[slot] = { contract, longCharge: charge(), shortCharge: charge(), weight };
  };
  const future = (expiry: bigint): Contract => ({
    kind: BigInt(INSTRUMENT_KIND.future),
    expiry,
    strike: 0n,
    forward: 0n,
    volatility: 0n,
  });
  const first = random.integer(0, 4);
  if (first === 0) put(0, future(expiryOf()));
  else if (first > 1) put(0, { ...future(0n), kind: BigInt(INSTRUMENT_KIND.perpetual) });
  for (let slot = 1; slot < INSTRUMENTS; slot++) {
    if (random.unit() < 0.1) continue;
    const forwards = instruments.flatMap((it, i) =>
      it && (i === 0 ? first > 1 : true) && Number(it.contract.kind) <= INSTRUMENT_KIND.future ? [i] : [],
    );
    if (forwards.length === 0 || random.unit() < 0.25) {
      put(slot, future(expiryOf()));
      continue;
    }
    const forward = random.pick(forwards);
    const under = instruments[forward]!.contract;
    const expiry = under.expiry === 0n ? expiryOf() : under.expiry;
    const marked = instruments.flatMap((it, i) =>
      it && Number(it.contract.kind) > 2 && it.contract.expiry === expiry && it.contract.volatility === BigInt(i)
        ? [i]
        : [],
    );
    const volatility = marked.length > 0 && random.unit() < 0.6 ? random.pick(marked) : slot;
    const strike = some(1n, 100_000n, 120_000n, 90_000n, MOST, BigInt(random.integer(50_000, 200_000)));
    put(slot, {
      kind: BigInt(random.pick([INSTRUMENT_KIND.call, INSTRUMENT_KIND.put])),
      expiry,
      strike,
      forward: BigInt(forward),
      volatility: BigInt(volatility),
    });
  }
  const used = instruments.flatMap((it, i) => (it ? [i] : []));
  const rows = Array.from({ length: MARKETS }, (_, m): MarketRules | null => {
    if (random.unit() < 0.25) return null;
    const count = random.pick([0, 1, 1, 1, 2, 3, used.length]);
    const legs = Object.fromEntries(
      Array.from({ length: count }, () => [random.pick(used), some(1n, 1n, -1n, 2n, 127n, -128n)]),
    );
    const tick = some(1n, 10n, 7n, (1n << 32n) - 1n);
    return market(BigInt(m + 1), legs, { tick, until: 0n });
  });
  const rules = { group: { ...group(), pricing: words }, instruments, markets: rows };
  return requireRules(rules, PROFILE, { bounded: false });
}

/** Medians at random: near what is likely, missing, or at the ends; after an expiry numbers are 1 + an average. */
export function randomNumbers(random: Random): Numbers {
  const any = () => BigInt(random.integer(0, 2 ** 40 - 1));
  const price = () => random.pick([100_000n, 100_000n, 99_000n, 100_500n, 130_000n, 1n, MOST, 0n, any()]);
  const volatility = () => random.pick([SIGMA, SIGMA / 10n, SIGMA * 6n, 1n, MOST, 0n]);
  return {
    index: price() || 1n,
    average: price() || 1n,
    sigma: volatility() || 1n,
    premium: random.pick([0n, 1n << 39n, (1n << 39n) + 77n, (1n << 39n) - 1_000n, 1n, MOST]),
    values: Array.from({ length: INSTRUMENTS }, () => (random.unit() < 0.5 ? price() : volatility())),
  };
}

/** A situation at random: a first epoch, a later one, or the same one under other rules; whether prices before came of others. */
export function randomSituation(random: Random): Situation {
  const length = 60n;
  let epoch = BigInt(random.integer(20_000, 30_000));
  let rules = randomRules(random, epoch * length);
  let before = noPrices(pricedRules(rules));
  const steps = random.pick([0, 1, 1, 2, 3]);
  const step = () => random.pick([1n, 1n, 2n, 15n, 16n, 17n, 40n, 5_000n]);
  for (let i = 0; i < steps; i++) {
    before = reprice(pricedRules(rules), before, epoch, randomNumbers(random));
    epoch += step();
  }
  if (steps > 0 && random.unit() < 0.3) {
    // Other words of the pricing rules, and other charges, as RULES may bring them while contracts stay what they are.
    const other = randomRules(random, epoch * length).group;
    const { grid } = rules.group.pricing;
    const scenarios = rules.group.pricing.scenarios;
    const window = min(grid, other.pricing.window);
    const { rangeCap, rangeFloor } = rules.group.pricing;
    const words = { ...other.pricing, grid, window, scenarios, rangeCap: max(1n, rangeCap - 1n), rangeFloor: min(rangeFloor, max(1n, rangeCap - 1n)) }; // prettier-ignore
    rules = { ...rules, group: { ...other, pricing: words } };
    if (random.unit() < 0.7) epoch = before.epoch;
  }
  requireRules(rules, PROFILE, { bounded: false });
  const time = epoch * length + rules.group.pricing.lag + BigInt(random.integer(0, 90));
  return { rules, before, epoch, time, quorum: quorumFor(random, rules, epoch, randomNumbers(random)) };
}
