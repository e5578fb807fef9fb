// Goal: a proof of reprice says what src/protocol/prices.ts makes of a quorum's reports, for whatever they report, and nothing else.
// Method: one case after another and random situations (seed in the name of the test; TACIT_ROUNDS sets their number), all public
// outputs against the ledger; malicious inputs, which leave no witness or other outputs; forged witnesses of its body. Of its parts:
// repriceParts.test.ts.
import assert from "node:assert/strict";
import { contractsHash } from "../../src/protocol/instrument.ts";
import { FIELD } from "../../src/protocol/numbers.ts";
import { INSTRUMENTS, TENORS } from "../../src/protocol/parameters.ts";
import { noPrices, reprice, type Prices } from "../../src/protocol/prices.ts";
import { NO_PREMIUM, reportWords, type Numbers, type Report } from "../../src/protocol/report.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import { Random } from "../../src/replay/random.ts";
import type { InstructionInputs } from "../../src/witness/ledger.ts";
import { repriceInputs } from "../../src/witness/reprice.ts";
import { contract, EXPIRY, group, instrument, instruments, market, pricing, rules } from "../protocol/pricedRules.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { remembersHashes } from "./remembering.ts";
import {
  DOMAIN,
  eventOf,
  ledgerOf,
  pricedRules,
  PROFILE,
  quorumFor,
  randomSituation,
  signedReport,
  type Situation,
} from "./repriceSituations.ts";

/** Inputs of an instruction, free to be changed. */
type Tampered = { [name: string]: any };

const file = "circuits/instructions/reprice.circom";
const SEED = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
const ROUNDS = Number(process.env.TACIT_ROUNDS ?? 6);

const L = pricing().epochLength;
const AT_EXPIRY = EXPIRY / L;
const SIGMA = (3n << 24n) / 4n;
const VALUES = [100_100n, 100_500n, SIGMA, 0n, SIGMA];
const AVERAGE = 104_000n;
const SETTLED = Object.fromEntries([1, 2, 3, 4].map((i) => [i, 1n + AVERAGE]));

function numbers(change: Partial<Numbers> = {}, values: Record<number, bigint> = {}): Numbers {
  const all = Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? VALUES[i] ?? 0n);
  return { index: 100_000n, average: 100_000n, sigma: SIGMA, premium: NO_PREMIUM, values: all, ...change };
}
const ruled = (words: Partial<Rules["group"]["pricing"]>, change: Partial<Rules> = {}): Rules => ({
  ...rules(),
  group: { ...group(), pricing: { ...pricing(), ...words } },
  ...change,
});
/** Prices of epochs, one after the other. */
function history(of: Rules, steps: [epoch: bigint, medians: Numbers][]): Prices {
  const priced = pricedRules(of);
  return steps.reduce((before, [epoch, medians]) => reprice(priced, before, epoch, medians), noPrices(priced));
}
function situation(of: Rules, before: Prices, epoch: bigint, medians: Numbers): Situation {
  const quorum = quorumFor(new Random(1), of, epoch, medians);
  return { rules: of, before, epoch, time: epoch * L + of.group.pricing.lag, quorum };
}

const FIRST = 1_000n;
const earlier = (of = rules()) => history(of, [[FIRST, numbers()]]);
const settledBefore = () => history(rules(), [[AT_EXPIRY - 2n, numbers()], [AT_EXPIRY, numbers({}, SETTLED)]]); // prettier-ignore
const full = () => ({ ...earlier(), funding: (1n << 40n) - 1n });
const other = () => ruled({ rangeCap: 80_000n, step: 1n });

/** Each with what its prices show of it. */
// prettier-ignore
const CASES: [why: string, situation: () => Situation, shows: (after: Prices, before: Prices) => boolean][] = [
  ["a first epoch", () => situation(rules(), noPrices(pricedRules(rules())), FIRST, numbers()), ({ halted, markets }) => !halted && !!markets[4]],
  ["a next epoch", () => situation(rules(), earlier(), FIRST + 1n, numbers({ index: 101_000n })), ({ index }) => index === 101_000n],
  ["an equal epoch under other rules", () => situation(other(), earlier(), FIRST, numbers({ index: 150_000n, premium: 1n })), ({ index, range, halted }, old) => index === old.index && range < old.range && !halted],
  ["an equal epoch that stays halted", () => { const halted = history(rules(), [[FIRST, numbers()], [FIRST + 1n, numbers({ index: 150_000n })]]); return situation(other(), halted, FIRST + 1n, numbers()); }, ({ halted }) => halted],
  ["a halt", () => situation(rules(), earlier(), FIRST + 1n, numbers({ index: 110_001n })), ({ halted }) => halted],
  ["no halt, by one", () => situation(rules(), earlier(), FIRST + 1n, numbers({ index: 90_000n })), ({ halted }) => !halted],
  ["a range that rises by a quarter", () => situation(ruled({ rangeCap: (1n << 24n) }), { ...earlier(), range: 100_001n }, FIRST + 1n, numbers({ sigma: 1n << 39n })), ({ range }) => range === 125_001n],
  ["a range after 16 epochs, and after more", () => situation(ruled({ rangeCap: (1n << 24n) }), { ...earlier(), range: 20_001n }, FIRST + 17n, numbers({ sigma: 1n << 39n })), ({ range }) => range === (20_001n * 5n ** 16n) / 4n ** 16n],
  ["funding due", () => situation(rules(), earlier(), 1_020n, numbers({ premium: NO_PREMIUM + 100n })), ({ funding, fundingRest }) => funding === 12n && fundingRest === 4n],
  ["funding below 0", () => situation(rules(), earlier(), 1_300n, numbers({ premium: NO_PREMIUM - 1n })), ({ funding, fundingRest }) => funding === -1n && fundingRest === 7n],
  ["funding within its clamp", () => situation(rules(), earlier(), 1_020n, numbers({ premium: 1n })), ({ funding }) => funding === -125n],
  ["funding not due", () => situation(rules(), earlier(), 1_019n, numbers({ premium: NO_PREMIUM + 100n })), ({ funding }) => funding === 0n],
  ["funding that is full", () => situation(rules(), full(), 1_020n, numbers({ premium: NO_PREMIUM + 100n })), ({ funding }) => funding === full().funding],
  ["a mark far from the index", () => situation(rules(), earlier(), FIRST + 1n, numbers({}, { 0: 1n << 39n })), ({ last }) => last[0] === 105_000n],
  ["a future that nobody reports", () => situation(rules(), earlier(), FIRST + 1n, numbers({}, { 1: 0n })), ({ stale, markets }) => stale[1] && stale[4] && !stale[2] && !markets[1] && !!markets[2]],
  ["a volatility that nobody reports", () => situation(rules(), earlier(), FIRST + 1n, numbers({}, { 2: 0n })), ({ stale }) => stale[2] && stale[3] && !stale[4]],
  ["the settlement window", () => situation(rules(), earlier(), AT_EXPIRY - 7n, numbers({ average: 98_000n })), ({ values }) => values[0][1] === (98_000n * 1_380n) / 1_800n + (100_500n * 420n) / 1_800n],
  ["an expiry that nobody reports", () => situation(rules(), earlier(), AT_EXPIRY, numbers({}, { 1: 0n, 2: 0n, 4: 0n })), ({ payoffs, stale }) => payoffs.every((it) => it === 0n) && stale[1]],
  ["an expiry", () => situation(rules(), earlier(), AT_EXPIRY, numbers({}, SETTLED)), ({ payoffs, values }) => payoffs[1] === 104_001n && payoffs[2] === 4_001n && payoffs[3] === 1n && values[3][2] === 4_000n],
  ["what has settled", () => situation(rules(), settledBefore(), AT_EXPIRY + 3n, numbers({}, { 1: 77n, 2: 77n, 3: 77n, 4: 77n })), ({ payoffs }) => payoffs[1] === 104_001n],
  ["an expiry in an equal epoch", () => situation(other(), history(rules(), [[AT_EXPIRY, numbers({}, { 1: 0n })]]), AT_EXPIRY, numbers({}, SETTLED)), ({ payoffs }) => payoffs[1] === 0n],
  ["a perpetual that was given an expiry", () => { const given = instruments().map((it, i) => (i === 0 ? instrument(contract("future")) : it)); const of = { ...rules(), instruments: given, markets: rules().markets.map(() => null) }; return situation(of, { ...earlier(), funding: 500n }, AT_EXPIRY, numbers({}, { 0: 1n + AVERAGE })); }, ({ values, funding }) => funding === 500n && values.every((row) => row[0] === AVERAGE - 500n)],
  ["a mark of 41 bits", () => situation({ ...rules(), markets: [market(101n, { 1: 127n }), market(102n, { 1: -1n, 4: 1n }), ...Array<null>(14).fill(null)] }, earlier(), FIRST + 1n, numbers({}, { 1: (1n << 40n) / 126n })), ({ markets }) => !markets[0] && !!markets[1]],
  ["no instrument and no market", () => { const none = { ...rules(), instruments: Array<null>(INSTRUMENTS).fill(null), markets: rules().markets.map(() => null) }; return situation(none, noPrices(pricedRules(none)), FIRST, numbers()); }, ({ values }) => values.flat().every((value) => value === 0n)],
  ["a share of fees that is credited", () => ({ ...situation(rules(), earlier(), FIRST + 1n, numbers()), share: 7n * 65_536n + 65_535n }), () => true],
  ["a share of fees that pays what is lacking", () => ({ ...situation(rules(), earlier(), FIRST + 1n, numbers()), share: 1n << 60n, deficit: 5n }), () => true],
  ["a halt, which leaves what is lacking as it was", () => ({ ...situation(rules(), earlier(), FIRST + 1n, numbers({ index: 110_001n })), share: 7n << 16n, deficit: 5n }), ({ halted }) => halted],
  ["tenors that differ", () => situation(ruled({ tenors: Array.from({ length: TENORS }, (_, i) => BigInt(16 * i)) }), earlier(), FIRST + 1n, numbers()), () => true],
];

describe("circuits/instructions/reprice", () => {
  remembersHashes();
  let circuit: Circuit;
  before(async () => {
    circuit = await compileTemplate({
      file,
      template: "Reprice",
      args: [4, 4, PROFILE.depth],
      optimise: false,
      attributed: false,
    });
  });
  const shown = (inputs: Inputs) => circuit.publicValues(inputs, 6);
  const built = (of: Situation) => repriceInputs(ledgerOf(of), eventOf(of));
  const agrees = ({ inputs, publicInputs }: InstructionInputs, why?: string) =>
    assert.deepEqual(shown(inputs as Inputs), publicInputs, why);

  describe("agrees with prices.ts", () => {
    for (const [why, of, shows] of CASES)
      it(why, () => {
        const event = eventOf(of());
        assert.ok(shows(event.after, event.before), "the case is what it says");
        agrees(built(of()));
      });

    it(`in ${ROUNDS} random situations (seed ${SEED})`, () => {
      const random = new Random(SEED);
      for (let round = 0; round < ROUNDS; round++) agrees(built(randomSituation(random)), `round ${round}`);
    });

    it("right after the last entry of the second before", () => {
      const of = situation(rules(), earlier(), FIRST + 1n, numbers());
      const ledger = ledgerOf(of);
      ledger.state.clock = 32n * of.time - 1n;
      agrees(repriceInputs(ledger, eventOf(of)));
    });

    it("in constraints", () => {
      const { inputs } = built(situation(rules(), earlier(), FIRST + 1n, numbers()));
      assert.equal(circuit.satisfies(circuit.witness(inputs as Inputs)), true);
    });
  });

  describe("forged witnesses", () => {
    const whole = () => compileTemplate({ file, template: "Reprice", args: [4, 4, PROFILE.depth], optimise: false });
    const of = () => situation(rules(), earlier(), FIRST + 1n, numbers({ index: 101_000n }));
    const CONTRACTS = "signal contracts <== Hash(TAG_VECTOR(), N)(contract)";

    it("reports about other contracts: refused", async () => {
      const { quorum, ...rest } = of();
      const { inputs } = built({ quorum, ...rest });
      const signed = quorum.map(({ feed, report }) => signedReport(feed, { ...report, contracts: 5n }));
      const pins = signed.flatMap(({ auth: { R8x, R8y, S } }, j) => [[`R8x[${j}]`, R8x], [`R8y[${j}]`, R8y], [`signature[${j}]`, S]]); // prettier-ignore
      (await whole()).refuses(inputs as Inputs, { contracts: 5n, ...Object.fromEntries(pins) }, CONTRACTS);
    });

    const sharing = () => ({ ...of(), share: 7n * 65_536n + 5n, deficit: 9n });
    const halting = () => ({
      ...sharing(),
      ...situation(rules(), earlier(), FIRST + 1n, numbers({ index: 120_000n })),
    });
    type Read = (name: string) => bigint;
    const plus = (name: string, by: bigint) => (read: Read) => ({ [name]: read(name) + by });
    const cheats: [why: string, of: () => Situation, cheat: (read: Read) => Record<string, bigint>, rule?: string][] = [
      ["the insurance account not credited", sharing, () => ({ credit: 0n })],
      ["one unit more credited", sharing, plus("credit", 1n)],
      ["credited, and its share stays", sharing, (read) => ({ "after.clearing.share": read("before.clearing.share") })],
      ["a rest of its share lost", sharing, () => ({ "after.clearing.share": 0n })],
      ["one unit more than is credited", sharing, plus("insured.cash", 1n)],
      ["a position that goes", sharing, plus("insured.positions[0]", 1n)],
      ["another key of the insurance account", sharing, plus("insured.keyX", 1n)],
      ["its flag raised", sharing, plus("insured.flagged", 1n)],
      ["seq raised", sharing, plus("insured.seq", 1n)],
      ["the tree left as it was", sharing, (read) => ({ "after.accounts.root": read("before.accounts.root") })],
      ["a deficit one unit too great", sharing, plus("deficit", 1n)],
      ["a deficit one unit too small", sharing, plus("lacking", -1n)],
      ["the deficit as it was", sharing, () => ({ "after.losses.deficit": 9n })],
      ["a deficit where the epoch is halted", halting, (read) => ({ deficit: read("lacking") })],
      ["relief given", sharing, plus("after.losses.relief", 1n)],
      ["another insurance account than the leaf's", sharing, plus("insurance.cash", 1n), "update.rootBefore === before.accounts.root"],
    ]; // prettier-ignore
    for (const [why, make, cheat, rule] of cheats)
      it(`${why}: refused`, async () => {
        const circuit = await whole();
        const { inputs } = built(make());
        const honest = circuit.witness(inputs as Inputs);
        circuit.refuses(inputs as Inputs, cheat((name) => circuit.read(name, honest)), rule);
      }); // prettier-ignore

    it("the share credited to another account: refused, in whatever tree", async () => {
      const root = { "before.accounts.root": "update.rootBefore" };
      (await whole()).refuses(built(sharing()).inputs as Inputs, { "update.index[0]": 0n }, undefined, root);
    });

    it(`each signal of its body is bound by the rule that computes it: ${2 * ROUNDS} statements (seed ${SEED})`, async () => {
      const sample = { random: new Random(SEED), count: 2 * ROUNDS };
      pinsEach(await whole(), { fixture: built(of()).inputs as Inputs }, "reprice.circom Reprice", [CONTRACTS], sample);
    });
  });

  describe("malicious inputs", () => {
    let honest: InstructionInputs;
    let of: Situation;
    before(() => {
      of = situation(rules(), earlier(), FIRST + 2n, numbers());
      honest = built(of);
    });
    const tampered = (change: (inputs: Tampered) => void): Inputs => {
      const inputs = structuredClone(honest.inputs) as Tampered;
      change(inputs);
      return inputs as Inputs;
    };
    /** Reports that are signed as they should not be. */
    const resigned = (i: Tampered, change: Partial<Report>, feeds = of.quorum.map(({ feed }) => feed)) => {
      const signed = of.quorum.map(({ report }, j) => signedReport(feeds[j], { ...report, ...change }));
      i.feed = feeds.map(BigInt);
      i.words = signed.map(({ report }) => reportWords(report));
      i.R8x = signed.map(({ auth }) => auth.R8x);
      i.R8y = signed.map(({ auth }) => auth.R8y);
      i.signature = signed.map(({ auth }) => auth.S);
      if (change.epoch !== undefined) i.epoch = change.epoch;
    };

    const refused: [why: string, change: (inputs: Tampered) => void][] = [
      ["phase clearing", (i) => (i.before.phase = 1n)],
      ["phase paying", (i) => (i.before.phase = 18n)],
      ["another rules' group", (i) => (i.group.lag = 0n)],
      ["other pricing rules", (i) => (i.pricing.rangeCap += 1n)],
      ["other scenarios", (i) => (i.pricing.scenarios[0] += 1n)],
      ["another feed's key", (i) => (i.keys[3] = i.keys[0])],
      ["another market row", (i) => (i.rows[0].tick += 1n)],
      ["a market that is left out", (i) => (i.rulesRows[0] = 0n)],
      ["another charge", (i) => (i.instruments[2].shortCharge -= 1n)],
      ["another strike", (i) => (i.instruments[2].contract.strike -= 1n)],
      ["an instrument that is left out", (i) => (i.instrumentRows[3] = 0n)],
      ["an instrument in a free slot", (i) => (i.instrumentRows[9] = i.instrumentRows[1])],
      ["prices before of another epoch", (i) => (i.meta.epoch -= 1n)],
      ["prices before that were not halted", (i) => (i.meta.halted = 1n - i.meta.halted)],
      ["another index before", (i) => (i.history.index += 1n)],
      ["another last number", (i) => (i.last[1] += 1n)],
      ["another payoff", (i) => (i.payoffs[1] = 1n)],
      ["other scenarios before", (i) => (i.scenarios += 1n)],
      ["other rows before", (i) => (i.rowsBefore += 1n)],
      ["stamped before the log", (i) => (i.before.logged.clock = 32n * i.stamp + 1n)],
      ["stamped in the second of another REPRICE", (i) => (i.before.logged.clock = 32n * i.stamp)],
      ["an epoch that is not over by the lag", (i) => (i.stamp -= 1n)],
      ["an epoch before the last one", (i) => resigned(i, { epoch: FIRST - 1n })],
      ["the last epoch, under the same rules", (i) => resigned(i, { epoch: FIRST })],
      ["an epoch that reports do not name", (i) => (i.epoch -= 1n)],
      ["a report of another domain", (i) => resigned(i, { domain: DOMAIN + 1n })],
      ["a report about other contracts", (i) => resigned(i, { contracts: contractsHash(instruments().with(4, null)) })],
      ["a report without an index", (i) => resigned(i, { index: 0n })],
      ["a report without an average", (i) => resigned(i, { average: 0n })],
      ["a report without sigma", (i) => resigned(i, { sigma: 0n })],
      ["a feed twice", (i) => resigned(i, {}, [1, 1, 2])],
      ["feeds out of order", (i) => resigned(i, {}, [1, 0, 2])],
      ["a number that no feed has", (i) => (i.feed[2] = 4n)],
      ["a signature of another feed", (i) => (i.feed[2] = i.feed[2] === 3n ? 2n : 3n)],
      ["a signature of another report", (i) => (i.signature[1] = i.signature[0])],
      ["a number that is changed", (i) => (i.words[1][1] += 1n)],
      ["a word of 81 bits", (i) => (i.words[1][3] += 1n << 80n)],
    ];
    for (const [why, change] of refused) it(`no witness: ${why}`, () => expectNoWitness(circuit, tampered(change)));

    const elsewhere: [why: string, change: (inputs: Tampered) => void, output: number][] = [
      ["a later time", (i) => (i.stamp += 1n), 3],
      ["a log that is longer", (i) => (i.before.logged.count += 1n), 4],
      ["another log", (i) => (i.before.logged.head += 1n), 5],
      ["another blind", (i) => (i.blindAfter += 1n), 1],
      ["other holders", (i) => (i.before.accounts.holders += 1n), 1],
    ];
    for (const [why, change, output] of elsewhere)
      it(`other public inputs: ${why}`, () =>
        assert.notEqual(shown(tampered(change))[output], honest.publicInputs[output]));

    it(`inputs changed by one: no witness, or other public inputs (seed ${SEED})`, () => {
      const paths: (readonly [of: Tampered, key: string])[] = [];
      const tried = structuredClone(honest.inputs) as Tampered;
      const walk = (at: Tampered) => {
        for (const key of Object.keys(at)) {
          if (typeof at[key] === "bigint") paths.push([at, key]);
          else walk(at[key]);
        }
      };
      walk(tried);
      // Of a free slot the row is free.
      const free = [...of.rules.markets, ...of.rules.instruments].flatMap((it, i) => {
        if (it) return [];
        return i < of.rules.markets.length ? [tried.rows[i]] : [tried.instruments[i - of.rules.markets.length]];
      });
      const isFree = (at: Tampered) => free.some((row) => row === at || row.contract === at);
      const bound = paths.filter(([at]) => !isFree(at));
      const random = new Random(SEED);
      for (let round = 0; round < 4 * ROUNDS; round++) {
        const [at, key] = random.pick(bound);
        const value = at[key];
        at[key] = (value + 1n) % FIELD;
        let outputs: bigint[] | undefined;
        try {
          outputs = shown(tried as Inputs);
        } catch {
          // no witness
        }
        assert.notDeepEqual(
          outputs,
          honest.publicInputs,
          `${key}, ${paths.findIndex(([a, k]) => a === at && k === key)}`,
        );
        at[key] = value;
      }
    });
  });
});
