import assert from "node:assert/strict";
import { poseidon5 } from "poseidon-lite";
import { toFunctionSelector } from "viem";
import { TAG } from "../../src/protocol/parameters.ts";
import { FIELD } from "../../src/verifier/points.ts";
import { deployParts, deployVenue, type Parts } from "../../src/setup/chain/deploy.ts";
import { compileContracts, keysArtifact, link } from "../../src/setup/contract.ts";
import { readKeys } from "../../src/setup/keyFiles.ts";
import { Chain, owner, type Deployed } from "../../src/setup/chain/chain.ts";
import { construction, contractOf } from "./contractOf.ts";
import { KEY } from "./forge.ts";
import { Simulator, inverse, mod } from "./simulator.ts";

// Goal: the contract takes exactly the deposits that the circuit can credit, and hashes them as the circuit does.
// Method: a fresh venue; each refusal breaks one rule of a valid deposit and expects that rule's error.

const simulator = new Simulator("deposits");
const MIN = 10n;
const MAX_WAITING = 10_000n;
const rules = { announcer: owner.address, timelock: 60n, coSigners: [] };
const terms = { domain: 1n, genesisState: 2n, maxLag: 600n, maxDeposits: 20_000n, minDeposit: MIN };

describe("a deposit", () => {
  let chain: Chain;
  let token: Deployed;
  let venue: Deployed;
  let artifacts: ReturnType<typeof compileContracts>;
  let parts: Parts;
  let snapshot: `0x${string}`;

  before(async () => {
    ({ chain, token, venue, artifacts, parts } = await contractOf(simulator, terms));
    snapshot = await chain.client.snapshot();
  });
  afterEach(async () => {
    await chain.client.revert({ id: snapshot });
    snapshot = await chain.client.snapshot();
  });
  after(() => chain?.stop());

  const deposit = (amount = 1_000n, [x, y]: readonly bigint[] = KEY, index = 2) => ({
    contract: venue,
    name: "deposit",
    args: [amount, x, y, index] as unknown[],
  });

  it("extends the chain of deposits and moves the money", async () => {
    let head = 0n;
    for (const [n, [amount, index]] of (
      [
        [MIN, 0],
        [1_000n, 2],
        [1n << 80n, (1 << 20) - 1],
      ] as [bigint, number][]
    ).entries()) {
      // prettier-ignore
      const { gasUsed } = await chain.send(deposit(amount, KEY, index));
      head = poseidon5([TAG.deposit, head, ...KEY, amount + (BigInt(index) << 92n)]);
      assert.equal(await chain.read(venue, "depositHead"), head);
      assert.equal(await chain.read(venue, "depositNumber", [head]), BigInt(n + 1));
      const [event] = await chain.client.getContractEvents({ ...venue, eventName: "Deposit", fromBlock: "latest" });
      const args = (event as unknown as { args: object }).args;
      assert.deepEqual(args, { n: BigInt(n + 1), head, keyX: KEY[0], keyY: KEY[1], amount, index: BigInt(index) });
      if (n === 1) console.log(`      ${gasUsed} gas`);
    }
    const held = MIN + 1_000n + (1n << 80n);
    assert.equal(await chain.read(venue, "held"), held);
    assert.equal(await chain.read(token, "balanceOf", [venue.address]), held);
  });

  const smallOrder = pointsOfSmallOrder();
  const refused: [why: string, error: string, args: Parameters<typeof deposit>][] = [
    ["the amount is 0", "AmountOutOfRange", [0n]],
    ["the amount is below the least", "AmountOutOfRange", [MIN - 1n]],
    ["the amount is 2^92", "AmountOutOfRange", [1n << 92n]],
    ["the vault would hold more than 2^90", "VaultFull", [(1n << 90n) + 1n]],
    ["the account number is 2^20", "IndexOutOfRange", [MIN, KEY, 1 << 20]],
    ["the key is off the curve", "BadKey", [MIN, [KEY[0], KEY[1] + 1n]]],
    ["the key is (0, 0)", "BadKey", [MIN, [0n, 0n]]],
    ["x is not canonical", "BadKey", [MIN, [KEY[0] + FIELD, KEY[1]]]],
    ["y is not canonical", "BadKey", [MIN, [KEY[0], KEY[1] + FIELD]]],
    ...smallOrder.map((point, i): [string, string, [bigint, bigint[]]] => [
      `the key is ${i} times a point of order 8`,
      "BadKey",
      [MIN, point],
    ]),
  ];
  for (const [why, error, args] of refused)
    it(`is refused when ${why}`, async () => {
      assert.equal(await chain.outcome(deposit()), "accepted");
      assert.equal(await chain.outcome(deposit(...args)), error);
    });

  it("is taken for any key that 8 times is not the identity", async () => {
    assert.equal(smallOrder.length, 8);
    for (const point of smallOrder) assert.equal(await chain.outcome(deposit(MIN, add(KEY, point))), "accepted");
  });
  it("may fill the vault to 2^90 exactly", async () => {
    await chain.send(deposit(1n << 90n));
    assert.equal(await chain.outcome(deposit(MIN)), "VaultFull");
  });
  it("is refused when no account is left", async () => {
    await count(19_999n, 19_999n);
    await chain.send(deposit());
    assert.equal(await chain.outcome(deposit()), "TooManyDeposits");
  });
  it("is refused while ten thousand wait to be credited", async () => {
    await count(MAX_WAITING + 4n, 5n);
    await chain.send(deposit());
    assert.equal(await chain.outcome(deposit()), "TooManyWaiting");
    await count(MAX_WAITING + 5n, 6n);
    assert.equal(await chain.outcome(deposit()), "accepted");
  });
  /** As if so many deposits had been made, and so many of them credited. */
  const count = async (made: bigint, credited: bigint) => {
    const [madeSlot, creditedSlot] = [4, 5];
    await chain.store(venue, madeSlot, made);
    await chain.store(venue, creditedSlot, credited);
    assert.equal(await chain.read(venue, "depositCount"), made);
    assert.equal(await chain.read(venue, "depositsConsumed"), credited);
  };
  it("is refused when the token keeps a fee, says no or has no money to move", async () => {
    await chain.send({ contract: token, name: "misbehave", args: [1n, 1n] });
    assert.equal(await chain.outcome(deposit()), "TransferFailed");
    await chain.send({ contract: token, name: "misbehave", args: [0n, 2n] });
    assert.equal(await chain.outcome(deposit()), "TransferFailed");
    await chain.send({ contract: token, name: "misbehave", args: [0n, 0n] });
    assert.equal(await chain.outcome(deposit()), "accepted");
    await chain.send({ contract: token, name: "approve", args: [venue.address, 0n] });
    assert.equal(await chain.outcome(deposit()), "TransferFailed");
  });

  it("needs a venue that could be deployed: fields in range, a token with code, its own keys, libraries linked", async () => {
    const made = await deployVenue(chain, artifacts.Venue, parts, { ...terms, token: token.address });
    assert.equal(await chain.read(made, "deployedAt"), await chain.client.getBlockNumber());
    assert.equal(await chain.read(made, "minDeposit"), MIN);
    const others = await chain.deploy(keysArtifact(new Simulator("other keys").keys), []);
    for (const [refusal, change] of [
      ["NotAFieldElement(uint256)", { domain: FIELD }],
      ["NotAFieldElement(uint256)", { genesisState: FIELD }],
      ["NotAContract(address)", { token: owner.address }],
      ["AmountOutOfRange(uint256)", { minDeposit: 0n }],
      ["AmountOutOfRange(uint256)", { minDeposit: (1n << 90n) + 1n }],
      ["WrongKeys(bytes32)", { keys: others.address }],
      ["WrongKeys(bytes32)", { keys: owner.address }],
    ] as const) {
      const args = { ...terms, ...rules, token: token.address, keys: parts.keys, ...change };
      assert.equal(await construction(chain, artifacts.Venue, parts, args), toFunctionSelector(refusal));
    }
    assert.throws(() => link(artifacts.Venue, {}), { code: "LIBRARY_MISSING" });
    for (const { name, size } of [artifacts.Venue, keysArtifact(simulator.keys)]) {
      assert.ok(size <= 22_000, name);
      console.log(`      ${name}: ${size} bytes of code`);
    }
  });
});

describe("a venue of the committed keys", () => {
  it("deploys on a development chain, and on no other", async () => {
    const chain = await Chain.start();
    try {
      const artifacts = compileContracts({ sources: ["src/setup/chain/TestToken.sol"] });
      const token = await chain.deploy(artifacts.TestToken, []);
      const parts = await deployParts(chain, artifacts, await readKeys("demo"));
      const args = { ...terms, ...rules, token: token.address, keys: parts.keys };
      assert.equal(await construction(chain, artifacts.Venue, parts, args), "accepted");
      await chain.client.request({ method: "anvil_setChainId", params: [1] } as never);
      const refusal = toFunctionSelector("DevelopmentKeys()");
      assert.equal(await construction(chain, artifacts.Venue, parts, args), refusal);
    } finally {
      chain.stop();
    }
  });
});

describe("the contract's source", () => {
  it("is refused with the compiler's words when it does not compile", () => {
    assert.throws(() => compileContracts({ keys: "library Keys {}" }), { code: "SOLIDITY_REFUSED" });
  });
});

/** Addition on BabyJubJub, by its definition. */
function add([x1, y1]: readonly bigint[], [x2, y2]: readonly bigint[]): bigint[] {
  const t = 168696n * mod(x1 * x2) * mod(y1 * y2);
  return [mod((x1 * y2 + y1 * x2) * inverse(1n + t)), mod((y1 * y2 - 168700n * x1 * x2) * inverse(1n - t))];
}

/** The eight points whose 8-fold is the identity, as multiples of one of them. */
function pointsOfSmallOrder(): bigint[][] {
  const order = 2736030358979909402780800718157159386076813972158567259200215660948447373041n;
  const generator = [
    995203441582195749578291179787384436505546430278305826713579947235728471134n,
    5472060717959818805561601436314318772137091100104008585924551046643952123905n,
  ];
  let point = [0n, 1n];
  for (const bit of order.toString(2)) {
    point = add(point, point);
    if (bit === "1") point = add(point, generator);
  }
  const multiples = [[0n, 1n]];
  for (let i = 1; i < 8; i++) multiples.push(add(multiples[i - 1], point));
  return multiples;
}
