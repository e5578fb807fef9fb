// Goal: a record is accepted if all that it says follows from its genesis and its log; changed anywhere, it is refused by
// the check that names the place.
// Method: a record of the demonstration's scenario (every verdict, auction and cross, prices and folds, withdrawals, signatures)
// and one of a replay without signatures, whose rules change. Of each kind of field one is changed, drawn by a seed. Then lists: an element less, twice, moved.
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { TacitError } from "../../src/protocol/errors.ts";
import { INSTRUMENT_KIND, KIND, MARKET_STATE, RULE, SIDE, VERDICTS } from "../../src/protocol/parameters.ts";
import { LEVEL } from "../../src/protocol/prices.ts";
import { useHashKernels } from "../../src/prover/hash/use.ts";
import { Random } from "../../src/replay/random.ts";
import { recheck } from "../../src/replay/recheck.ts";
import type { RecordJson } from "../../src/replay/record.ts";
import type { RecordRefusal } from "../../src/verifier/index.ts";
import { copy, replay, scenario } from "./records.ts";

const SEED = Number(process.env.SEED ?? 23);

/** A value in JSON, by its path. */
interface Leaf {
  path: (string | number)[];
  value: unknown;
}

function leavesOf(value: unknown, path: Leaf["path"] = []): Leaf[] {
  if (typeof value !== "object" || value === null) return [{ path, value }];
  return Object.entries(value).flatMap(([name, part]) =>
    leavesOf(part, [...path, Array.isArray(value) ? Number(name) : name]),
  );
}

const written = (path: Leaf["path"]) =>
  path.reduce<string>((text, name) => (typeof name === "number" ? `${text}[${name}]` : `${text}.${name}`), "").slice(1);

function changed(record: RecordJson, path: Leaf["path"], change: (value: any) => unknown): RecordJson {
  const forged = copy(record) as any;
  const last = path.at(-1)!;
  const inside = path.slice(0, -1).reduce((part, name) => part[name], forged);
  inside[last] = change(inside[last]);
  return forged;
}

/** Another value of the same kind. */
function another(random: Random, path: Leaf["path"], value: unknown): unknown {
  const names: Record<string, readonly string[]> = {
    kind: path.includes("instruments") ? Object.keys(INSTRUMENT_KIND) : [...Object.keys(KIND), "malformed"],
    level: Object.keys(LEVEL),
    side: Object.keys(SIDE),
    rule: Object.keys(RULE),
    state: Object.keys(MARKET_STATE),
    verdict: VERDICTS,
    profile: ["demo", "standard"],
  };
  if (typeof value === "boolean") return !value;
  if (value === null) return "1";
  if (/^-?\d+$/.test(value as string)) {
    const number = BigInt(value as string);
    return String(number > 0n && random.unit() < 0.5 ? number - 1n : number + 1n);
  }
  return random.pick(names[path.at(-1)!].filter((name) => name !== value));
}

/** What must be blamed for another value at this path: a code and a place in the file. */
function blamed(path: Leaf["path"]): [RecordRefusal, RegExp] {
  const [top, i, part, j, field, index, inner] = path;
  const exactly = (place: string) => new RegExp(`^${place.replace(/[[\].]/g, "\\$&")}$`);
  if (top === "reprices") return ["wrongClearing", exactly(written(path))];
  if (top === "rules") return ["wrongState", exactly(written(path))];
  // Only the first state shows that genesis and its blinding value are those of the record.
  if (top !== "rounds") return top === "signed" ? ["wrongLog", /./] : ["wrongState", exactly("rounds[0].state")];
  const at = `rounds[${i}]`;
  if (part === "blind") return ["wrongState", exactly(`${at}.stateAfter`)];
  if (part === "entries") return ["wrongLog", exactly(`${at}.log[${j}]`)];
  if (part !== "log") {
    const codes: Record<string, RecordRefusal> = { clearings: "wrongClearing", accounts: "wrongAccount", number: "wrongLog", logCount: "wrongLog", head: "wrongLog" }; // prettier-ignore
    return [codes[part] ?? "wrongState", exactly(written(path))];
  }
  if (field === "verdict") return ["wrongVerdict", exactly(written(path))];
  // Stamped later than the next, it is the next that comes too early.
  if (field === "t") return ["wrongLog", new RegExp(`^rounds\\[${i}\\]\\.log\\[(${j}|${Number(j) + 1})\\]$`)];
  // Under other rules another entry may be the first that may not be.
  if (field === "rules") return ["wrongLog", new RegExp(`^rounds\\[${i}\\]\\.log\\[\\d+\\]`)];
  if (field === "n" || inner === "account" || inner === "head") return ["wrongLog", exactly(written(path))];
  // Of a view key only the state tells; of a key that is no point of the curve, the entry.
  if (inner === "view") return ["wrongState", exactly(`${at}.stateAfter`)];
  if (field === "deposits") return ["wrongLog", new RegExp(`^rounds\\[${i}\\]\\.log\\[${j}\\](\\.deposits\\[${index}\\]\\.head)?$`)]; // prettier-ignore
  return ["wrongLog", new RegExp(`^rounds\\[${i}\\]\\.log\\[${j}\\](\\.|$)`)];
}

for (const [name, make] of Object.entries({ scenario, replay }))
  describe(`recheck of a record (${name}, seed ${SEED})`, () => {
    const random = new Random(SEED);
    let record: RecordJson;
    before(async () => {
      await useHashKernels();
      record = make(random);
    });
    /** Refused, or no record at all: never accepted. */
    const refused = (forged: RecordJson, what: string) => {
      try {
        const result = recheck(forged);
        assert.ok(!result.ok, `${what} is accepted`);
        assert.match(result.message, /the rules give|hashes to|stamped|[a-z]/);
        return result;
      } catch (error) {
        assert.ok(
          error instanceof TacitError && /^(FORMAT|GENESIS|OUT_OF_RANGE)$/.test(error.code),
          `${what}: ${error}`,
        );
        return error;
      }
    };

    it("is accepted, and says what it comes to", () => {
      const shares: number[] = [];
      const result = recheck(record, (share) => shares.push(share));
      assert.ok(result.ok, JSON.stringify(result));
      assert.equal(shares.at(-1), 1);
      assert.equal(shares.length, record.rounds.length);
      const { ok: _, ...told } = result;
      const sum = (count: (round: RecordJson["rounds"][number]) => number) =>
        record.rounds.reduce((total, round) => total + count(round), 0);
      assert.deepEqual(told, {
        rounds: record.rounds.length,
        entries: sum(({ log }) => log.length),
        auctions: sum(({ clearings }) => clearings.length),
        fills: sum(({ clearings }) => clearings.reduce((n, { fills }) => n + fills.length, 0)),
        accounts: new Set(record.rounds.flatMap(({ accounts }) => accounts.map(({ index }) => index))).size,
        signed: name === "scenario",
        proofs: 0,
      });
      assert.ok(told.auctions >= 2 && told.fills >= 4, JSON.stringify(told));
    });

    it("of which any one value is changed is refused, and the place named", () => {
      const kinds = new Map<string, Leaf[]>();
      for (const leaf of leavesOf(record)) {
        const { path } = leaf;
        // An entry of another kind has fields of another meaning.
        const of = path[2] === "log" ? record.rounds[path[1] as number].log[path[3] as number].kind : "";
        const kind = `${written(path).replace(/\[\d+\]/g, "[]")} ${of}`;
        kinds.set(kind, [...(kinds.get(kind) ?? []), leaf]);
      }
      for (const [kind, leaves] of kinds) {
        // Rules have many words, told in three places, and each of them is hashed.
        const ofRules = /\brules\./.test(kind);
        if (ofRules && random.unit() > 0.2) continue;
        for (let tries = 0; tries < (ofRules ? 1 : 2); tries++) {
          const { path, value } = random.pick(leaves);
          const now = another(random, path, value);
          const what = `${kind}: ${written(path)} ${value} -> ${now}`;
          let forged = changed(record, path, () => now);
          // The rules are told twice.
          if (path[0] === "genesis" && path[1] === "rules") forged = changed(forged, path.slice(1), () => now);
          const result = refused(forged, what);
          const [code, place] = blamed(path);
          if (result instanceof TacitError) {
            // Out of its range, no rules, or another kind without its fields; of positions, that they do not sum to zero.
            assert.match(written(path), /^genesis|^signed$|\.rules\.|\.(kind|market|side|limit|size|maxFee|keyX|keyY)$/, `${what}: ${result.message}`); // prettier-ignore
            continue;
          }
          assert.match(result.at, place, what);
          assert.equal(result.code, code, what);
        }
      }
    });

    it("in which a field is missing, or there is one more, is refused", () => {
      const { log } = record.rounds[0];
      const [order, reprice] = ["order", "reprice"].map((kind) => log.findIndex((entry) => entry.kind === kind));
      for (const [part, remove] of [
        [["rounds", 0, "log", log.findIndex(({ deposits }) => deposits?.[0].view), "deposits", 0], "view"],
        [["rounds", 0, "log", order], "salt"],
        [["rounds", 0, "log", order], "verdict"],
        [["rounds", 0, "log", reprice], "epoch"],
        [["rounds", 0, "log", reprice, "reports", 1], "sigma"],
        [["reprices", 0, "rows", 0], "mark"],
        [["reprices", 1], "halted"],
        [["rounds", 0, "clearings", 0], "price"],
        [["rounds", 0, "accounts", 2], "cash"],
        [["rounds", 0], "stateAfter"],
        [[], "blind"],
        [[], "signed"],
        [[], "rules"],
        [[], "reprices"],
      ] as [Leaf["path"], string][]) {
        const without = part.length === 0 ? copy(record) : changed(record, part, ({ ...rest }) => rest);
        const inside = part.reduce((json: any, step) => json[step], without) as Record<string, unknown>;
        delete inside[remove];
        refused(without, `${written([...part, remove])} missing`);
        if (part.length > 2) {
          const more = refused(
            changed(record, part, (row) => ({ ...row, more: "1" })),
            `${written(part)}.more`,
          );
          assert.ok(!(more instanceof TacitError) && more.at === written([...part, "more"]));
        }
      }
    });

    it("of which a list has an element less, one twice, or two that changed places is refused", () => {
      const lists: Leaf["path"][] = [["log"], ["entries"], ["clearings"], ["clearings", 0, "fills"], ["clearings", 0, "entries"], ["accounts"], ["log", record.rounds[0].log.findIndex(({ kind }) => kind === "reprice"), "reports"]]; // prettier-ignore
      const changes: Record<string, (list: unknown[], at: number) => unknown[]> = {
        "an element less": (list, at) => list.toSpliced(at, 1),
        "one twice": (list, at) => list.toSpliced(at, 0, list[at]),
        "two changed places": (list, at) =>
          list.with(at, list[(at + 1) % list.length]).with((at + 1) % list.length, list[at]),
      };
      for (const list of lists)
        for (const [why, change] of Object.entries(changes)) {
          const path = ["rounds", 0, ...list];
          const length = (path.reduce((json: any, step) => json[step], record) as unknown[]).length;
          const forged = changed(record, path, (items) => change(items, random.integer(0, length - 1)));
          // Of one element, or two that are the same, such as two deposit commands.
          if (why === "two changed places" && isDeepStrictEqual(forged, record)) continue;
          refused(forged, `${written(path)}, ${why}`);
        }
      for (const [why, change] of Object.entries(changes)) {
        const result = refused({ ...record, reprices: change(record.reprices, 0) as never }, `reprices, ${why}`);
        assert.ok(result instanceof TacitError || result.code === "wrongClearing");
      }
      refused({ ...record, rounds: [] }, "no rounds");
      if (record.rounds.length < 2) return;
      for (const [why, change] of Object.entries(changes))
        refused({ ...record, rounds: change(record.rounds, 0) as never }, `rounds, ${why}`);
    });
  });
