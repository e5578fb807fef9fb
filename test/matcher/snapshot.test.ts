// Goal: a matcher restored from an export goes on as the one that was never stopped: same events, same bytes.
// Method: random commands, an export at random places; then snapshots that are none, or of another venue.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import { genesis, options, PROFILE, randomCommands } from "./venue.ts";

const SEED = Number(process.env.SEED ?? 7);

function take(count: number, flow: Generator<Command>): Command[] {
  return Array.from({ length: count }, () => flow.next().value!);
}

describe("matcher snapshots", () => {
  it(`restore, go on: same events and same bytes (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const flow = randomCommands(random);
    const original = new Matcher(genesis, options);
    let restored = new Matcher(genesis, options);
    for (let part = 0; part < 10; part++) {
      for (const command of take(random.integer(100, 400), flow)) {
        const events = original.apply(command);
        assert.deepEqual(restored.apply(command), events);
      }
      const bytes = original.export();
      assert.deepEqual(restored.export(), bytes);
      restored = Matcher.restore(genesis, options, bytes);
      assert.deepEqual(restored.export(), bytes);
      assert.equal(restored.logCount, original.logCount);
    }
  });

  it(`a fork shows what commands come to, leaves its matcher as it is, and may be adopted by it (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const flow = randomCommands(random);
    const [matcher, twin] = [new Matcher(genesis, options), new Matcher(genesis, options)];
    for (let part = 0; part < 25; part++) {
      const [before, fork] = [matcher.export(), matcher.fork()];
      const commands = take(random.integer(1, 60), flow);
      const events = commands.map((command) => structuredClone(fork.apply(command)));
      assert.deepEqual(matcher.export(), before);
      assert.deepEqual(
        commands.map((command) => twin.apply(command)),
        events,
      );
      assert.deepEqual(fork.export(), twin.export());
      if (random.integer(0, 1)) matcher.adopt(fork);
      else for (const command of commands) matcher.apply(command);
      assert.deepEqual(matcher.export(), twin.export());
      assert.equal(matcher.logCount, twin.logCount);
      assert.deepEqual(matcher.pending(0), twin.pending(0));
    }
  });

  /** Commands until the first fold that leaves others to be folded, which moves money to and from accounts one by one. */
  function halfFolded(): Command[] {
    const matcher = new Matcher(genesis, options);
    const commands: Command[] = [];
    for (const command of randomCommands(new Random(SEED))) {
      commands.push(command);
      const [event] = matcher.apply(command);
      const cash = matcher.accounts.reduce((sum, account) => sum + account.cash, 0n);
      if (event.kind === "deposits" && commands.length > 1) continue;
      const first = event.kind === "fold" && event.writes.some(({ before, after }) => before.cash !== after.cash);
      if (first && matcher.unfolded().length > 0 && cash > 0n) return commands;
    }
    throw new Error("unreachable");
  }

  it("of half folded accounts holds what is held, which their cash does not tell", () => {
    const commands = halfFolded();
    const matcher = new Matcher(genesis, options);
    for (const command of commands) matcher.apply(command);
    const restored = Matcher.restore(genesis, options, matcher.export());
    const room = (it: Matcher) => {
      const deposit = { keyX: genesis.accounts[0].keyX, keyY: genesis.accounts[0].keyY, index: 0 };
      const isFull = (amount: bigint) => it.noRoomFor([{ ...deposit, amount }]) !== null;
      let [low, high] = [0n, 1n << 91n];
      while (high - low > 1n) {
        const middle = (low + high) / 2n;
        if (isFull(middle)) high = middle;
        else low = middle;
      }
      return low;
    };
    assert.equal(room(restored), room(matcher));
  });

  it("equal histories have equal bytes, and others not", () => {
    const commands = take(500, randomCommands(new Random(SEED)));
    const [one, two] = [new Matcher(genesis, options), new Matcher(genesis, options)];
    for (const command of commands) one.apply(command);
    for (const command of commands.slice(0, -1)) two.apply(command);
    assert.notDeepEqual(two.export(), one.export());
    two.apply(commands.at(-1)!);
    assert.deepEqual(two.export(), one.export());
  });

  const good = () => new TextDecoder().decode(new Matcher(genesis, options).export());
  const bad: [why: string, bytes: () => Uint8Array][] = [
    ["no UTF-8", () => Uint8Array.of(0xff, 0xfe)],
    ["no JSON", () => new TextEncoder().encode(good().slice(0, -1))],
    ["null", () => new TextEncoder().encode("null")],
    ["another version", () => new TextEncoder().encode(good().replace('"version":4', '"version":3'))],
    ["another domain", () => new Matcher({ ...genesis, domain: 78n }, options).export()],
    ["other prices", () => new Matcher({ ...genesis, prices: { ...genesis.prices, index: 1n } }, options).export()],
    [
      "another limit of open orders",
      () => new Matcher({ ...genesis, profile: { ...PROFILE, maxOpen: 31 } }, options).export(),
    ],
    ["no cancels", () => new TextEncoder().encode(good().replace('"cancels"', '"others"'))],
    ["no number of lists", () => new TextEncoder().encode(good().replace('"lists"', '"others"'))],
    ["no number of log entries", () => new TextEncoder().encode(good().replace('"logCount"', '"others"'))],
    ["another depth", () => new Matcher({ ...genesis, profile: { ...PROFILE, depth: 4 } }, options).export()],
    ["no terms", () => new TextEncoder().encode(good().replace('"terms"', '"others"'))],
    ["no accounts", () => new TextEncoder().encode(good().replace('"accounts"', '"others"'))],
    ["no clock", () => new TextEncoder().encode(good().replace('"clock"', '"o\'clock"'))],
  ];
  for (const [why, bytes] of bad)
    it(`refuses a snapshot: ${why}`, () => {
      assert.throws(() => Matcher.restore(genesis, options, bytes()), { code: "SNAPSHOT" });
    });
});
