// Goal: the kernels hash as the reference does: every number of inputs, any initial state, one alone and any number at once.
// Method: random and edge inputs (seed in the name) against the reference and poseidon-lite; batches around the number of
// lanes; then a tree, a venue and its rounds with kernels and without.
import assert from "node:assert/strict";
import * as lite from "poseidon-lite";
import { Random } from "../../../src/replay/random.ts";
import { Matcher, type ItemCommand } from "../../../src/matcher/matcher.ts";
import { accountLeaf, accountLeaves } from "../../../src/protocol/account.ts";
import { depositKey, publicKey, sign } from "../../../src/protocol/eddsa.ts";
import { cancelItem, itemHash } from "../../../src/protocol/item.ts";
import { FIELD } from "../../../src/protocol/numbers.ts";
import { usePrimitives } from "../../../src/protocol/primitives.ts";
import { reference } from "../../../src/protocol/reference.ts";
import { Tree } from "../../../src/protocol/tree.ts";
import { Ledger } from "../../../src/witness/ledger.ts";
import { RoundBuilder } from "../../../src/witness/round.ts";
import { genesis, options, PROFILE, randomCommands, stillGenesis } from "../../matcher/venue.ts";
import { describeKernels, edgeElement, randomElement } from "./backends.ts";

const SEED = Number(process.env.SEED ?? 11);
const ARITIES = Array.from({ length: 16 }, (_, i) => i + 1);
const SIZES = [0, 1, 7, 8, 9, 100];

describeKernels("hash kernels", (kernels) => {
  for (const arity of ARITIES)
    it(`${arity} inputs: the reference's hashes (seed ${SEED})`, () => {
      const random = new Random(SEED + arity);
      for (let round = 0; round < 4; round++) {
        const element = round % 2 ? edgeElement : randomElement;
        const initial = element(random);
        const inputs = Array.from({ length: 16 }, () => Array.from({ length: arity }, () => element(random)));
        const expected = reference.hashMany(initial, inputs);
        assert.deepEqual(kernels().hashMany(initial, inputs), expected);
        inputs.forEach((each, i) => assert.equal(kernels().hash(initial, each), expected[i]));
      }
      const oracle = (lite as unknown as Record<string, (inputs: bigint[]) => bigint>)[`poseidon${arity}`];
      for (const value of [0n, FIELD - 1n]) {
        const inputs = Array<bigint>(arity).fill(value);
        assert.equal(kernels().hash(0n, inputs), oracle(inputs));
        assert.deepEqual(kernels().hashMany(0n, Array(8).fill(inputs)), Array(8).fill(oracle(inputs)));
      }
    });

  for (const size of SIZES)
    it(`${size} at once`, () => {
      const random = new Random(SEED + size);
      const inputs = Array.from({ length: size }, () => [randomElement(random), edgeElement(random)]);
      assert.deepEqual(kernels().hashMany(3n, inputs), reference.hashMany(3n, inputs));
    });

  it("long chains of hashes, eight at once and alone, agree at every step", () => {
    const random = new Random(SEED);
    let states = Array.from({ length: 8 }, () => randomElement(random));
    for (let step = 0n; step < 1_500n; step++) {
      const inputs = states.map((x) => [x, step]);
      states = kernels().hashMany(step, inputs);
      assert.deepEqual(
        inputs.map((each) => kernels().hash(step, each)),
        states,
      );
    }
  });
});

describeKernels("protocol with hash kernels", (kernels) => {
  const withKernels = <T>(run: () => T): T => {
    usePrimitives(kernels());
    try {
      return run();
    } finally {
      usePrimitives(reference);
    }
  };

  it("a tree has the same root, paths and leaves", () => {
    const build = () => {
      const random = new Random(SEED);
      const tree = new Tree(4);
      const roots: bigint[] = [];
      for (const changes of [1, 3, 60, 200]) {
        for (let i = 0; i < changes; i++) tree.set(random.integer(0, 255), random.pick([0n, randomElement(random)]));
        roots.push(tree.root);
      }
      return { roots, path: tree.path(77), entries: tree.entries() };
    };
    assert.deepEqual(withKernels(build), build());
  });

  it("a queue of items, their signatures checked at once, has the events of one by one", () => {
    const random = new Random(SEED);
    const secrets = Array.from({ length: 4 }, () => random.bytes(32));
    const open = () => {
      const matcher = new Matcher(genesis, { view: options.view });
      const deposits = secrets.map((secret) => {
        const { x: keyX, y: keyY } = depositKey(publicKey(secret));
        return { keyX, keyY, index: 0, amount: 10n ** 9n };
      });
      matcher.apply({ kind: "deposits", time: genesis.time, deposits });
      return matcher;
    };
    const first = genesis.accounts.length;
    const items = Array.from({ length: 30 }, (_, i): ItemCommand => {
      const account = random.integer(first - 1, first + secrets.length);
      const nonce = BigInt(i + 1);
      const time = genesis.time;
      const item = cancelItem({
        market: 10n,
        account: BigInt(account),
        nonce,
        target: 0n,
        validUntil: time,
        salt: nonce,
      });
      const signer = random.integer(0, 3) ? (account - first + 4) % 4 : 0;
      return { kind: "item", time, item, auth: sign(secrets[signer], itemHash(genesis.domain, item)) };
    });
    const beyond: ItemCommand = { ...items[3], item: { ...items[3].item, A: -1n } };
    const expected = items.flatMap((command) => open().apply(command));
    withKernels(() => {
      const matcher = open();
      const checked = matcher.checked([...items, beyond]);
      assert.deepEqual(
        checked.slice(0, -1).flatMap((command) => open().apply(command)),
        expected,
      );
      const said = checked.map(({ signed }) => signed);
      for (const answer of [true, false, undefined]) assert.ok(said.includes(answer), `${answer}`);
      assert.equal(checked.at(-1), beyond);
      assert.deepEqual(matcher.checked(checked), checked);
      const own = new Matcher(genesis, { ...options, verify: () => true });
      assert.deepEqual(own.checked(items), items);
    });
  });

  it("a venue and its rounds have the same events, bytes, inputs and states", () => {
    const run = () => {
      const profile = { ...PROFILE, deposit: 64, clear: 8, settle: 4, settleRuns: 3 };
      const genesis = { ...stillGenesis, profile };
      const matcher = new Matcher(genesis, options);
      let blind = 0n;
      const ledger = new Ledger({ ...genesis, blind: () => ++blind });
      const builder = new RoundBuilder(ledger, { accounts: genesis.accounts, operatorSecret: 1n });
      const flow = randomCommands(new Random(SEED), genesis);
      const events = Array.from({ length: 60 }, () => matcher.apply(flow.next().value!)).flat();
      for (const event of events) builder.add(event);
      const steps = builder.close();
      const { accounts } = matcher;
      assert.deepEqual(accountLeaves(accounts), accounts.map(accountLeaf));
      return { events, steps, bytes: matcher.export(), state: ledger.state };
    };
    assert.deepEqual(withKernels(run), run());
  });
});
