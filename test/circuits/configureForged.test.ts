// Goal: no witness of Configure takes a change of the rules that may not be, and each of its rules is needed.
// Method: forged witnesses of the whole circuit and of its parts, in which one signal, or what a cheat gives it, is pinned and all
// that follows is computed anew, so that only the rule that binds it is broken.
import assert from "node:assert/strict";
import type { ConfigureContext } from "../../src/protocol/configure.ts";
import { accountLeaf } from "../../src/protocol/account.ts";
import { contractHash } from "../../src/protocol/instrument.ts";
import { scenariosHash } from "../../src/protocol/prices.ts";
import { vectorHash } from "../../src/protocol/market.ts";
import { INSTRUMENTS, MARKETS } from "../../src/protocol/parameters.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import { Tree } from "../../src/protocol/tree.ts";
import { rulesSignals } from "../../src/witness/configure.ts";
import { contract, EXPIRY, market, PROFILE, rules } from "../protocol/pricedRules.ts";
import { changed, context, NOW, paying, refused, ROLLED } from "../protocol/ruleChanges.ts";
import { argsOf, configuring, file, refusesInputs } from "./configuring.ts";
import { Random } from "../../src/replay/random.ts";
import { compileTemplate, type Circuit, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";

const source = "configure.circom";
/** In the tests of payouts. */
const PAYOUT = "payout.payout <== now.group.payout";
const ACCOUNTS = "payout.accounts <== before.accounts.root";
const whole = () => compileTemplate({ file, template: "Configure", args: argsOf(PROFILE), optimise: false });
const part = (template: string, args: readonly number[] = []) =>
  compileTemplate({ file, template, args, optimise: false });
const inputsOf = (before: Rules, after: Rules, when: ConfigureContext) =>
  configuring(before, after, when).make().inputs;

/** By what protocol tests call it: the rule that alone stands against it. */
const RULES: Record<string, string> = {
  "other epochs": "now.group.epochLength === old.group.epochLength",
  "another grid": "now.group.grid === old.group.grid",
  "a greatest id that forgets one": "greatest[MARKETS()] === 0",
  "a fee that rises while there are orders": "Range(BITS_FEE_PER_LOT())(feePerLotFalls)",
  "a market with orders that goes": "(1 - empty) * (1 - sameId) === 0",
  "a market with orders that is replaced": "(1 - empty) * (1 - sameId) === 0",
  "an id that comes back": "Range(BITS_ID_WINDOW())(above)",
  "an id that was listed before": "Range(BITS_ID_WINDOW())(above)",
  "an id too far ahead": "Range(BITS_ID_WINDOW())(above)",
  "other legs under an old id": "stays * (row.legs - before.legs) === 0",
  "another tick under an old id": "stays * (row.tick - before.tick) === 0",
  "another rule under an old id": "stays * (row.rule - before.rule) === 0",
  "a market that ends later": "Range(BITS_TIME())(sooner)",
  "a market that has ended before": "Range(BITS_TIME())(ahead)",
  "a future that rolls while held": "replaced * holders === 0",
  "a future in the perpetual's slot that rolls while held": "replaced * holders === 0",
  "a future that rolls while its market has orders": "(1 - empty) * (1 - sameId) === 0",
  "an option that goes while held": "replaced * holders === 0",
  "another option whose volatility a live one shares": "gone[i] * named === 0",
  "a new contract under an old id": "stays * others === 0",
  "a perpetual given an expiry while its market has orders": "(1 - empty) * (1 - sameId) === 0",
  "an expiry within a window from now": "Range(BITS_TIME())(ahead)",
  "what is held without a market of it alone": "trades * miss[MARKETS() - 1] === 0",
  "what is held with its market halted": "trades * miss[MARKETS() - 1] === 0",
  "what is held with no market but one halted of half its legs": "trades * miss[MARKETS() - 1] === 0",
  "what is held with no market but one at an end of half its legs": "trades * miss[MARKETS() - 1] === 0",
  "what is held a second before it expires, without a market": "trades * miss[MARKETS() - 1] === 0",
  "what is held with its market at an end": "trades * miss[MARKETS() - 1] === 0",
  "a payout under prices that do not count": "(1 - none) * (1 - fresh) === 0",
  "a payout under prices of which one that it holds is stale": "(1 - none) * (1 - staleNone) === 0",
  "a payout under stale prices of a position and its opposite": "(1 - none) * (1 - staleNone) === 0",
  "a payout of another second": "(1 - none) * (at - time) === 0",
  "a payout of nothing": "Range(BITS_AMOUNT())(some)",
  "a payout while something is short": "(1 - none) * owing === 0",
  "a payout of more than is held": "Range(BITS_AMOUNT())(vault - paid)",
  "a payout beyond the margin of the insurance account": "(1 - none) * (1 - margin.out) === 0",
  "capacities that orders did not come under": "FitsTransaction(depth, clear, settle)",
  "a capacity that does not fit with the cancels before": "FitsTransaction(depth, clear, settle)",
  "a capacity that does not fit with the lists before": "FitsTransaction(depth, clear, settle)",
};

describe("circuits/instructions/configure: forged witnesses", () => {
  remembersHashes();
  it("names a rule for each change that may not be", () =>
    assert.deepEqual(refused.map(([why]) => why).sort(), Object.keys(RULES).sort()));
  for (const [why, , after, when, before = rules()] of refused)
    it(`${why}: refused`, async () => {
      // What is held has a market, also where it has none before.
      const listed = changed({ markets: [[5, market(106n, { 4: 1n })]] });
      const honest = inputsOf(before, when.holders[4] === 0n ? before : listed, when);
      refusesInputs(await whole(), { honest, cheat: inputsOf(before, after, when) }, RULES[why]);
    });

  it("a payout under prices of which the one that it holds is called fresh: refused", async () => {
    const [, , after, when] = refused.find(([why]) => why.includes("is stale"))!;
    const of = { honest: inputsOf(rules(), rules(), when), cheat: inputsOf(rules(), after, when), pinned: { "payout.stale[9]": 0n } }; // prettier-ignore
    refusesInputs(await whole(), of, "payout.stale <== Bits(INSTRUMENTS())(meta.stale)");
  });

  const more: [why: string, rule: string, after: Rules, when: ConfigureContext][] = [
    ["one id twice", "twice[pairs] * nowRoot.marketGiven[m] === 0", changed({ markets: [[5, market(106n, { 0: 1n })], [6, market(106n, { 1: 1n })]] }), context()],
    ["an id of a free slot", "(1 - given) * (id - NO_MARKET_ID()) === 0", rules(), context()],
    ["a greatest id that is too great", "Range(BITS_MARKET())(now.group.greatestId)", rules(), context()],
    ["a fee rate that rises while there are orders", "Range(WIDTH(FEE_DENOMINATOR()))(feeRateFalls)", changed({ markets: [[0, { feeRate: 51n }]] }), context([0])],
    ["a contract in a free slot, too soon", "Range(BITS_TIME())(ahead)", changed({ instruments: [[5, { contract: contract("future", { expiry: NOW }), longCharge: 0n, shortCharge: 0n, weight: 1n }]] }), context()],
  ]; // prettier-ignore
  for (const [why, rule, after, when] of more)
    it(`${why}: refused`, async () => {
      const cheat = inputsOf(rules(), after, when) as { [name: string]: any };
      if (why.includes("free slot,")) assert.ok(cheat.now.instrumentRows[5] !== 0n);
      if (why.includes("id of a free slot")) cheat.now = { ...cheat.now, ids: cheat.now.ids.map((id: bigint, m: number) => (m === 9 ? 7n : id)) }; // prettier-ignore
      if (why.includes("too great")) {
        // A row whose id is the greatest: the one that stands alone above 2^32 is that of a free slot.
        cheat.now = { ...cheat.now, group: { ...cheat.now.group, greatestId: 1n << 32n } };
      }
      refusesInputs(await whole(), { honest: inputsOf(rules(), rules(), when), cheat }, rule);
    });

  it("prices that are not forgotten, other rules than those that the log names: refused", async () => {
    const circuit = await whole();
    const honest = inputsOf(rules(), ROLLED, context());
    const witness = circuit.witness(honest);
    const read = (name: string) => circuit.read(name, witness);
    for (const [name, value] of [
      ["after.roots.prices", read("before.roots.prices")],
      ["after.roots.rules", read("before.roots.rules")],
      ["step.B", read("before.roots.rules")],
      ["step.A", read("step.A") + 1n],
      ["rules", read("before.roots.rules")],
      ["clock", read("clock") + 32n],
      ["phaseAfter", 17n],
      ["forget.gone[1]", 0n],
      ["forget.longAfter[1]", 9n],
      ["after.logged.count", read("before.logged.count")],
    ] as const)
      circuit.refuses(honest, { [name]: value });
  });
});

describe("circuits/instructions/configure: its body, forged", () => {
  remembersHashes();
  const seed = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  const honest = () => inputsOf(rules(), ROLLED, context([2], [0]));
  const of = (circuit: Circuit) => {
    const witness = circuit.witness(honest());
    return (name: string) => circuit.read(name, witness);
  };
  /** By statement: signals that the cheat chooses. */
  const cheats: Record<string, (read: (name: string) => bigint) => Record<string, bigint>> = {
    "group.group <== now.group": () => ({ "group.group.slack": 1n }),
    "group.feeds <== feeds": (read) => ({ "feeds[0][0]": 5n, "group.feeds[0][0]": read("feeds[0][0]") }),
    "group.eighths <== eighths": (read) => ({ "eighths[0][0]": 5n, "group.eighths[0][0]": read("eighths[0][0]") }),
    "listed.grid <== now.group.grid": (read) => ({ "listed.grid": read("now.group.grid") / 2n }),
    // As if the market were a new one, whose name is the greatest there is.
    "change[m].id <== now.ids[m]": (read) => ({ "change[0].id": read("now.group.greatestId") }),
    "forget.root <== before.roots.prices": (read) => ({
      "before.roots.prices": 5n,
      "forget.root": read("forget.root"),
    }),
  };
  for (const [rule, cheat] of Object.entries(cheats))
    it(`${rule}: no proof without it`, async () => {
      const circuit = await whole();
      circuit.refuses(honest(), cheat(of(circuit)), rule);
    });

  it("a greatest id that is less than before: refused", async () => {
    // The market with the greatest id goes.
    const after = changed({ markets: [[4, null]] });
    const lower = { ...after, group: { ...after.group, greatestId: 104n } };
    const [from, to] = [after, lower].map((it) => inputsOf(rules(), it, context()));
    refusesInputs(await whole(), { honest: from, cheat: to }, "Range(BITS_MARKET())(rise)");
  });

  it(`each other signal is bound by the rule that computes it: 10 statements (seed ${seed})`, async () => {
    const circuit = await whole();
    const others = ["greatest[MARKETS()] === 0", "gone[i] * named === 0", "twice[pairs] * nowRoot.marketGiven[m] === 0", "Range(BITS_MARKET())(now.group.greatestId)", "Range(BITS_MARKET())(rise)"]; // prettier-ignore
    const sample = { random: new Random(seed), count: 10 };
    pinsEach(
      circuit,
      { fixture: honest() },
      "configure.circom Configure",
      [...Object.keys(cheats), ...others, PAYOUT, ACCOUNTS],
      sample,
    );
  });
});

describe("circuits/instructions/configure: parts of it, forged", () => {
  remembersHashes();
  const zeros = Array<bigint>(INSTRUMENTS).fill(0n);

  it("each signal of the roots is bound by the rule that computes it", async () => {
    const circuit = await part("RulesRoot");
    const fixture = { rules: rulesSignals(rules()) } as Inputs;
    const wired = "instrument[i].rowHash <== rules.instrumentRows[i]";
    pinsEach(circuit, { fixture }, source, [wired]);
    circuit.refuses(fixture, { "instrument[0].rowHash": 0n }, wired);
  });

  it("each signal of a market's change is bound by the rule that computes it", async () => {
    const { depth, clear, settle } = PROFILE;
    const circuit = await part("MarketChange", [depth, clear, settle]);
    const { markets } = rulesSignals(rules());
    const free = rulesSignals(rules()).markets[9];
    const stays = {
      idBefore: 101n,
      before: markets[0],
      id: 101n,
      row: markets[0],
      given: 1n,
      legs: zeros.map((_, i) => (i === 0 ? 1n : 0n)),
      same: zeros.map(() => 1n),
      count: 0n,
      greatestBefore: 105n,
      greatest: 105n,
      time: NOW,
    };
    const busy = { ...stays, count: 5n, row: { ...markets[0], feeRate: 4n, feePerLot: 1n, capacity: 90n, cancelCapacity: 17n, listCapacity: 5n } }; // prettier-ignore
    const sooner = {
      ...stays,
      row: { ...markets[0], until: NOW + 9n },
      same: zeros.map((_, i) => (i === 0 ? 1n : 0n)),
    };
    const comes = { ...stays, id: 106n, greatest: 110n, same: zeros };
    const goes = { ...stays, id: 1n << 32n, given: 0n, row: free, legs: zeros };
    const byWhole = Object.values(RULES).filter((rule) => circuit.statements.some(({ template, text }) => template === "MarketChange" && text.startsWith(rule))); // prettier-ignore
    const fits = "FitsTransaction(depth, clear, settle)(capacity, cancelCapacity, listCapacity)";
    const feeRate = "Range(WIDTH(FEE_DENOMINATOR()))(feeRateFalls)";
    const greatest = "Range(BITS_MARKET())(below)";
    const byHand = [...byWhole.map((rule) => (fits.startsWith(rule) ? fits : rule)), feeRate, greatest];
    pinsEach(circuit, { stays, busy, sooner, comes, goes } as Record<string, Inputs>, source, byHand);
    circuit.refuses(comes as Inputs, { greatest: 105n }, greatest);
  });

  it("each signal of an instrument's change is bound by the rule that computes it", async () => {
    for (const slot of [0, 3]) {
      const circuit = await part("InstrumentChange", [slot]);
      const unit = zeros.reduce((sum, _, i) => sum + ((i === slot ? 129n : 128n) << BigInt(8 * i)), 0n);
      const [a, b] = [contractHash(contract("perpetual")), contractHash(contract("future"))];
      const stays = {
        contractBefore: b,
        contract: b,
        perpetualBefore: 0n,
        given: 1n,
        dated: 1n,
        future: 1n,
        expiry: EXPIRY,
        holders: 5n,
        payoff: 0n,
        openLegs: Array.from({ length: MARKETS }, (_, m) => (m === 3 ? unit : m === 15 ? unit + 1n : 0n)),
        window: 1_800n,
        time: NOW,
      };
      const ends = { ...stays, contractBefore: a, perpetualBefore: 1n };
      const replaced = { ...stays, contractBefore: 5n, holders: 0n, payoff: 4n };
      const goes = { ...stays, contract: 0n, given: 0n, holders: 0n, openLegs: Array<bigint>(MARKETS).fill(0n) };
      const settled = { ...stays, payoff: 9n, openLegs: goes.openLegs };
      const byWhole = ["Range(BITS_TIME())(ahead)", "trades * miss[MARKETS() - 1] === 0"];
      pinsEach(circuit, { stays, ends, replaced, goes, settled } as Record<string, Inputs>, source, byWhole);
    }
  });

  it("each signal of a live option is bound by the rule that computes it", async () => {
    const circuit = await part("LiveOption");
    const stays = { option: 1n, forward: 3n, volatility: 5n, live: 1n, replaced: 0n };
    pinsEach(circuit, { stays, goes: { ...stays, replaced: 1n }, none: { ...stays, option: 0n } }, source);
    // What is no option may name anything.
    circuit.witness({ ...stays, option: 0n, forward: 77n, volatility: 1n << 60n });
  });

  it("each signal of what is forgotten is bound by the rule that computes it", async () => {
    const circuit = await part("Forget");
    const { inputs } = configuring(rules(), ROLLED, context()).make();
    const { meta, rowsHash, history, longCharges, shortCharges, last, payoffs, before } = inputs as { [name: string]: any }; // prettier-ignore
    const of = {
      root: before.roots.prices,
      meta,
      scenarios: scenariosHash(context().prices),
      rowsHash,
      history,
      longCharges,
      shortCharges,
      last,
      payoffs,
    };
    const gone = zeros.map((_, i) => (i < 2 || i === 15 ? 1n : 0n));
    pinsEach(circuit, { some: { ...of, gone }, none: { ...of, gone: zeros } }, source);
    const forged = circuit.refuses({ ...of, gone } as Inputs, { "lastAfter[1]": 9n });
    assert.notEqual(vectorHash(last), circuit.read("kept.last", forged));
  });
});

describe("circuits/instructions/configure: payouts of the insurance account, forged", () => {
  remembersHashes();
  const PAID = paying({});
  const made = (of = PAID) => inputsOf(rules(), of.after, of.when);
  type Read = (name: string) => bigint;
  const plus = (name: string, by: bigint) => (read: Read) => ({ [name]: read(name) + by });
  const cheats: [why: string, cheat: (read: Read) => Record<string, bigint>, rule?: string][] = [
    ["another amount", plus("amount", -1n), "(1 - none) * (payout - hashed) === 0"],
    ["another recipient", plus("recipient", 1n), "(1 - none) * (payout - hashed) === 0"],
    ["called none", () => ({ "payout.none": 1n })],
    ["less taken of the account", plus("payout.after.cash", 1n)],
    ["nothing taken of the account", () => ({ "payout.paid": 0n })],
    ["seq not raised", plus("payout.after.seq", -1n)],
    ["a position that goes", plus("payout.after.positions[0]", -1n)],
    ["another key", plus("payout.after.keyX", 1n)],
    ["a flag", plus("payout.after.flagged", 1n)],
    ["reserved", plus("payout.after.reserved", 1n)],
    ["as much held as before", (read) => ({ "payout.vaultAfter": read("payout.vault") })],
    ["not put", (read) => ({ "payout.putAfter": read("payout.put") })],
    ["another word put", plus("payout.pushed", 1n)],
    ["the tree left as it was", (read) => ({ "after.accounts.root": read("before.accounts.root") })],
    ["put, and taken already", plus("after.payouts.taken", 1n)],
    ["relief given", plus("after.losses.relief", 1n)],
    ["of another account than the leaf's", plus("insurance.nonce", 1n), "update.rootBefore === accounts"],
    ["with other values", () => ({ "values[1][9]": 5n }), "root === hashed"],
  ]; // prettier-ignore
  for (const [why, cheat, rule] of cheats)
    it(`${why}: refused`, async () => {
      const circuit = await whole();
      const honest = circuit.witness(made());
      const pinned = cheat((name) => circuit.read(name, honest));
      circuit.refuses(made(), pinned, rule);
    });

  // Its 161st bit would be the first of the amount in the word that joins the payouts.
  it("a recipient of 161 bits: refused", async () => {
    const { after, when } = PAID;
    const payout = { ...after.group.payout!, recipient: 1n << 160n };
    const cheat = inputsOf(rules(), { ...after, group: { ...after.group, payout } }, when);
    refusesInputs(await whole(), { honest: made(), cheat }, "Range(BITS_RECIPIENT())(recipient)");
  });

  it("a payout from the account of another tree: refused", async () => {
    const another = { "payout.accounts": "payout.update.rootBefore" };
    (await whole()).refuses(made(), { "siblings[0][0]": 5n }, ACCOUNTS, another);
  });

  it("a payout where the rules have none: refused", async () => {
    const circuit = await whole();
    const paid = made() as { [name: string]: any };
    const { recipient, amount, at } = paid as Record<string, bigint>;
    const pins = { "payout.payout": paid.now.group.payout as bigint, recipient, amount, at };
    circuit.refuses(inputsOf(rules(), rules(), PAID.when), pins, PAYOUT);
    const inputs = inputsOf(rules(), rules(), PAID.when);
    circuit.refuses(inputs, { "payout.putAfter": 5n });
    circuit.refuses(inputs, { "payout.vaultAfter": 0n });
    circuit.refuses(inputs, { "payout.after.seq": 9n });
  }); // prettier-ignore

  it("each signal is bound by the rule that computes it", async () => {
    const circuit = await part("Payout", [2, 4]);
    const all = made() as { [name: string]: any };
    const { recipient, amount, at, insurance, siblings, values, longCharges, shortCharges, before, now } = all;
    const of = { payout: now.group.payout, recipient, amount, at, time: at, fresh: 1n, stale: Array<bigint>(INSTRUMENTS).fill(0n), vault: before.accounts.vault, relief: 0n, deficit: 0n, account: insurance, siblings: siblings.slice(0, 2), values, longCharges, shortCharges, accounts: 0n, put: 7n }; // prettier-ignore
    of.accounts = new Tree(2, [[1, accountLeaf(PAID.when.insurance!.account)]]).root;
    of.siblings = new Tree(2, [[1, accountLeaf(PAID.when.insurance!.account)]]).path(1);
    const owing = { ...of, relief: 5n, deficit: 5n };
    const none = { ...of, payout: 0n, fresh: 0n, deficit: 9n, stale: Array<bigint>(INSTRUMENTS).fill(1n) };
    const byRows = Object.values(RULES).filter((rule) => circuit.statements.some(({ template, text }) => template === "Payout" && text === rule)); // prettier-ignore
    // It is at least 1, and at most what is held: so it is within its range anyway.
    const within = "Range(BITS_AMOUNT())(paid)";
    pinsEach(circuit, { of, owing, none } as Record<string, Inputs>, "configure.circom Payout", [...byRows, within]);
  });
});

describe("circuits/instructions/configure: registers left alone", () => {
  leavesOthersAlone("configure", async () => {
    const { ledger, make } = configuring(rules(), ROLLED, context([2], [0]));
    return { circuit: await whole(), ledger, make, opened: ["holders", "counts"] };
  });
});
