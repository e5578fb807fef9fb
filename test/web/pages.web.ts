// Goal: who opens the pages sees whether the proofs hold and why not, what closes as it closes, and the own account without
// the key ever leaving its thread; from any profile, with the keyboard alone, on a phone, in the dark.
// Method: Chromium on the built pages under their policy; a venue with real proofs behind its service, honest and lying.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { buildAll } from "../../src/setup/build.ts";
import { PAGES } from "../../src/setup/folders.ts";
import { proverFiles } from "../../src/setup/instructionKeys.ts";
import { readKeys } from "../../src/setup/keyFiles.ts";
import { replayMessages } from "../../src/cli/replay.ts";
import { Client, memoryNotebook, sealSecret, type Notebook } from "../../src/client/index.ts";
import { reportJson } from "../../src/feeds/reportJson.ts";
import { publicKey } from "../../src/protocol/eddsa.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { toJson } from "../../src/protocol/json.ts";
import { reprice } from "../../src/protocol/prices.ts";
import { pricesTold } from "../../src/protocol/pricesTold.ts";
import { medians, type SignedReport } from "../../src/protocol/report.ts";
import { rulesRoot } from "../../src/protocol/rules.ts";
import { thousands } from "../../src/web/format.ts";
import { parseGenesis } from "../../src/protocol/genesis.ts";
import { developmentGenesis } from "../../src/venue/developmentGenesis.ts";
import { localProver } from "../../src/venue/proving/localProver.ts";
import { startService, type RunningService } from "../../src/venue/service/server.ts";
import type { Venue } from "../../src/venue/venue.ts";
import { FEED_SECRETS } from "../priced.ts";
import {
  DEPOSIT,
  eventOf,
  INTERVAL,
  ManualClock,
  openTestVenue,
  PERP,
  quorumOfReports,
  reportsOf,
  SECRET,
} from "../venue/fixture.ts";
import { until } from "../venue/repricing.ts";
import { openBrowser, serve, type Files, type Site } from "./site.ts";

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; " +
  "connect-src *; worker-src 'self'; base-uri 'none'; form-action 'none'";
/**
 * The venue's clock is moved by hand, and that of the pages goes on: they begin within an epoch of each other, as a venue gives no
 * session where they differ by half an hour.
 */
const LENGTH = 600n;
const START = (BigInt(Math.floor(Date.now() / 1000)) / LENGTH) * LENGTH;
/** Of prices: it ends as the venue begins, and the next one after all but the tests of prices. */
const EPOCH = START / LENGTH;
/** Rules of WCAG, as axe checks them. */
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PASSPHRASE = "seven green bottles";
/** Where pictures of the pages are put, for who wants to look at them. */
const PICTURES = process.env.TACIT_PICTURES;
const shoot = async (page: Page, name: string) => {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
};
/** Not of repeated bytes: it must be found wherever it may be. */
const secretOf = (seed: number) => Uint8Array.from({ length: 32 }, (_, i) => (seed * 37 + i * 73 + 11) % 251);

/** A venue's service that changes answers by their path, and has no stream. */
async function lyingVenue(url: string, lies: Readonly<Record<string, (json: any) => void>>) {
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { authorization, "content-type": type } = request.headers;
    const answer = await fetch(`${url}${request.url}`, {
      method: request.method,
      headers: { ...(authorization ? { authorization } : {}), ...(type ? { "content-type": type } : {}) },
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    });
    for (const [name, value] of answer.headers)
      if (!/^(connection|content-encoding|content-length|keep-alive|transfer-encoding)$/.test(name))
        response.setHeader(name, value);
    let body = Buffer.from(await answer.arrayBuffer());
    const lie = lies[request.url!.split("?")[0]];
    if (lie) {
      const json = JSON.parse(String(body));
      lie(json);
      body = Buffer.from(JSON.stringify(json));
    }
    response.writeHead(answer.status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise<void>((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  };
}

describe("pages in Chromium", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-pages-"));
  const clock = new ManualClock(START + 1n);
  let browser: Browser;
  let site: Site;
  let venue: Venue;
  let service: RunningService;
  let alice: Client;
  let bob: Client;
  const notebooks = { alice: memoryNotebook(), bob: memoryNotebook() };
  /** texts of rounds 1 and 2 */
  let rounds: string[];
  /** that of a survey of the state that round 2 left */
  let survey: string;

  const trader = async (seed: number, index: number, notebook: Notebook) => {
    const now = () => clock.now();
    const options = { url: service.url, secret: secretOf(seed), notebook, now };
    const client = await Client.open({ ...options, keysOf: () => readKeys("demo") });
    const { x, y } = client.depositKey;
    await client.api.post("/deposits", { keyX: `${x}`, keyY: `${y}`, index, amount: `${DEPOSIT}` });
    return client;
  };
  const trade = async (price: bigint, size: bigint) => {
    await alice.order({ market: PERP, side: "buy", limit: price + 50n, size });
    await bob.order({ market: PERP, side: "sell", limit: price - 50n, size });
  };
  const closeAuction = async () => {
    const closed = eventOf(venue, "auction");
    clock.advance(INTERVAL);
    await closed;
  };
  const endRound = async (number: number) => {
    const proved = eventOf(venue, "round", ({ round }) => round.number === number);
    clock.advance(30n);
    await proved;
    return (await venue.round(number))!;
  };

  before(async () => {
    await buildAll({ profile: "demo", publish: false });
    const genesisJson = developmentGenesis({
      secret: SECRET,
      insurance: new Uint8Array(32).fill(3),
      domain: 77n,
      time: START,
      interval: Number(INTERVAL),
      pricing: { epochLength: LENGTH, lag: 0n },
      feeds: FEED_SECRETS.slice(0, PROFILES.demo.feeds).map(publicKey),
    });
    const genesis = parseGenesis(genesisJson);
    const prover = localProver(await proverFiles("demo"));
    ({ venue } = await openTestVenue({
      genesis,
      reports: quorumOfReports(reportsOf({ epoch: EPOCH }, genesis)),
      clock,
      prover,
      publish: { prices: true, curves: true, depth: false },
    }));
    service = await startService({
      venue,
      genesisJson,
      version: "0.1.0",
      development: true,
      log: pino({ level: "silent" }),
      staticFolder: PAGES,
      marketNames: { [String(PERP)]: "perpetual" },
    });
    alice = await trader(1, 2, notebooks.alice);
    bob = await trader(2, 3, notebooks.bob);
    await trade(100_000n, 3n);
    await closeAuction();
    rounds = [await endRound(1)];
    await bob.withdraw({ recipient: 0xabcdn, amount: 1_234n });
    rounds.push(await endRound(2));
    await venue.surveys.start().made;
    survey = (await venue.surveys.last())!;

    const files: Files = { "/": join(PAGES, "index.html") };
    for (const entry of readdirSync(PAGES, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) {
        const path = join(entry.parentPath, entry.name);
        files[path.slice(PAGES.length)] = path;
      }
    site = await serve(files, { isolated: true, policy: POLICY });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await site?.close();
    await service?.close();
    await venue?.close();
    rmSync(folder, { recursive: true });
  });

  /** What a page did that it must not, or that somebody may want to look through. */
  interface Watched {
    page: Page;
    /** errors of the console and of scripts, violations of the policy */
    complaints: string[];
    /** all that left the page, and all that its threads told it */
    traffic: string[];
    close(): Promise<void>;
  }

  async function open(url: string, options: BrowserContextOptions = {}, hosts: string[] = []): Promise<Watched> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(0);
    const page = await context.newPage();
    const complaints: string[] = [];
    const traffic: string[] = [];
    await page.exposeFunction("complain", (text: string) => void complaints.push(text));
    await page.exposeFunction("overhear", (text: string) => void traffic.push(text));
    await page.addInitScript(`
      addEventListener("securitypolicyviolation", (it) => complain("policy: " + it.violatedDirective + " " + it.blockedURI));
      globalThis.Worker = class extends Worker {
        constructor(...given) {
          super(...given);
          this.addEventListener("message", ({ data }) => overhear(JSON.stringify(data, (_, it) => (typeof it === "bigint" ? String(it) : it))));
        }
      };`);
    const allowed = [new URL(url).origin, service.url, ...hosts];
    page.on("pageerror", (error) => complaints.push(`script: ${error.message}`));
    page.on("console", (message) => {
      traffic.push(message.text());
      if (message.type() === "error" || message.type() === "warning") complaints.push(`console: ${message.text()}`);
    });
    page.on("websocket", (socket) => {
      if (!allowed.includes(new URL(socket.url()).origin.replace(/^ws/, "http"))) complaints.push(`to ${socket.url()}`);
      socket.on("framesent", ({ payload }) => traffic.push(String(payload)));
    });
    context.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol !== "data:" && !allowed.includes(origin)) complaints.push(`request to ${request.url()}`);
      traffic.push(`${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ""}`);
    });
    await page.goto(url);
    return { page, complaints, traffic, close: () => context.close() };
  }

  /** What the verify page says in the end, which must be of this kind. */
  const verdict = async (page: Page, kind: "good" | "bad") => {
    await page.locator("#verdict.good, #verdict.bad").waitFor();
    await page.locator("#running").waitFor({ state: "hidden" });
    const said = await page.locator("#verdict").innerText();
    assert.equal(await page.locator("#verdict").getAttribute("class"), `verdict ${kind}`, said);
    return said;
  };
  const fileOf = (name: string, text: string) => ({ name, mimeType: "application/json", buffer: Buffer.from(text) });
  /** A round file with something changed. */
  const changed = (text: string, change: (round: any) => void): string => {
    const json = JSON.parse(text);
    change(json);
    return JSON.stringify(json);
  };

  describe("verify", () => {
    let watched: Watched;
    let page: Page;
    beforeEach(async () => {
      watched = await open(`${site.origin}/verify.html`);
      ({ page } = watched);
    });
    afterEach(async () => {
      await watched.close();
      assert.deepEqual(watched.complaints, []);
    });

    it("shows an honest round green, says what each proof shows, what is on trust, and how long it took", async () => {
      await page.setInputFiles("#files", fileOf("round.json", rounds[0]));
      const said = await verdict(page, "good");
      const { instructions } = JSON.parse(rounds[0]);
      assert.match(said, new RegExp(`All ${instructions.length} proofs of 1 round hold`));
      console.log(`      first: ${said.replaceAll("\n", " ")}`);
      await page.locator("details.round summary").click();
      const steps = (await page.locator(".steps li").allInnerTexts()).join("\n");
      assert.match(
        steps,
        /reprice: prices were made anew: each number the median of what a quorum of feeds has signed/,
      );
      assert.match(steps, /deposit: deposits were credited, each once/);
      assert.match(steps, /admit: 2 entries of the log were judged in order, none left out/);
      assert.match(steps, /auction: the auction was cleared: one price/);
      assert.match(steps, /settle: the last fills were booked/);
      const trust = await page.locator("#trust").innerText();
      assert.match(trust, /anybody can forge proofs/);
      assert.match(trust, /only the file says so/);
      assert.match(trust, /deposits were made/);
    });

    it("checks five proofs, measured when the engine is warm", async () => {
      // The same round many times: each begins anew, in one thread.
      const files = Array.from({ length: 12 }, (_, i) => fileOf(`${i}.json`, rounds[0]));
      await page.setInputFiles("#files", files);
      await verdict(page, "good");
      const times = (await page.locator("details.round summary").allInnerTexts()).map((text) =>
        /(\d+) proofs in ([\d.,]+) ms/.exec(text)!.slice(1).map(Number),
      );
      const [proofs] = times[0];
      const five = times.map(([, ms]) => Math.round((ms / proofs) * 5));
      console.log(`      five proofs, ms, first file to last: ${five.join(" ")} (rounds of ${proofs} proofs)`);
      assert.equal(times.length, 12);
    });

    it("takes several files in the order of their rounds, dropped on the page", async () => {
      const dropped = await page.evaluateHandle(
        ([second, first]) => {
          const data = new DataTransfer();
          data.items.add(new File([second], "two.json", { type: "application/json" }));
          data.items.add(new File([first], "one.json", { type: "application/json" }));
          return data;
        },
        [rounds[1], rounds[0]],
      );
      await page.dispatchEvent("#drop", "drop", { dataTransfer: dropped });
      await verdict(page, "good");
      assert.deepEqual(await page.locator("#sources h3").allInnerTexts(), ["one.json", "two.json"]);
      // The second begins where the first ended: only of the first round is the start taken on trust.
      assert.equal((await page.locator("#trust-list li").allInnerTexts()).filter((it) => /begins/.test(it)).length, 1);
      await page.locator("details.round summary").last().click();
      assert.match(await page.locator(".steps").innerText(), /withdraw: paid out: 1,234 to 0x0*abcd/);
    });

    const tampered: [string, () => string, RegExp][] = [
      [
        "a public input changed",
        () =>
          changed(rounds[0], ({ instructions: [, admit] }) => {
            admit.publicInputs[5] = String(BigInt(admit.publicInputs[5]) + 1n);
          }),
        /the proof of instruction 1 does not hold/,
      ],
      [
        "a proof swapped",
        () =>
          changed(rounds[0], ({ instructions }) => {
            [instructions[0].proof, instructions[1].proof] = [instructions[1].proof, instructions[0].proof];
          }),
        /the proof of instruction 0, instruction 1 does not hold/,
      ],
      [
        "an instruction dropped",
        () => changed(rounds[0], ({ instructions }) => instructions.splice(1, 1)),
        /instruction 1: it does not start at the state that the one before it left/,
      ],
      [
        "an entry of the log changed",
        () =>
          changed(rounds[0], ({ entries }) => {
            entries[1][0] = String(BigInt(entries[1][0]) + 1n);
          }),
        /the log shown is not the one that instruction 1 consumed/,
      ],
      [
        "a coordinate off the curve",
        () =>
          changed(rounds[0], ({ instructions }) => {
            instructions[2].proof.pi_a[0] = "5";
          }),
        /instruction 2: point A is not on the curve/,
      ],
      ["the file cut off", () => rounds[0].slice(0, rounds[0].length / 2), /the file is not JSON: .*(position|end)/],
      [
        "a word for a number",
        () => changed(rounds[0], (round) => (round.instructions[1].publicInputs[0] = "seven")),
        /round\.instructions\[1\]\.publicInputs\[0\] is wrong: expected an integer/,
      ],
      ["no round at all", () => "[]", /file is wrong: expected an object/],
      ["a head that is no field element", () => changed(rounds[0], (round) => (round.head = "-1")), /log/],
    ];
    for (const [what, text, reason] of tampered)
      it(`shows ${what} red, with the reason`, async () => {
        await page.setInputFiles("#files", fileOf("bad.json", text()));
        assert.match(await verdict(page, "bad"), reason);
      });

    it("refuses the keys of another profile in words, and finds the right ones by itself", async () => {
      await page.selectOption("#profile", "standard");
      await page.setInputFiles("#files", fileOf("round.json", rounds[0]));
      const said = await verdict(page, "bad");
      assert.match(said, /no proof holds with the keys of profile standard: was the round made with another profile\?/);
      await page.selectOption("#profile", "auto");
      await page.setInputFiles("#files", fileOf("round.json", rounds[0]));
      await verdict(page, "good");
    });

    it("goes on after a bad file, and stops a replay at its first bad round", async () => {
      const [first, second] = rounds.map((text) => JSON.parse(text));
      const bad = changed(rounds[0], ({ instructions }) => instructions.pop());
      const replay = JSON.stringify({ rounds: [first, JSON.parse(bad), second] });
      await page.setInputFiles("#files", [fileOf("replay.json", replay), fileOf("good.json", rounds[1])]);
      await verdict(page, "bad");
      assert.match(await page.locator("#sources").innerText(), /1 round after it: not checked/);
      assert.equal(await page.locator("details.round.refused").count(), 1);
      assert.equal(await page.locator("details.round:not(.refused)").count(), 2);
    });

    it("rechecks a replay once its proofs hold, and says which price is not the one that the rules give", async () => {
      const path = join(folder, "replay.json");
      const messages = [0, 1].map((side) => ({ line: 1, seconds: 34_200, type: "order", id: side, size: 5n, price: 1_000_000n, side }) as const); // prettier-ignore
      await replayMessages(messages, { every: 10, accounts: 2, seed: 1, prove: true, json: path });
      const text = await readFile(path, "utf8");
      await page.setInputFiles("#files", fileOf("replay.json", `\uFEFF${text}`));
      const said = await verdict(page, "good");
      assert.match(said, /Rechecked: 6 log entries, 1 auction, 2 fills, 3 accounts: each is what the rules give\./);
      assert.doesNotMatch(await page.locator("#trust").innerText(), /no genesis/);
      const other = (json: any) => (json.rounds[0].clearings[0].price = "1000100");
      await page.setInputFiles("#files", fileOf("other.json", changed(text, other)));
      assert.match(
        await verdict(page, "bad"),
        /round 1 is refused: a price, volume, fill or fee is not the one that the rules give \(clearings\[0\]\.price: the record says 1000100, the rules give 1000000\)/,
      );
      await page.setInputFiles(
        "#files",
        fileOf(
          "bare.json",
          changed(text, (json) => delete json.genesis),
        ),
      );
      await verdict(page, "good");
      assert.match(
        await page.locator("#trust").innerText(),
        /What the file tells of orders, prices and accounts: it has no genesis/,
      );
    });

    it("shows an honest survey green, with what it shows and what is on trust, and a round beside it that left its state", async () => {
      await page.setInputFiles("#files", fileOf("survey.json", survey));
      const said = await verdict(page, "good");
      const [{ stateAfter: state }] = await venue.rounds();
      const cash = [0, 1, 2, 3].reduce((sum, index) => sum + venue.account(index)!.cash, 0n);
      const shows = `1 proof of the survey holds, of state ${state}: 4 accounts, 0 under maintenance, 0 flagged, cash ${thousands(cash)}, negative equities 0.`;
      assert.equal(said, `✓ The survey holds\n${shows}`.replace("\n", "\n\n"));
      assert.match(await page.locator("#sources").innerText(), /survey\.json\s+✓ 1 proof of the survey holds/);
      const trust = () => page.locator("#trust-list li").allInnerTexts();
      const claimed = "That round 2 left the surveyed state: only the file says so.";
      const development =
        "The keys are development keys: their secrets are public, and anybody can forge proofs for them.";
      assert.deepEqual(await trust(), [development, claimed]);
      // Whatever order they are dropped in.
      await page.setInputFiles("#files", [fileOf("survey.json", survey), fileOf("two.json", rounds[1]), fileOf("one.json", rounds[0])]); // prettier-ignore
      assert.match(await verdict(page, "good"), new RegExp(`of 2 rounds hold\n[^]*\n${shows.replaceAll(".", "\\.")}$`));
      assert.deepEqual(await page.locator("#sources h3").allInnerTexts(), ["one.json", "two.json", "survey.json"]);
      assert.ok(!(await trust()).includes(claimed));
      await shoot(page, "survey");
    });

    const surveys: [string, (survey: any) => void, RegExp][] = [
      ["a sum changed", ({ proofs: [it] }) => (it.publicInputs[4] = "1"), /the survey is refused: proof 1: the proof does not hold/],
      ["the state changed", ({ proofs: [it] }) => (it.publicInputs[0] = "1"), /the survey is refused: proof 1: the proof does not hold/],
      ["its proof left out", (it) => it.proofs.pop(), /the survey is refused: it has no proofs/],
      ["its proof twice", (it) => it.proofs.push(it.proofs[0]), /the survey is refused: after proof 1 no accounts are left/],
      ["another version", (it) => (it.version = 2), /survey\.version is wrong: expected 1/],
      ["a word for a number", ({ proofs: [it] }) => (it.publicInputs[6] = "much"), /survey\.proofs\[0\]\.publicInputs\[6\] is wrong/],
    ]; // prettier-ignore
    for (const [what, change, reason] of surveys)
      it(`shows a survey with ${what} red, with the reason`, async () => {
        await page.setInputFiles("#files", fileOf("bad.json", changed(survey, change)));
        assert.match(await verdict(page, "bad"), reason);
        assert.doesNotMatch(await page.locator("#sources").innerText(), /✓/);
      });

    it("refuses a survey beside a round that left another state, and under the keys of another profile", async () => {
      const other = changed(survey, (it) => (it.round = 1));
      await page.setInputFiles("#files", [fileOf("other.json", other), fileOf("one.json", rounds[0])]);
      assert.match(
        await verdict(page, "bad"),
        /other\.json: the survey is refused: it is of another state than round 1 left/,
      );
      await page.selectOption("#profile", "standard");
      await page.setInputFiles("#files", fileOf("survey.json", survey));
      assert.match(await verdict(page, "bad"), /the survey is refused: proof 1: the proof does not hold/);
    });

    it("follows a venue from its first round, waits for the next, and stops when told", async () => {
      await page.fill("#venue", service.url);
      await page.click("#venue-form button");
      await page.locator("#verdict.good", { hasText: "Waiting for round 3" }).waitFor();
      assert.match(await page.locator("#verdict").innerText(), /of 2 rounds hold/);
      assert.match(await page.locator("#trust").innerText(), /The state at which the venue began/);
      await page.click("#stop");
      await page.locator("#running").waitFor({ state: "hidden" });
      assert.match(await page.locator("#verdict").innerText(), /^✓ All/);
    });

    it("shows a venue that is away, and an address that is none, without breaking", async () => {
      await page.fill("#venue", `${service.url}/nothing-here`);
      await page.click("#venue-form button");
      assert.match(await verdict(page, "bad"), /there is nothing here/);
      // Chromium tells of each failed request itself.
      watched.complaints.splice(0);
    });

    it("can be used with the keyboard alone", async () => {
      const choosing = page.waitForEvent("filechooser");
      const focused = (id: string) => page.evaluate(`document.activeElement.id === "${id}"`);
      for (let presses = 0; !(await focused("choose")); presses++) {
        assert.ok(presses < 8, "the button is near");
        await page.keyboard.press("Tab");
      }
      const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
      assert.equal(outline, "solid", "who uses the keyboard sees where it is");
      await page.keyboard.press("Enter");
      await (await choosing).setFiles(fileOf("round.json", rounds[0]));
      await verdict(page, "good");
      for (let presses = 0; (await page.evaluate("document.activeElement.tagName")) !== "SUMMARY"; presses++) {
        assert.ok(presses < 12, "the round is near");
        await page.keyboard.press("Tab");
      }
      await page.keyboard.press("Enter");
      await page.locator(".steps li").first().waitFor();
    });
  });

  /** A sealed key on the disk, and a notebook if there is one. */
  async function keyFiles(seed: number, notebook?: Notebook) {
    const key = join(folder, `key-${seed}.json`);
    writeFileSync(key, await sealSecret(secretOf(seed), PASSPHRASE));
    const text = await notebook?.read();
    if (!text) return { key, notebook: null };
    const path = join(folder, `notebook-${seed}.json`);
    writeFileSync(path, text);
    return { key, notebook: path };
  }

  async function openKey(page: Page, files: { key: string; notebook: string | null }, passphrase = PASSPHRASE) {
    if ((await page.locator("#key-file").count()) === 0) await page.click("#import");
    await page.setInputFiles("#key-file", files.key);
    if (files.notebook) await page.setInputFiles("#notebook-file", files.notebook);
    await page.fill("#passphrase", passphrase);
    await page.click("#key-form button[type=submit]");
  }

  /** Whether something is drawn: more than the colours of an empty canvas. */
  const isDrawn = (page: Page, id: string) =>
    page.evaluate(`(() => {
      const canvas = document.querySelector("#${id} canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const colours = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) colours.add(data.slice(i, i + 3).join());
      return colours.size >= 2;
    })()`) as Promise<boolean>;

  describe("watch", () => {
    it("shows auctions and rounds as they come, with curves, and details of a round", async () => {
      const { page, complaints, close } = await open(`${service.url}/watch.html`);
      await page.locator("#link.good", { hasText: "live" }).waitFor();
      await page.locator("#price-plot figcaption p", { hasText: "the last of 1 auction" }).waitFor();
      await page.evaluate("globalThis.notReloaded = true");
      await trade(100_100n, 5n);
      await closeAuction();
      await page.locator("#price-plot figcaption p", { hasText: "the last of 2 auctions" }).waitFor();
      await page.locator("#curve-plot figcaption p", { hasText: "5 lots wanted, 5 offered, cleared at" }).waitFor();
      assert.match((await page.locator("#news").textContent())!, /Auction in perpetual: 5 lots at/);
      for (const id of ["price-plot", "volume-plot", "curve-plot", "lag-plot"])
        assert.ok(await isDrawn(page, id), `${id} is drawn`);
      assert.match(
        (await page.locator("#curve-plot canvas").getAttribute("aria-label"))!,
        /Demand and supply\. Auction at .* 5 lots wanted/,
      );
      const third = endRound(3);
      await page.locator('#strip [data-round="3"]').waitFor();
      await third;
      assert.equal(await page.evaluate("globalThis.notReloaded"), true);
      await shoot(page, "watch-no-key");
      await page.click('#strip [data-round="1"]');
      assert.match(
        await page.locator("#round-details").innerText(),
        /reprice × 1, deposit × 2, admit × 1, auction × 1, settle × 1/,
      );
      await page.keyboard.press("ArrowRight");
      assert.equal(await page.evaluate("document.activeElement.dataset.round"), "2");
      await page.click("#round-details a");
      await page.locator("#verdict.good").waitFor();
      assert.match(await page.locator("#sources").innerText(), /round 1: proved/);
      assert.deepEqual(complaints, []);
      await close();
    });

    it("draws the gas of rounds that a contract has accepted", async () => {
      const chained = await lyingVenue(service.url, {
        "/v1/rounds": (json) => {
          for (const round of json.rounds)
            round.accepted = { hash: "0xabc", gasUsed: `${2_000_000 + round.number}`, block: "7" };
        },
      });
      const { page, close } = await open(`${chained.url}/watch.html`, {}, [chained.url]);
      await page.locator("#gas-plot figcaption p", { hasText: /2,000,00\d for round \d/ }).waitFor();
      await page.locator("#gas-plot canvas").waitFor();
      assert.ok(await isDrawn(page, "gas-plot"));
      await page.click('#strip button[aria-label="Round 1, proved and accepted by the contract"]');
      assert.match(await page.locator("#round-details").innerText(), /accepted in block 7[^]*0xabc[^]*2,000,001/);
      await close();
      await chained.close();
    });
  });

  describe("trade", () => {
    it("opens a key in a thread: account, orders, fills; no trace of it in page, storage or traffic", async () => {
      const files = await keyFiles(1, notebooks.alice);
      const { page, complaints, traffic, close } = await open(`${service.url}/trade`);
      await openKey(page, files, "another passphrase");
      await page.locator("#key-status.bad", { hasText: "does not open with this passphrase" }).waitFor();
      await alice.order({ market: PERP, side: "buy", limit: 99_000n, size: 4n });
      await openKey(page, { ...files, notebook: (await keyFiles(1, notebooks.alice)).notebook });
      await page.locator("#own-title", { hasText: "Account 2" }).waitFor();
      const own = page.locator("#own");
      await page.click("#tab-orders");
      await own.locator("td", { hasText: "99,000" }).waitFor();
      await page.click("#tab-margin");
      await own.locator("dd", { hasText: "all up to 3 verified here" }).waitFor();
      await own.locator("dd", { hasText: "yes: it is what your own orders" }).waitFor();
      assert.ok(await page.locator("#margin").isVisible());
      await page.click("#tab-history");
      await page.selectOption("#history-kind", "fill");
      assert.equal(await own.locator("tbody tr", { hasText: "proved" }).count(), 2);
      assert.equal(await page.locator("#alarm").count(), 0);
      await page.click("#tab-orders");
      await alice.order({ market: PERP, side: "buy", limit: 98_000n, size: 2n });
      await own.locator("td", { hasText: "98,000" }).waitFor();

      const kept = (await page.evaluate(`(async () => { return JSON.stringify([
        document.documentElement.outerHTML,
        [...document.querySelectorAll("input")].map((it) => it.value),
        Object.entries(localStorage), Object.entries(sessionStorage), document.cookie, history.state,
        await notebooks(), await caches.keys(), Object.keys(globalThis),
      ]);
      function notebooks() {
        return new Promise((resolve) => {
          indexedDB.open("tacit").onsuccess = ({ target: { result: db } }) => {
            const store = db.transaction("notebooks").objectStore("notebooks");
            store.getAllKeys().onsuccess = ({ target: { result: names } }) =>
              (store.getAll().onsuccess = ({ target: { result: texts } }) => (db.close(), resolve([names, texts])));
          };
        });
      }})()`)) as string;
      const told = [kept, ...traffic].join("\n");
      assert.ok(told.includes("98000"), "what is searched holds what the thread tells");
      assert.ok(kept.includes("R8x"), "and what it keeps");
      const secret = Buffer.from(secretOf(1));
      const forms = [
        PASSPHRASE,
        secret.toString("hex"),
        secret.toString("hex").toUpperCase(),
        secret.toString("base64").replace(/=+$/, ""),
        secret.toString("base64url"),
        [...secret].join(","),
        String(BigInt(`0x${secret.toString("hex")}`)),
        String(BigInt(`0x${Buffer.from(secret).reverse().toString("hex")}`)),
        // Parts, as "0":5,"1":7 and the like.
        [...secret.subarray(0, 6)].join(","),
        [...secret.subarray(0, 4)].map((byte, i) => `"${i}":${byte}`).join(","),
        secret.toString("hex").slice(0, 16),
      ];
      for (const form of forms) assert.ok(!told.includes(form), "the key is nowhere");

      await page.click("#forget");
      await page.locator("#key-form").waitFor();
      assert.equal(await own.count(), 0);
      assert.equal(page.workers().length, 1, "the key's thread has ended, that of prices is there");
      assert.deepEqual(complaints, []);
      await close();
    });

    it("shows the margin: scenarios, what drives the worst one, and a plot over moves", async () => {
      const { page, complaints, close } = await open(`${service.url}/trade`);
      await openKey(page, await keyFiles(1, notebooks.alice));
      await page.click("#tab-margin");
      const { worst } = await alice.account();
      const scenarios = page.locator("#own table", { hasText: "Scenarios" });
      await scenarios.waitFor();
      assert.match(await scenarios.locator("caption").innerText(), /^Scenarios; charges of positions 800$/);
      assert.equal(await scenarios.locator("tbody tr").count(), PROFILES.demo.scenarios);
      const row = await scenarios.locator("tbody tr", { hasText: "worst" }).locator("td").allInnerTexts();
      assert.match(row[0], /^-\d+\.\d%$/, "who holds the perpetual fears a fall");
      assert.equal(row[2], thousands(worst));
      const drivers = page.locator("#own table", { hasText: "what they change in the worst scenario" });
      const [perpetual] = await Promise.all((await drivers.locator("tbody tr").all()).map((it) => it.locator("td").allInnerTexts())); // prettier-ignore
      assert.deepEqual(perpetual.slice(0, 2), ["perpetual", "8"]);
      await page
        .locator("#margin-plot figcaption p", {
          hasText: /^-?[\d,]+ at the lower end, [\d,]+ at the upper\. Under [\d,]+ /,
        })
        .waitFor();
      await page.locator("#margin-plot canvas").waitFor();
      assert.ok(await isDrawn(page, "margin-plot"));
      await shoot(page, "trade-margin");
      assert.deepEqual(complaints, []);
      await close();
    });

    it("shouts when the venue tells of a fill that the order does not allow; asks again where there is no stream", async () => {
      // Bob's client has not looked since it sent its order: its notebook knows of no fill.
      const lying = await lyingVenue(service.url, {
        "/v1/history": (json) => {
          const fill = json.entries.find(({ kind }: { kind: string }) => kind === "fill");
          if (fill) fill.price = String(BigInt(fill.price) + 1_000n);
        },
      });
      const files = await keyFiles(2, notebooks.bob);
      const { page, complaints, close } = await open(`${lying.url}/trade`, {}, [lying.url]);
      await page.locator("#link.wait", { hasText: "asking every two seconds" }).waitFor();
      await openKey(page, files);
      await page.locator("#alarm").waitFor();
      assert.match(await page.locator("#alarm").innerText(), /This venue lies[^]*a fill at entry \d+ of the log/);
      await shoot(page, "trade-alarm");
      const saving = page.waitForEvent("download");
      await page.click("#evidence");
      const [{ evidence }] = JSON.parse(await readFile(await (await saving).path(), "utf8"));
      assert.equal(evidence.kind, "fill");
      assert.deepEqual(
        complaints.filter((text) => !/WebSocket/.test(text)),
        [],
      );
      await close();
      await lying.close();
    });

    it("shouts when a round of the venue does not verify", async () => {
      const lying = await lyingVenue(service.url, {
        "/v1/rounds/2": (json) => {
          json.entries[0][1] = String(BigInt(json.entries[0][1]) + 1n);
        },
      });
      const { page, close } = await open(`${lying.url}/trade`, {}, [lying.url]);
      await openKey(page, await keyFiles(2));
      await page.locator("#alarm", { hasText: "the log of round 2" }).waitFor();
      await close();
      await lying.close();
    });

    const submitted = (page: Page) => page.locator("#ticket-said.good", { hasText: /^Order \d+ is entry/ });
    /** A key of its own in this browser, kept there, with play money. */
    const firstVisit = async (page: Page) => {
      await page.fill("#passphrase", PASSPHRASE);
      await page.click("#key-form button[type=submit]");
      await page.click("#take");
      await page.locator("#own-title", { hasText: /Account \d/ }).waitFor();
      await page.locator("#checks.good").waitFor();
    };

    it("takes who comes first from a key to an order, a fill, a proof and a withdrawal", async () => {
      const { page, complaints, close } = await open(`${service.url}/trade`);
      await firstVisit(page);
      assert.match(await page.locator("#ticket-said").innerText(), /the ticket is ready/);
      await page.fill("#lots", "2");
      await page.fill("#limit", "100,050");
      await page.locator("#send", { hasText: "Buy 2 at 100,050" }).waitFor();
      await page.click("#send");
      await submitted(page).waitFor();
      await page.click("#tab-orders");
      await page.locator("#orders tbody tr", { hasText: "receipted" }).waitFor();
      await bob.order({ market: PERP, side: "sell", limit: 99_900n, size: 2n });
      await closeAuction();
      await page.click("#tab-positions");
      const position = page.locator("#positions tbody tr", { hasText: "perpetual" });
      await position.waitFor();
      assert.equal(await position.locator("td").nth(1).innerText(), "2");
      await page.click("#tab-history");
      await page.selectOption("#history-kind", "fill");
      const proved = eventOf(venue, "round");
      clock.advance(30n);
      await proved;
      await page.locator("#history tbody tr", { hasText: "proved" }).waitFor();
      const saving = page.waitForEvent("download");
      await page.click("#csv");
      const csv = await readFile(await (await saving).path(), "utf8");
      assert.match(
        csv,
        /^entry,kind,time,about,nonce,lots,price,fee,cash\r\n\d+,"fill",[^,]+Z,"perpetual",1,2,\d+,\d+,-\d+\r\n$/,
      );
      await page.click("#tab-money");
      await page.fill("#withdraw-amount", "1000");
      await page.fill("#recipient", "not an address");
      await page.click("text=Withdraw >> nth=-1");
      await page.locator("#money-said.bad", { hasText: "expected an address" }).waitFor();
      await page.fill("#recipient", `0x${"ab".repeat(20)}`);
      await page.click("#money form >> nth=1 >> button");
      await page.locator("#money-said.good", { hasText: "The withdrawal is entry" }).waitFor();
      await shoot(page, "trade");
      assert.deepEqual(complaints, []);
      await close();
    });

    it("is used with the keyboard alone: the ticket, moving an order on the chart, cancelling it", async () => {
      const { page, complaints, close } = await open(`${service.url}/trade`);
      await firstVisit(page);
      await page.focus("#lots");
      await page.keyboard.press("ArrowUp");
      assert.equal(await page.inputValue("#lots"), "2");
      await page.focus("#limit");
      const before = BigInt(await page.inputValue("#limit"));
      await page.keyboard.press("PageDown");
      const { tick } = venue.terms.rules.markets[0]!;
      assert.equal(await page.inputValue("#limit"), String(before - 10n * tick));
      await page.keyboard.press("Enter");
      await submitted(page).waitFor();
      const line = page.locator(".own-order");
      await line.focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.locator("#replaces").waitFor();
      assert.equal(await page.inputValue("#limit"), String(before - 12n * tick));
      // It stands on the button that sends.
      await page.keyboard.press("Enter");
      await page.locator("#replaces").waitFor({ state: "detached" });
      await submitted(page).waitFor();
      await page.focus("#tab-positions");
      await page.keyboard.press("ArrowRight");
      await page.locator("#orders tbody tr", { hasText: thousands(before - 12n * tick) }).waitFor();
      await page.getByRole("button", { name: "Cancel all orders" }).press("Enter");
      await page.locator("#orders-said.good").waitFor();
      await closeAuction();
      await page.locator("#orders tbody td", { hasText: "none" }).waitFor();
      assert.deepEqual(complaints, []);
      await close();
    });

    it("goes on in two tabs with one key, and after the network was away", async () => {
      const { page, close } = await open(`${service.url}/trade`);
      await firstVisit(page);
      const second = await page.context().newPage();
      await second.goto(`${service.url}/trade`);
      await second.locator("#key", { hasText: "kept in this browser" }).waitFor();
      await second.fill("#passphrase", PASSPHRASE);
      await second.click("#key-form button[type=submit]");
      await second.locator("#checks.good").waitFor();
      for (const it of [page, second, page, second]) {
        await it.fill("#limit", "99900");
        await it.click("#send");
        await submitted(it).waitFor();
        await it.fill("#lots", "1");
      }
      await page.click("#tab-orders");
      await page.locator("#orders tbody tr").nth(3).waitFor();
      await page.context().setOffline(true);
      await page.locator("#trouble").waitFor();
      await page.context().setOffline(false);
      await page.locator("#trouble").waitFor({ state: "detached" });
      await page.fill("#lots", "7");
      await page.click("#send");
      await page.locator("#orders tbody tr").nth(4).waitFor();
      await close();
    });

    it("shows what a venue says as text, and a mark that its feeds have not signed as wrong", async () => {
      const name = "<img src=x onerror=complain(1)>";
      const lying = await lyingVenue(service.url, {
        "/v1/markets": (json) => {
          json.markets[0].name = name;
          json.markets[0].mark = String(BigInt(json.markets[0].mark) + 10n);
        },
      });
      const { page, complaints, close } = await open(`${lying.url}/trade`, {}, [lying.url]);
      await page.locator("#market option", { hasText: name }).waitFor({ state: "attached" });
      await page.locator("#tiles .tile", { hasText: "Mark" }).locator("dd.bad", { hasText: "≠" }).waitFor();
      assert.equal(await page.locator("img").count(), 0);
      assert.deepEqual(complaints.filter((text) => !/WebSocket/.test(text)), []); // prettier-ignore
      await close();
      await lying.close();
    });
  });

  describe("prices", () => {
    const rows = async (page: Page, table: string) =>
      Promise.all((await page.locator(`#${table} tbody tr`).all()).map((row) => row.locator("td").allInnerTexts()));
    const rulesOf = () => ({ rules: venue.terms.rules, domain: venue.genesis.domain });
    const say = (...reports: SignedReport[]) => reports.forEach((it) => void venue.feeds.add(it));
    /** Prices before those of the second epoch. */
    let before: typeof venue.terms;

    it("are shown with the quorum that made them, checked by the page, and the round that proves it", async () => {
      const { page, complaints, close } = await open(`${service.url}/watch.html`);
      const check = page.locator("#prices-check.good", { hasText: "Round 1 proves that entry." });
      await check.waitFor();
      assert.match(
        await check.innerText(),
        /^✓ Checked here: made at entry 0 of the log from the signed reports of feeds 0, 1, 2, a quorum of 3 of 4 feeds/,
      );
      assert.match(await page.locator("#prices-note").innerText(), /^Index 100,000, range of moves \d+\.\d%\.$/);
      assert.equal(await page.locator("#prices-made-up").isVisible(), false);
      const [perpetual, call, put] = await rows(page, "instruments");
      assert.deepEqual(perpetual, ["0", "100,000", ""]);
      assert.deepEqual(
        [call[1], put[1]],
        [1, 2].map((slot) => thousands(venue.terms.prices.values[0][slot])),
      );
      const quorum = [0, 1, 2].map((feed) => [`${feed}`, "of these prices", "yes", "0.00%", "0", "0", ""]);
      assert.deepEqual(await rows(page, "feeds"), [...quorum, ["3", "none", "no", "", "", "1", ""]]);
      await shoot(page, "watch-prices");
      assert.deepEqual(complaints, []);
      await close();
    });

    it("move, and show which feed lies, and which is late", async () => {
      const { page, complaints, close } = await open(`${service.url}/watch.html`);
      await page.locator("#prices-check.good").waitFor();
      say(reportsOf({ epoch: EPOCH }, rulesOf())[3]);
      await page.locator("#feeds tr", { hasText: "of these pricesno" }).waitFor();
      before = venue.terms;
      clock.advance(START + LENGTH - clock.now());
      const epoch = EPOCH + 1n;
      const honest = reportsOf({ epoch, index: 100_200n }, rulesOf());
      const lie = reportsOf({ epoch, index: 701_400n }, rulesOf());
      say(honest[0], honest[1], lie[2]);
      await until(venue, () => venue.terms.prices.epoch === epoch);
      await page.locator("#prices-note", { hasText: "Index 100,200" }).waitFor();
      await page.locator("#prices-check.good", { hasText: "of feeds 0, 1, 2" }).waitFor();
      const honestly = [0, 1].map((feed) => [`${feed}`, "of these prices", "yes", "0.00%", "0", "0", ""]);
      assert.deepEqual(await rows(page, "feeds"), [
        ...honestly,
        ["2", "of these prices", "yes", "600.00%", "0", "0", ""],
        ["3", "1 epoch ago", "no", "0.00%", "0", "2", ""],
      ]);
      assert.deepEqual((await rows(page, "instruments"))[0], ["0", "100,200", ""]);
      await shoot(page, "watch-prices-liar");
      assert.deepEqual(complaints, []);
      await close();
    });

    const watchLies = async (lies: Parameters<typeof lyingVenue>[1], look: (page: Page) => Promise<void>) => {
      const lying = await lyingVenue(service.url, lies);
      const { page, complaints, close } = await open(`${lying.url}/watch.html`, {}, [lying.url]);
      await page.locator("#prices-check.bad").waitFor();
      await look(page);
      assert.deepEqual(
        complaints.filter((text) => !/WebSocket/.test(text)),
        [],
      );
      await close();
      await lying.close();
    };

    it("turn red where the venue tells another one than its feeds have signed", async () => {
      const lie = (json: any) => (json.instruments[1].value = "777");
      await watchLies({ "/v1/prices": lie }, async (page) => {
        assert.match(await page.locator("#prices-check").innerText(), /^✗ The venue tells other prices than/);
        const given = venue.terms.prices.values[0][1];
        const row = ["1", "777", `value is told as 777: the signed reports give ${given}`];
        assert.deepEqual(await rows(page, "instruments").then((all) => all[1]), row);
        assert.equal(await page.locator("#instruments tr.bad").count(), 1);
        const colour = (place: string) => page.evaluate(`getComputedStyle(document.querySelector("${place}")).color`);
        assert.equal(await colour("#instruments tr.bad td"), await colour("#prices-check"));
        assert.equal(await page.locator("#prices-wrong").isVisible(), false);
        await shoot(page, "watch-prices-lie");
      });
      await watchLies({ "/v1/prices": (json) => (json.index = "100201") }, async (page) => {
        const said = "index is told as 100201: the signed reports give 100200";
        assert.equal(await page.locator("#prices-wrong").innerText(), said);
        assert.equal(await page.locator("#instruments tr.bad").count(), 0);
      });
    });

    it("turn red where what is shown was signed by no quorum", async () => {
      const lie = (json: any) => (json.changes.at(-1).quorum[1].report.index = "100300");
      await watchLies({ "/v1/changes": lie }, async (page) => {
        assert.match(await page.locator("#prices-check").innerText(), /^✗ .*has prices without a quorum/);
      });
    });

    it("turn red where feeds have signed them, and others are proved", async () => {
      // All four feeds sign twice, and the venue shows the other ones to the public.
      const epoch = EPOCH + 1n;
      const reports = quorumOfReports(reportsOf({ epoch, index: 100_300n }, rulesOf()));
      const { rules, prices } = before;
      const { group, instruments, markets } = rules;
      const priced = { root: rulesRoot(rules), pricing: group.pricing, instruments, markets };
      const told = pricesTold({ rules, prices: reprice(priced, prices, epoch, medians(reports)) });
      const { logCount } = venue.health();
      clock.advance(30n);
      await until(venue, () => venue.health().proved >= logCount);
      const lies = {
        "/v1/prices": (json: any) => Object.assign(json, JSON.parse(toJson(told))),
        "/v1/changes": (json: any) =>
          json.changes.forEach((it: any) => it.epoch === `${epoch}` && (it.quorum = reports.map(reportJson))),
      };
      await watchLies(lies, async (page) => {
        assert.match(await page.locator("#prices-note").innerText(), /^Index 100,300/);
        assert.match(
          await page.locator("#prices-check").innerText(),
          /^✗ round \d+ proves another entry \d+ of the log than the one shown: these prices are not the proved ones\.$/,
        );
      });
    });

    it("are called what the venue tells where it is far from its genesis, on both sides of the key", async () => {
      const lying = await lyingVenue(service.url, {
        "/v1/venue": (json) => (json.genesis.time = "1"),
        // Of a round that is not there: no proof shows the account.
        "/v1/opening": (json) => (json.round = 1_000),
      });
      const { page, complaints, close } = await open(`${lying.url}/watch.html`, {}, [lying.url]);
      const check = page.locator("#prices-check.wait", { hasText: "as the venue tells it: not checked." });
      await check.waitFor();
      assert.doesNotMatch(await check.innerText(), /✓/);
      await page.goto(`${lying.url}/trade`);
      await openKey(page, await keyFiles(2));
      await page.click("#tab-margin");
      await page.locator("#own-told", { hasText: "Rules and prices are as the venue tells it" }).waitFor();
      await page.locator("#own caption", { hasText: /^Scenarios/ }).waitFor();
      await shoot(page, "watch-told");
      assert.deepEqual(
        complaints.filter((text) => !/WebSocket/.test(text)),
        [],
      );
      await close();
      await lying.close();
    });
  });

  describe("all pages", () => {
    const views: [string, () => string][] = [
      ["start", () => `${site.origin}/`],
      ["verify", () => `${site.origin}/verify.html`],
      ["watch", () => `${service.url}/watch.html`],
      ["trade", () => `${service.url}/trade`],
    ];
    /** Brings a page into the state in which it shows most. */
    const fill = async (name: string, page: Page) => {
      if (name === "verify") {
        await page.setInputFiles("#files", [fileOf("one.json", rounds[0]), fileOf("two.json", rounds[1].slice(1))]);
        await verdict(page, "bad");
        await page.locator("details.round summary").first().click();
      }
      if (name === "watch") {
        await page.locator("#strip button").last().click();
        await page.locator("#curve-plot figcaption p", { hasText: "lots wanted" }).waitFor();
      }
      if (name !== "trade") return;
      await openKey(page, await keyFiles(1, notebooks.alice));
      await page.click("#tab-margin");
      await page.locator("#own dd", { hasText: "yes:" }).waitFor();
      await page.locator("#checks.good, #checks.bad").waitFor();
    };

    for (const [name, url] of views) {
      it(`${name}: fits a phone, has names for all that is used or drawn, headings in order`, async () => {
        const { page, complaints, close } = await open(url(), { viewport: { width: 360, height: 740 } });
        await fill(name, page);
        await shoot(page, `${name}-phone`);
        assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 360);
        const nameless =
          await page.evaluate(`[...document.querySelectorAll("input, select, button, canvas, a, meter, progress")]
          .filter((it) => !it.getAttribute("aria-label") && !it.labels?.length && !it.textContent.trim())
          .map((it) => it.outerHTML)`);
        assert.deepEqual(nameless, []);
        await page.evaluate(AXE);
        const { violations } = (await page.evaluate("axe.run()")) as { violations: { id: string; impact: string; nodes: { html: string }[] }[] }; // prettier-ignore
        const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
        assert.deepEqual(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []); // prettier-ignore
        const levels = (await page.evaluate(`[...document.querySelectorAll("h1, h2, h3, h4")]
          .filter((it) => it.checkVisibility()).map((it) => Number(it.tagName[1]))`)) as number[];
        assert.equal(levels.filter((level) => level === 1).length, 1);
        levels.forEach((level, i) => assert.ok(level <= (levels[i - 1] ?? 0) + 1, `headings ${levels.join()}`));
        assert.deepEqual(complaints, []);
        await close();
      });

      it(`${name}: is light by day and dark by night`, async () => {
        const { page, close } = await open(url(), { colorScheme: "light", viewport: { width: 1280, height: 900 } });
        await fill(name, page);
        const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
        const light = await ground();
        await shoot(page, `${name}-light`);
        await page.emulateMedia({ colorScheme: "dark" });
        assert.notEqual(await ground(), light);
        await shoot(page, `${name}-dark`);
        await close();
      });
    }
  });
});
