import assert from "node:assert/strict";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { getAddress, toFunctionSelector, zeroAddress, type Address } from "viem";
import { coSignersOf, type CoSignedHead, type CoSigners } from "../../src/protocol/coSigners.ts";
import { logHeadDigest, type LogHead } from "../../src/protocol/logHead.ts";
import {
  encodeFinality,
  encodeRound,
  readRounds,
  roundJson,
  verifyClaim,
  verifyRound,
} from "../../src/verifier/index.ts";
import { owner, trader as announcer, type Chain, type Deployed } from "../../src/setup/chain/chain.ts";
import { deployVenue, type Parts } from "../../src/setup/chain/deploy.ts";
import type { Artifact } from "../../src/setup/contract.ts";
import { localSigner } from "../../src/venue/signing/signer.ts";
import { construction, contractOf } from "./contractOf.ts";
import { Simulator, type Step } from "./simulator.ts";

// Goal: where a venue has co-signers, library and contract take a round only with signatures of 2f + 1 of them over the log head
// that it ends with; and the contract's co-signers change by announcement and timelock alone.
// Method: one valid round on a fresh chain; each refusal breaks one thing of the signatures beside it. The library gets the
// signatures in their places, the contract as bytes, which the test also makes itself, to make them wrong.

const simulator = new Simulator("finality");
const domain = simulator.random();
const genesis = simulator.random();
const maxLag = 600n;
const TIMELOCK = 3_600n;
const now = 4_000_000_000n;

const signers = Array.from({ length: 14 }, (_, i) => localSigner(new Uint8Array(32).fill(i + 1)));
const addresses = signers.map(({ address }) => address);
const four = coSignersOf(addresses.slice(0, 4));
const others = coSignersOf(addresses.slice(4, 11));
const sign = (i: number, head: LogHead) => signers[i].sign(logHeadDigest(head)) as string;
const byte = (x: number) => x.toString(16).padStart(2, "0");
/** What the contract takes: co-signers by index, with what each of them says. */
const bytesOf = (epoch: number, items: readonly (readonly [index: number, signature: string])[]) =>
  `0x${epoch.toString(16).padStart(8, "0")}${items.map(([i, signature]) => byte(i) + signature.slice(2)).join("")}` as const;
/** A signature with its s, or its last byte, changed. */
const ORDER = secp256k1.Point.Fn.ORDER;
function withHighS(signature: string): string {
  const s = ORDER - BigInt(`0x${signature.slice(66, 130)}`);
  const v = signature.endsWith("1b") ? "1c" : "1b";
  return signature.slice(0, 66) + s.toString(16).padStart(64, "0") + v;
}
const withV = (signature: string, v: number) => signature.slice(0, -2) + byte(v);

const listed = (set: CoSigners) => set.addresses.map((address) => getAddress(address as Address));

describe("a round of a venue with co-signers", () => {
  let chain: Chain;
  let venue: Deployed;
  let main: Deployed;
  let token: Deployed;
  let artifacts: Record<string, Artifact>;
  let parts: Parts;
  let snapshot: `0x${string}`;
  const terms = { domain, genesisState: genesis, maxLag, maxDeposits: 100n, announcer: announcer.address, timelock: TIMELOCK }; // prettier-ignore

  before(async () => {
    ({ chain, venue: main, token, artifacts, parts } = await contractOf(simulator, { ...terms, coSigners: four }));
    snapshot = await chain.client.snapshot();
  });
  beforeEach(() => void (venue = main));
  afterEach(async () => {
    await chain.client.revert({ id: snapshot });
    snapshot = await chain.client.snapshot();
  });
  after(() => chain?.stop());

  const END = { logCount: 7n, log: 43n };
  const STEPS: Step[] = [
    { name: "admit", inputs: { time: now - 20n, logCount: 4n, log: 42n } },
    { name: "auction", inputs: { time: now - 10n, ...END, phaseAfter: 17n } },
    { name: "settle" },
  ];
  const round = simulator.round(genesis, STEPS);
  const HEAD: LogHead = { domain, epoch: 3, n: 7, head: 43n };
  const signed = (indexes: readonly number[], head = HEAD, count = 4): CoSignedHead => ({
    ...head,
    signatures: Array.from({ length: count }, (_, i) => (indexes.includes(i) ? sign(i, head) : null)),
  });

  const inLibrary = (final: CoSignedHead | undefined, coSigners: CoSigners | undefined = four) => {
    const view = { domain, state: genesis, keys: simulator.keys, maxLag, coSigners };
    const result = verifyRound(view, { ...round, final }, { now });
    return result.ok ? "accepted" : result.code;
  };
  const submitting = (finality: string, time = now) => {
    return { contract: venue, name: "submitRound", args: [genesis, encodeRound(round), finality], time };
  };
  const onChain = (finality: string, time?: bigint) => chain.outcome(submitting(finality, time));
  /** The signatures of these, in their order, as the contract takes them. */
  const bytes = (indexes: readonly number[], head = HEAD) => bytesOf(head.epoch, indexes.map((i) => [i, sign(i, head)])); // prettier-ignore

  it("is taken by both with the signatures of any 2f + 1, or more", async () => {
    assert.deepEqual(await chain.read(venue, "coSigners"), listed(four));
    for (const some of [
      [0, 1, 2],
      [0, 1, 3],
      [0, 2, 3],
      [1, 2, 3],
      [0, 1, 2, 3],
    ]) {
      // prettier-ignore
      assert.equal(inLibrary(signed(some)), "accepted", `${some}`);
      assert.equal(await onChain(bytes(some)), "accepted", `${some}`);
      assert.equal(await onChain(encodeFinality(four, signed(some))), "accepted", `${some}`);
    }
    await chain.send(submitting(encodeFinality(four, signed([1, 2, 3]))));
    assert.equal(await chain.read(venue, "logCount"), END.logCount);
  });

  it("is sent with the signatures of the first 2f + 1 whose are good", () => {
    assert.equal(encodeFinality(four, signed([0, 1, 2, 3])), bytes([0, 1, 2]));
    const { signatures } = signed([0, 1, 2, 3]);
    assert.equal(encodeFinality(four, { ...HEAD, signatures: signatures.with(1, signatures[0]) }), bytes([0, 2, 3]));
    assert.throws(() => encodeFinality(four, signed([0, 3])), { code: "NOT_FINAL" });
  });

  const epochs: LogHead[] = [0, 2 ** 32 - 1].map((epoch) => ({ ...HEAD, epoch }));
  it("is taken whatever the epoch", async () => {
    for (const head of epochs) {
      assert.equal(inLibrary(signed([0, 1, 2], head)), "accepted");
      assert.equal(await onChain(bytes([0, 1, 2], head)), "accepted");
    }
  });

  const three = [0, 1, 2];
  const at = (index: number, change: (signature: string) => string): [CoSignedHead, string] => [
    { ...HEAD, signatures: signed(three).signatures.map((it, i) => (i === index ? change(it!) : it)) },
    bytesOf(HEAD.epoch, three.map((i) => [i, i === index ? change(sign(i, HEAD)) : sign(i, HEAD)])), // prettier-ignore
  ];
  /** Signatures of another head, said to be of this one. */
  const passedOff = (head: LogHead, as = HEAD): [CoSignedHead, string] => [
    { ...as, signatures: signed(three, head).signatures },
    bytesOf(as.epoch, three.map((i) => [i, sign(i, head)])), // prettier-ignore
  ];
  /** Of another head, and said to be so. */
  const ofAnother = (change: Partial<LogHead>): [CoSignedHead, string] => {
    const head = { ...HEAD, ...change };
    return [signed(three, head), bytes(three, head)];
  };
  const none = { ...HEAD, signatures: [] };
  const refused: [why: string, of: () => [CoSignedHead | undefined, string]][] = [
    ["it comes without signatures", () => [undefined, "0x"]],
    ["there is nothing but an epoch", () => [none, bytesOf(3, [])]],
    ["there are 2f", () => [signed([1, 3]), bytes([1, 3])]],
    ["a signature is another head's", () => at(1, () => sign(1, { ...HEAD, head: 42n }))],
    ["a signature is another co-signer's", () => at(1, () => sign(3, HEAD))],
    ["a signature is of one who is none", () => at(2, () => sign(7, HEAD))],
    ["a signature has the greater s", () => at(0, withHighS)],
    ["a signature ends with 0 or 1", () => at(0, (it) => withV(it, Number(it.endsWith("1c"))))],
    ["a signature ends with 29", () => at(0, (it) => withV(it, 29))],
    ["a signature is nobody's", () => at(0, () => `0x${"0".repeat(128)}1b`)],
    ["an r is too great", () => at(0, (it) => `0x${"f".repeat(64)}${it.slice(66)}`)],
    ["the head was signed for another n", () => ofAnother({ n: 6 })],
    ["the head is another", () => ofAnother({ head: 42n })],
    ["the head is another venue's", () => ofAnother({ domain: domain + 1n })],
    ["the signatures are of another epoch than they say", () => passedOff({ ...HEAD, epoch: 4 })],
    ["it is the head in the midst of the round", () => ofAnother({ n: 4, head: 42n })],
    ["the head of another n is passed off as this one's", () => passedOff({ ...HEAD, n: 6 })],
    ["another head is passed off as this one", () => passedOff({ ...HEAD, head: 42n })],
    ["another venue's head is passed off as this one's", () => passedOff({ ...HEAD, domain: domain + 1n })],
  ];
  for (const [why, of] of refused)
    it(`is refused by both when ${why}`, async () => {
      assert.deepEqual([inLibrary(signed(three)), await onChain(bytes(three))], ["accepted", "accepted"]);
      const [final, finality] = of();
      assert.deepEqual([inLibrary(final), await onChain(finality)], ["notFinal", "NotFinal"]);
    });

  const sent: [why: string, finality: () => string][] = [
    ["signatures are out of order", () => bytes([1, 0, 2])],
    ["one is there twice", () => bytes([0, 0, 1])],
    ["one is there thrice", () => bytes([2, 2, 2])],
    ["an index is beyond the last", () => bytes([0, 1, 4])],
    ["an index is 255", () => bytesOf(3, [[0, sign(0, HEAD)], [1, sign(1, HEAD)], [255, sign(2, HEAD)]])], // prettier-ignore
    ["a good quorum is followed by a signature that is not", () => bytes([0, 1, 2, 4])],
    ["a byte follows", () => `${bytes(three)}00`],
    ["the beginning of one more follows", () => `${bytes(three)}03`],
    ["a byte is missing", () => bytes(three).slice(0, -2)],
    ["the first byte is missing", () => `0x${bytes(three).slice(4)}`],
    ["the epoch alone is there, and cut", () => "0x000003"],
  ];
  for (const [why, finality] of sent)
    it(`is refused by the contract when ${why}`, async () => {
      assert.deepEqual([await onChain(bytes(three)), await onChain(finality())], ["accepted", "NotFinal"]);
    });

  it("has its signatures in its file", () => {
    const [stateAfter] = round.instructions.at(-1)!.publicInputs.slice(1);
    const segment = { logCount: 0n, head: 0n, entries: [] };
    const { instructions } = round;
    const { entries: _, ...file } = roundJson({ number: 1, state: genesis, stateAfter, segment, instructions, final: signed(three) }); // prettier-ignore
    const [claim] = readRounds(JSON.parse(JSON.stringify(file)));
    assert.deepEqual(claim.final, signed(three));
    const outcome = (coSigners: CoSigners, of = claim) => {
      const result = verifyClaim(of, null, { keys: simulator.keys, domain, coSigners, now });
      return result.ok ? "accepted" : result.code;
    };
    const { final: __, ...without } = claim;
    assert.deepEqual([outcome(four), outcome(others), outcome(four, without)], ["accepted", "notFinal", "notFinal"]);
    assert.equal("final" in roundJson({ number: 1, state: genesis, stateAfter, segment, instructions }), false);
  });

  it("is refused by the library when what comes with it is malformed", () => {
    const good = signed(three);
    for (const change of [
      { epoch: 2 ** 32 + 3 },
      { epoch: 3.5 },
      { epoch: -1 },
      { epoch: "3" },
      { n: 7.5 },
      { n: "7" },
      { n: undefined },
      { head: "43" },
      { signatures: undefined },
      { signatures: "three" },
      { signatures: [7, {}, null] },
    ])
      assert.equal(inLibrary({ ...good, ...change } as unknown as CoSignedHead), "notFinal", JSON.stringify(change));
    assert.equal(inLibrary(null as never), "notFinal");
    // Signed so, but for no contract to read.
    assert.equal(inLibrary(signed(three, { ...HEAD, epoch: 2 ** 32 })), "notFinal");
  });

  it("is looked at for its signatures after all that costs less, and before its proofs", async () => {
    const [, , settle] = round.instructions;
    const broken = { instructions: round.instructions.with(2, { ...settle, proof: round.instructions[0].proof }) };
    const view = { domain, state: genesis, keys: simulator.keys, maxLag, coSigners: four };
    const both = async (finality: string, final: CoSignedHead | undefined, time: bigint) => {
      const result = verifyRound(view, { ...broken, final }, { now: time });
      const args = [genesis, encodeRound(broken), finality];
      return [result.ok || result.code, await chain.outcome({ contract: venue, name: "submitRound", args, time })];
    };
    assert.deepEqual(await both(bytes(three), signed(three), now), ["pairing", "PairingFailed"]);
    assert.deepEqual(await both("0x", undefined, now), ["notFinal", "NotFinal"]);
    assert.deepEqual(await both("0x", undefined, now - 11n), ["inFuture", "InFuture"]);
    assert.deepEqual(await both("0x", undefined, now + maxLag), ["tooOld", "TooOld"]);
  });

  it("needs no signature where there are none, and none is read", async () => {
    venue = await deployVenue(chain, artifacts.Venue, parts, { ...terms, token: token.address });
    assert.deepEqual(await chain.read(venue, "coSigners"), []);
    for (const [final, finality] of [
      [undefined, "0x"],
      [none, "0x00"],
      [signed([0]), bytes([0])],
    ] as const) {
      // prettier-ignore
      const view = { domain, state: genesis, keys: simulator.keys, maxLag };
      assert.ok(verifyRound(view, { ...round, final }, { now }).ok);
      assert.equal(await onChain(finality), "accepted");
    }
  });

  it("is taken by sets of every size", async () => {
    for (const count of [1, 7, 13]) {
      const coSigners = coSignersOf(addresses.slice(0, count));
      venue = await deployVenue(chain, artifacts.Venue, parts, { ...terms, coSigners, token: token.address });
      const indexes = Array.from({ length: coSigners.quorum }, (_, i) => i);
      assert.equal(await onChain(bytes(indexes)), "accepted", `${count}`);
      assert.equal(await onChain(bytes(indexes.slice(1))), "NotFinal", `${count}`);
      assert.equal(inLibrary(signed(indexes, HEAD, count), coSigners), "accepted");
      assert.equal(inLibrary(signed(indexes.slice(1), HEAD, count), coSigners), "notFinal");
    }
  });

  describe("whose co-signers", () => {
    const announcing = (next: readonly string[], time?: bigint, from = announcer) => {
      return { contract: venue, name: "announceCoSigners", args: [next], from, time };
    };
    const withdrawing = (time?: bigint, from = announcer) => {
      return { contract: venue, name: "withdrawCoSigners", args: [], from, time };
    };
    const applying = (time?: bigint) => ({ contract: venue, name: "applyCoSigners", args: [], from: owner, time });
    const events = async (eventName: string) => {
      const found = await chain.client.getContractEvents({ ...venue, eventName, fromBlock: 0n });
      return (found as unknown as { args: Record<string, unknown> }[]).map(({ args }) => args);
    };
    const next = () => chain.read(venue, "nextCoSigners");
    const inForce = () => chain.read(venue, "coSigners");
    /** Those of the other set, as they stand in it. */
    const byOthers = (indexes: readonly number[]) => bytesOf(3, indexes.map((i) => [i, sign(4 + i, HEAD)])); // prettier-ignore
    const from = now - 50n;
    const start = from - TIMELOCK;

    it("are announced, wait, and take the place of those before", async () => {
      assert.deepEqual(await next(), [[], 0n]);
      await chain.send(announcing(others.addresses, start));
      assert.deepEqual(await events("CoSignersAnnounced"), [{ next: listed(others), from }]);
      assert.deepEqual([await next(), await inForce()], [[listed(others), from], listed(four)]);
      assert.equal(await onChain(byOthers([0, 1, 2, 3, 4])), "NotFinal");
      assert.equal(await chain.outcome(applying(from - 1n)), "CoSignersNotYet");
      await chain.send(applying(from));
      assert.deepEqual((await events("CoSignersChanged")).at(-1), { all: listed(others) });
      assert.deepEqual([await next(), await inForce()], [[[], 0n], listed(others)]);
      assert.equal(await onChain(byOthers([0, 1, 2, 3, 4])), "accepted");
      assert.equal(await onChain(byOthers([0, 1, 2, 3])), "NotFinal");
      assert.equal(await onChain(bytes(three)), "NotFinal");
      assert.equal(await chain.outcome(applying(now)), "NoCoSignersAnnounced");
    });

    it("may become fewer", async () => {
      await chain.send(announcing(addresses.slice(0, 1), start));
      await chain.send(applying(from));
      assert.deepEqual(await inForce(), listed(coSignersOf(addresses.slice(0, 1))));
      assert.deepEqual([await onChain(bytes([0])), await onChain(bytes([0, 1]))], ["accepted", "NotFinal"]);
    });

    it("are withdrawn until their timelock has run", async () => {
      assert.equal(await chain.outcome(withdrawing(start)), "NoCoSignersAnnounced");
      await chain.send(announcing(others.addresses, start));
      assert.equal(await chain.outcome(withdrawing(from)), "CoSignersStay");
      await chain.send(withdrawing(from - 1n));
      assert.equal((await events("CoSignersWithdrawn")).length, 1);
      assert.deepEqual([await next(), await inForce()], [[[], 0n], listed(four)]);
      assert.equal(await chain.outcome(applying(from)), "NoCoSignersAnnounced");
      assert.equal(await chain.outcome(withdrawing(from)), "NoCoSignersAnnounced");
    });

    it("are replaced while they wait, and the timelock begins anew", async () => {
      await chain.send(announcing(addresses.slice(4, 8), start));
      await chain.send(announcing(others.addresses, start + 10n));
      assert.deepEqual(await next(), [listed(others), from + 10n]);
      assert.equal(await chain.outcome(applying(from)), "CoSignersNotYet");
      assert.equal(await chain.outcome(announcing(addresses.slice(0, 4), from + 10n)), "CoSignersStay");
      assert.equal(await chain.outcome(announcing(addresses.slice(0, 4), from + 9n)), "accepted");
      await chain.send(applying(from + 10n));
      assert.deepEqual(await inForce(), listed(others));
    });

    it("are announced and withdrawn by the announcer alone", async () => {
      assert.equal(await chain.outcome(announcing(others.addresses, start, owner)), "NotAnnouncer");
      await chain.send(announcing(others.addresses, start));
      assert.equal(await chain.outcome(withdrawing(start, owner)), "NotAnnouncer");
    });

    it("never change where there is no announcer", async () => {
      const all = { ...terms, token: token.address, announcer: null, coSigners: four };
      venue = await deployVenue(chain, artifacts.Venue, parts, all);
      for (const from of [announcer, owner])
        assert.equal(await chain.outcome(announcing(others.addresses, undefined, from)), "NotAnnouncer");
      assert.equal(await chain.outcome(applying()), "NoCoSignersAnnounced");
    });

    it("may come later", async () => {
      venue = await deployVenue(chain, artifacts.Venue, parts, { ...terms, token: token.address });
      await chain.send(announcing(four.addresses, start));
      await chain.send(applying(from));
      assert.deepEqual([await onChain("0x"), await onChain(bytes(three))], ["NotFinal", "accepted"]);
    });

    const bad: [what: string, addresses: readonly string[], error: string][] = [
      ["two", addresses.slice(0, 2), "CoSignerCount"],
      ["three", addresses.slice(0, 3), "CoSignerCount"],
      ["34", Array.from({ length: 34 }, (_, i) => `0x${(i + 1).toString(16).padStart(40, "0")}`), "CoSignerCount"],
      ["one twice", addresses.slice(0, 4).with(3, addresses[0]), "BadCoSigner"],
      ["address 0", addresses.slice(0, 4).with(2, zeroAddress), "BadCoSigner"],
    ];
    for (const [what, list, error] of bad)
      it(`are not ${what}, from the start or later`, async () => {
        assert.throws(() => coSignersOf(list), { code: "OUT_OF_RANGE" });
        assert.equal(await chain.outcome(announcing(list)), error);
        const args = { ...terms, token: token.address, keys: parts.keys, minDeposit: 1n };
        const made = (coSigners: readonly string[]) =>
          construction(chain, artifacts.Venue, parts, { ...args, coSigners });
        assert.equal(await made(list), toFunctionSelector(`${error}(uint256)`));
        assert.equal(await made(four.addresses), "accepted");
      });

    it("are 31 at most, and never none again", async () => {
      const most = Array.from({ length: 31 }, (_, i) => `0x${(i + 1).toString(16).padStart(40, "0")}`);
      await deployVenue(chain, artifacts.Venue, parts, {
        ...terms,
        token: token.address,
        coSigners: coSignersOf(most),
      });
      assert.equal(await chain.outcome(announcing(most)), "accepted");
      assert.equal(await chain.outcome(announcing([])), "CoSignerCount");
    });
  });
});
