// Goal: whatever provers do, each proof is made, holds, and costs nobody more than the time of the one who failed.
// Method: a server of PostgreSQL, provers that lie, hang, die or are old; one real one, of the demonstration's circuits.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ensurePackage } from "../../scripts/package/index.ts";
import type { Proof } from "../../src/protocol/proof.ts";
import { buildAll } from "../../src/setup/build.ts";
import { keyHashes, proverFiles } from "../../src/setup/instructionKeys.ts";
import { localProver } from "../../src/venue/proving/localProver.ts";
import type { CheckingProver } from "../../src/venue/proving/provers.ts";
import { openJobsProver, type JobsOptions, type JobsProver } from "../../src/venue/proving/jobs/jobsProver.ts";
import { runProver, type RunProverOptions } from "../../src/venue/proving/jobs/runProver.ts";
import { gate } from "../venue/fixture.ts";
import { proveRound } from "../venue/proving/proveRound.ts";
import {
  fakeProof,
  fakeProver,
  hanging,
  heard,
  honest,
  instructionOf,
  KEYS,
  keysOf,
  letGo,
  lying,
  TIMES,
  type Act,
} from "./fakeProvers.ts";
import { Server } from "./postgres.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("proofs by provers anywhere", () => {
  const server = new Server("jobs");
  let url: string;
  let schema: string;
  const asking: JobsProver[] = [];
  const running: { stop: AbortController; ended: Promise<void> }[] = [];
  const processes: ChildProcess[] = [];

  /** A venue that proves nothing itself but what it must. */
  const ask = async (options: Partial<JobsOptions> = {}, local = fakeProver()) => {
    const { log, said, told } = heard();
    const venue = await openJobsProver({ url, local: local.prover, localJobs: 0, keys: KEYS, times: TIMES, log, ...options }); // prettier-ignore
    asking.push(venue);
    return { venue, local, said, told };
  };
  const join_ = (name: string, act: Act = honest, options: Partial<RunProverOptions> = {}) => {
    const { prover, asked } = fakeProver(act);
    const { log, said, told } = heard();
    const stop = new AbortController();
    const ended = runProver({ url, name, prover, keys: KEYS, times: TIMES, log, signal: stop.signal, ...options });
    ended.catch(() => {});
    running.push({ stop, ended });
    return { asked, said, told, stop, ended };
  };
  const joined = async (...asked: Parameters<typeof join_>) => {
    const prover = join_(...asked);
    await prover.said("takes jobs");
    return prover;
  };
  const query = (text: string) => server.query(`SET search_path = ${schema}; ${text}`);
  /** Asks again and again until it is so. */
  const until = async <T>(look: () => T | Promise<T>, holds: (found: T) => boolean): Promise<T> => {
    for (;;) {
      const found = await look();
      if (holds(found)) return found;
      await server.query("SELECT 1");
    }
  };
  /** So that it knows of them. */
  const lives = (venue: JobsProver, ...names: string[]) =>
    until(
      () => venue.jobs.provers,
      (found) => names.every((name) => found.includes(name)),
    );
  const proves = async (proof: Promise<Proof>, number: number) =>
    assert.deepEqual(await proof, fakeProof(BigInt(number)));

  before(() => server.start());
  beforeEach(async () => {
    url = await server.schema();
    schema = /search_path%3D(\w+)/.exec(url)![1];
  });
  afterEach(async () => {
    for (const process of processes.splice(0)) process.kill("SIGKILL");
    letGo();
    for (const { stop } of running) stop.abort();
    await Promise.all(running.splice(0).map(({ ended }) => ended.catch(() => {})));
    await Promise.all(asking.splice(0).map((venue) => venue.close()));
  });
  after(() => server.destroy());

  describe("who gets a job", () => {
    it("is the next prover that is free, the oldest job first", async () => {
      const { venue } = await ask();
      const proofs = [3, 1, 2, 5, 4].map((number) => venue.prove(instructionOf(number)));
      const { asked } = await joined("one");
      assert.deepEqual(await Promise.all(proofs), [3n, 1n, 2n, 5n, 4n].map(fakeProof));
      assert.deepEqual(asked, [3, 1, 2, 5, 4]);
    });

    it("is a prover whose role may use the tables, and nothing else", async () => {
      await query(`DROP ROLE IF EXISTS prover; CREATE ROLE prover LOGIN; GRANT USAGE ON SCHEMA ${schema} TO prover;
        ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO prover`);
      const prover = join_("one", honest, { url: url.replace("postgres@", "prover@") });
      // It waits for the venue, which makes the tables.
      await prover.said("expected a venue");
      const { venue } = await ask();
      await proves(venue.prove(instructionOf(1)), 1);
      prover.stop.abort();
      await prover.ended;
      assert.deepEqual(prover.asked, [1]);
      await query(`DROP OWNED BY prover; DROP ROLE prover`);
    });

    it("is one of many, each job once", async () => {
      const { venue, local } = await ask();
      const provers = await Promise.all(["a", "b", "c", "d", "e", "f"].map((name) => joined(name)));
      const numbers = Array.from({ length: 300 }, (_, i) => i);
      const proofs = await Promise.all(numbers.map((number) => venue.prove(instructionOf(number))));
      assert.deepEqual(proofs, numbers.map((number) => fakeProof(BigInt(number)))); // prettier-ignore
      const asked = provers.flatMap((it) => it.asked).sort((a, b) => a - b);
      assert.deepEqual(asked, numbers);
      assert.deepEqual(local.asked, []);
    });

    it("is not one that has a job, while another has none", async () => {
      const { venue } = await ask();
      const { passed, pass } = gate();
      const held: Act = async (instruction) => passed.then(() => honest(instruction, undefined));
      const [one, other] = [await joined("one", held), await joined("other", held)];
      await lives(venue, "one", "other");
      const proofs = [1, 2].map((number) => venue.prove(instructionOf(number)));
      await until(
        () => one.asked.length + other.asked.length,
        (count) => count === 2,
      );
      pass();
      await Promise.all(proofs);
      assert.deepEqual([one.asked.length, other.asked.length], [1, 1]);
    });

    it("is the venue itself too, where it takes part", async () => {
      const { passed, pass } = gate();
      const held: Act = async (instruction) => passed.then(() => honest(instruction, undefined));
      const { venue, local } = await ask({ localJobs: 2 }, fakeProver(held));
      const proofs = [0, 1, 2, 3].map((number) => venue.prove(instructionOf(number)));
      const one = await joined("one");
      await Promise.all(proofs.slice(2));
      assert.deepEqual(local.asked, [0, 1]);
      assert.deepEqual(one.asked, [2, 3]);
      pass();
      await Promise.all(proofs);
    });

    it("is the venue, which takes what no prover has, once it has room", async () => {
      const { passed, pass } = gate();
      const held: Act = async (instruction) => passed.then(() => honest(instruction, undefined));
      const { venue, local } = await ask({ localJobs: 1 }, fakeProver(held));
      const proofs = [0, 1, 2].map((number) => venue.prove(instructionOf(number)));
      await until(() => query("SELECT FROM jobs"), ({ length }) => length === 2); // prettier-ignore
      pass();
      await Promise.all(proofs);
      assert.deepEqual(local.asked, [0, 1, 2]);
      await until(() => query("SELECT FROM inputs"), ({ length }) => length === 0); // prettier-ignore
    });

    it("is nobody else for a deposit, and for what there is no key of", async () => {
      const { admit, settle } = KEYS;
      const { venue, local } = await ask({ keys: { ...keysOf("a"), fold: undefined } });
      const { asked } = await joined("one", honest, {
        keys: { admit, settle, deposit: KEYS.deposit, fold: KEYS.fold },
      });
      await lives(venue, "one");
      await proves(venue.prove(instructionOf(1, "deposit")), 1);
      await proves(venue.prove(instructionOf(2, "fold")), 2);
      await proves(venue.prove({ ...instructionOf(3), name: "survey" } as never), 3);
      await proves(venue.prove(instructionOf(4, "settle")), 4);
      assert.deepEqual(local.asked, [1, 2, 3]);
      assert.deepEqual(asked, [4]);
    });

    it("is nobody with other keys: it says so, and of which circuits", async () => {
      const { venue } = await ask();
      const old = await joined("old", honest, { keys: { ...KEYS, admit: "b".repeat(64) } });
      const fields = await old.said("other proving keys");
      assert.deepEqual(fields, { code: "OTHER_KEYS", circuits: ["admit"] });
      const admit = venue.prove(instructionOf(1, "admit"));
      await proves(venue.prove(instructionOf(2, "settle")), 2);
      await joined("new");
      await proves(admit, 1);
      assert.deepEqual(old.asked, [2]);
    });
  });

  describe("a prover that", () => {
    it("lies is found: another proves the job, and it gets none for a while", async () => {
      const { venue, local, said } = await ask();
      const liar = await joined("liar", lying);
      await lives(venue, "liar");
      // One that is honest, and has always something to do until the liar is found.
      const { passed, pass } = gate();
      await joined("other", (it) => passed.then(() => honest(it, undefined)));
      await lives(venue, "liar", "other");
      const proofs = Array.from({ length: 12 }, (_, number) => venue.prove(instructionOf(number)));
      assert.deepEqual(await said("gets no jobs"), { prover: "liar", seconds: 600 });
      await liar.said("gets no jobs");
      pass();
      for (const [number, proof] of proofs.entries()) await proves(proof, number);
      const before = liar.asked.length;
      await until(() => venue.jobs.provers, (names) => !names.includes("liar")); // prettier-ignore
      for (let number = 20; number < 30; number++) await proves(venue.prove(instructionOf(number)), number);
      assert.equal(liar.asked.length, before);
      assert.ok(venue.jobs.outcomes.liar.bad >= 3);
      assert.equal(venue.jobs.outcomes.liar.accepted, 0);
      assert.equal(venue.jobs.outcomes.other.accepted + local.asked.length, 22);
      assert.equal(new Set(liar.asked).size, liar.asked.length, "a job came back to who had lied");
    });

    it("lies alone has the venue prove what it was to prove", async () => {
      const { venue, local } = await ask();
      const liar = await joined("liar", lying);
      await lives(venue, "liar");
      await proves(venue.prove(instructionOf(7)), 7);
      assert.deepEqual([liar.asked, local.asked], [[7], [7]]);
    });

    it("fails says why, and another proves the job", async () => {
      const { venue, said } = await ask();
      const failing = await joined("failing", async () => {
        throw new Error("words that may hold anything");
      });
      await lives(venue, "failing");
      const proof = venue.prove(instructionOf(1));
      const fields = await said("could not prove");
      assert.deepEqual(fields, { prover: "failing", instruction: "admit", code: "UNEXPECTED" });
      await proves(proof, 1);
      assert.deepEqual(failing.asked, [1]);
    });

    it("hangs, though it gives signs of life, is not waited for", async () => {
      const { venue } = await ask({ times: { ...TIMES, proofMs: 500 } });
      const stuck = await joined("stuck", hanging);
      await lives(venue, "stuck");
      const proof = venue.prove(instructionOf(1));
      await until(() => stuck.asked, ({ length }) => length === 1); // prettier-ignore
      const other = await joined("other");
      await lives(venue, "stuck", "other");
      await proves(proof, 1);
      assert.deepEqual(other.asked, [1]);
      assert.equal(venue.jobs.outcomes.stuck.hung, 1);
    });

    it("is killed loses its job to another", async () => {
      const { venue } = await ask();
      const killed = spawn(process.execPath, ["--import", "tsx", "--conditions", "tacit-source", join(import.meta.dirname, "proverProcess.ts"), url, "killed"], { stdio: ["ignore", "pipe", "inherit"], cwd: ROOT }); // prettier-ignore
      processes.push(killed);
      const proof = venue.prove(instructionOf(1));
      await once(killed.stdout!, "data");
      killed.kill("SIGKILL");
      const other = await joined("other");
      await proves(proof, 1);
      assert.deepEqual(other.asked, [1]);
      assert.equal(venue.jobs.outcomes.killed.died, 1);
      // Who comes back under its name waits until it counts as dead.
      await joined("killed");
    });

    it("gets bytes that are no job refuses them, and the venue proves it", async () => {
      const { venue, local, said } = await ask();
      const proof = venue.prove(instructionOf(1));
      await until(() => query("UPDATE inputs SET bytes = 'rubbish' RETURNING number"), ({ length }) => length === 1); // prettier-ignore
      const one = await joined("one");
      assert.equal((await said("could not prove")).code, "JOB_FORMAT");
      await proves(proof, 1);
      assert.deepEqual([one.asked, local.asked], [[], [1]]);
    });

    it("hands in what is no proof is a liar", async () => {
      const { venue, local } = await ask();
      const stuck = await joined("stuck", hanging);
      const proof = venue.prove(instructionOf(1));
      await until(() => stuck.asked, ({ length }) => length === 1); // prettier-ignore
      await query(`INSERT INTO answers SELECT asker, number, 'stuck', '\\x00' FROM jobs`);
      await proves(proof, 1);
      assert.deepEqual(local.asked, [1]);
      assert.equal(venue.jobs.outcomes.stuck.bad, 1);
    });

    it("has the name of another that is at work is not let in", async () => {
      await ask();
      await joined("one");
      await assert.rejects(join_("one", honest, { times: { ...TIMES, deadMs: 500 } }).ended, { code: "LOCKED" });
    });

    it("stops ends the proof that it has, gives the next back, and is gone", async () => {
      const { venue } = await ask();
      const { passed, pass } = gate();
      const one = await joined("one", (it) => passed.then(() => honest(it, undefined)));
      await lives(venue, "one");
      const proofs = [1, 2].map((number) => venue.prove(instructionOf(number)));
      await until(() => query("SELECT FROM jobs WHERE prover = 'one'"), ({ length }) => length === 2); // prettier-ignore
      one.stop.abort();
      await until(() => query("SELECT FROM jobs WHERE prover IS NULL"), ({ length }) => length === 1); // prettier-ignore
      const other = await joined("other");
      await proves(proofs[1], 2);
      pass();
      await one.ended;
      await proves(proofs[0], 1);
      assert.deepEqual([one.asked, other.asked], [[1], [2]]);
      assert.deepEqual(await query("SELECT name FROM provers"), [{ name: "other" }]);
    });
  });

  describe("a database of jobs that", () => {
    for (const [what, signal] of [
      ["restarted", "SIGINT"],
      ["killed", "SIGKILL"],
    ] as const)
      // prettier-ignore
      it(`is ${what} costs a little time: what was proved meanwhile is handed in afterwards`, async () => {
        const { venue, said } = await ask();
        const { passed, pass } = gate();
        const one = await joined("one", (it) => passed.then(() => honest(it, undefined)));
        await lives(venue, "one");
        const proofs = [1, 2, 3].map((number) => venue.prove(instructionOf(number)));
        await until(() => query("SELECT FROM jobs WHERE prover = 'one'"), ({ length }) => length === 2); // prettier-ignore
        await server.stop(signal);
        await said("cannot be handed");
        proofs.push(venue.prove(instructionOf(4)));
        pass();
        await server.start();
        for (const [i, proof] of proofs.entries()) await proves(proof, i + 1);
        // One that is killed may have forgotten who had a job.
        assert.deepEqual(signal === "SIGINT" ? one.asked : [...new Set(one.asked)], [1, 2, 3, 4]);
      });

    it("is away leaves a venue that takes part proving, and one that does not waiting", async () => {
      const [busy, waiting] = [await ask({ localJobs: 1 }), await ask()];
      await server.stop("SIGKILL");
      await Promise.all([busy.said("cannot be handed"), waiting.said("cannot be handed")]);
      const proof = waiting.venue.prove(instructionOf(9));
      await Promise.all([1, 2, 3].map((number) => proves(busy.venue.prove(instructionOf(number)), number)));
      assert.deepEqual(busy.local.asked, [1, 2, 3]);
      assert.deepEqual(waiting.local.asked, []);
      await server.start();
      await joined("one");
      await proves(proof, 9);
    });

    it("is away at the start is waited for", async () => {
      await server.stop("SIGKILL");
      const { venue } = await ask();
      const proof = venue.prove(instructionOf(1));
      const one = join_("one");
      await server.start();
      await proves(proof, 1);
      assert.deepEqual(one.asked, [1]);
    });

    it("has lost all gets it again", async () => {
      const { venue, said } = await ask();
      const proofs = [1, 2].map((number) => venue.prove(instructionOf(number)));
      await until(() => query("SELECT FROM jobs"), ({ length }) => length === 2); // prettier-ignore
      await query(
        `DROP SCHEMA ${schema} CASCADE; CREATE SCHEMA ${schema}; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tacit jobs'`,
      );
      await said("handed to provers again");
      await joined("one");
      for (const [i, proof] of proofs.entries()) await proves(proof, i + 1);
    });

    it("is of something else, or newer, is refused by both", async () => {
      await (await ask()).venue.close();
      await query("UPDATE format SET format = 99");
      const foreign = (error: { code: string; details: { reason: string } }) => error.code === "STORAGE" && error.details.reason === "foreign"; // prettier-ignore
      await assert.rejects(ask(), foreign);
      await assert.rejects(join_("one").ended, foreign);
      await query("DROP TABLE format");
      await assert.rejects(ask(), foreign);
      await assert.rejects(ask({ url: "postgres://me:secret@127.0.0.1:5432/x" }), { code: "OUT_OF_RANGE", message: /^jobs / }); // prettier-ignore
      await assert.rejects(ask({ localJobs: -1 }), { code: "OUT_OF_RANGE" });
    });

    it("is of several venues serves them all, and drops what nobody asks for any more", async () => {
      const [one, other] = [await ask(), await ask()];
      const proofs = [one, other].map(({ venue }) => venue.prove(instructionOf(1)));
      const called = new AbortController();
      const off = assert.rejects(other.venue.prove(instructionOf(2), { signal: called.signal }), { code: "ABORTED" });
      await until(() => query("SELECT FROM jobs"), ({ length }) => length === 3); // prettier-ignore
      called.abort();
      await off;
      await until(() => query("SELECT FROM jobs"), ({ length }) => length === 2); // prettier-ignore
      await query("INSERT INTO askers VALUES (1, '{}', '-infinity'); INSERT INTO jobs SELECT 1, row_number() OVER (), asked, key, refused FROM jobs"); // prettier-ignore
      await until(() => query("SELECT FROM jobs"), ({ length }) => length === 2); // prettier-ignore
      const { asked } = await joined("prover");
      for (const proof of proofs) await proves(proof, 1);
      assert.deepEqual(asked, [1, 1]);
      const lost = assert.rejects(one.venue.prove(instructionOf(3)), { code: "CLOSED" });
      await one.venue.close();
      await lost;
      await assert.rejects(one.venue.prove(instructionOf(4)), { code: "CLOSED" });
    });
  });

  describe("tacit prover", () => {
    before(async () => {
      await ensurePackage();
      await buildAll({ profile: "demo", publish: false });
    });

    it("proves a round of the demonstration, all but what has the operator's secret, and ends when it is told to", async () => {
      const { log } = heard();
      const local = localProver(await proverFiles("demo"));
      const here: string[] = [];
      const counted: CheckingProver = {
        ...local,
        prove: (instruction, options) => {
          here.push(instruction.name);
          return local.prove(instruction, options);
        },
      };
      const venue = await openJobsProver({ url, local: counted, localJobs: 0, keys: await keyHashes("demo"), log });
      const args = ["prover", "--jobs", url, "--profile", "demo", "--name", "real", "--metrics", "0"];
      const child = spawn(process.execPath, [join(ROOT, "bin/tacit.js"), ...args], { stdio: ["ignore", "ignore", "pipe"], cwd: ROOT }); // prettier-ignore
      processes.push(child);
      const lines: { msg: string; url?: string; code?: string }[] = [];
      createInterface(child.stderr!).on("line", (line) => lines.push(JSON.parse(line)));
      await lives(venue, "real");
      await proveRound(venue);
      const { accepted } = venue.jobs.outcomes.real;
      assert.ok(accepted >= 4, `${accepted} proofs`);
      assert.deepEqual(new Set(here), new Set(["deposit"]));
      const metrics = await (await fetch(lines.find(({ msg }) => msg.startsWith("metrics"))!.url!)).text();
      const done = [...metrics.matchAll(/^tacit_prover_jobs_total\{.*outcome="done"\} (\d+)$/gm)].map(
        ([, count]) => +count,
      );
      assert.equal(done.reduce((a, b) => a + b), accepted); // prettier-ignore
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      assert.deepEqual(await ended, [0, null]);
      assert.deepEqual(await query("SELECT name FROM provers"), []);
      assert.deepEqual(
        lines.filter(({ code }) => code !== undefined),
        [],
      );
    });

    for (const [why, args, message] of [
      ["without jobs", [], /--jobs is missing.*USAGE/],
      [
        "with a password in its URL",
        ["--jobs", "postgres://me:secret@db/jobs"],
        /^tacit: --jobs is out of range: expected no password/,
      ],
    ] as const)
      // prettier-ignore
      it(`refuses to start ${why}, which it does not repeat`, async () => {
        const child = spawn(process.execPath, [join(ROOT, "bin/tacit.js"), "prover", ...args], { stdio: ["ignore", "ignore", "pipe"] });
        let said = "";
        child.stderr!.on("data", (text) => (said += text));
        assert.deepEqual(await once(child, "close"), [2, null]);
        assert.match(said, message);
        assert.doesNotMatch(said, /secret/);
      });
  });
});
