// Goal: a file of messages is read as LOBSTER means it, and what is wrong in one is named by line and field.
// Method: small files written by the test; each bad one has a single fault.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readLobster, type LobsterMessage } from "../../src/replay/lobster.ts";
import { SIDE } from "../../src/protocol/parameters.ts";

const GOOD = ["34200.004241176,1,16113575,18,5853300,1", "34200.5,4,16113575,18,5853300,1", "34201,3,7,5,5853400,-1"];

describe("LOBSTER messages", () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), "tacit-"))));
  after(() => rm(folder, { recursive: true }));

  async function read(content: string | Uint8Array, name = "flow.csv", limit?: number): Promise<LobsterMessage[]> {
    const path = join(folder, name);
    await writeFile(path, content);
    const messages: LobsterMessage[] = [];
    for await (const message of readLobster(path, { limit })) messages.push(message);
    return messages;
  }

  it("are read line by line", async () => {
    const messages = await read(GOOD.join("\n"));
    assert.deepEqual(messages[0], {
      line: 1,
      seconds: 34_200,
      type: "order",
      id: 16_113_575,
      size: 18n,
      price: 5_853_300n,
      side: SIDE.buy,
    });
    assert.deepEqual(
      messages.map(({ line, type, side }) => [line, type, side]),
      [
        [1, "order", SIDE.buy],
        [2, "execution", SIDE.buy],
        [3, "cancel", SIDE.sell],
      ],
    );
  });

  it("are the same from .csv.gz, with other line ends, and with a last line end", async () => {
    const messages = await read(GOOD.join("\n"));
    assert.deepEqual(await read(gzipSync(GOOD.join("\n")), "flow.csv.gz"), messages);
    assert.deepEqual(await read(GOOD.join("\r\n") + "\r\n"), messages);
  });

  it("are the same wherever the file is cut into pieces", async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => `${34_200 + i},1,${i},1,100,1`);
    const messages = await read(many.join("\n"));
    assert.equal(messages.length, 5_000);
    assert.deepEqual([messages[4_999].line, messages[4_999].id], [5_000, 4_999]);
  });

  it("are no more than the limit", async () => {
    assert.equal((await read([...GOOD, "nonsense"].join("\n"), "flow.csv", 3)).length, 3);
  });

  it("of types 5 to 7 are read; a halt has neither size nor price", async () => {
    const messages = await read("1,5,0,9,100,1\n2,6,0,9,100,1\n3,7,0,0,-1,-1\n");
    assert.deepEqual(
      messages.map(({ type }) => type),
      ["hiddenExecution", "cross", "halt"],
    );
  });

  it("of crosses may have ids of their own, and no volume", async () => {
    const messages = await read("1,6,-1,33000,1000000,-1\n2,6,-4,9,100,1\n3,6,0,0,0,-1\n");
    assert.deepEqual(
      messages.map(({ type, id, size, price }) => [type, id, size, price]),
      [
        ["cross", -1, 33_000n, 1_000_000n],
        ["cross", -4, 9n, 100n],
        ["cross", 0, 0n, 0n],
      ],
    );
  });

  it("are the same with a seventh column", async () => {
    assert.deepEqual(await read(GOOD.map((line) => `${line},null`).join("\n")), await read(GOOD.join("\n")));
  });

  const bad: [why: string, line: string, says: RegExp][] = [
    ["a column too few", "34201,1,5,5,100", /line 4 has 5 columns: expected 6/],
    ["two columns too many", "34201,1,5,5,100,1,x,y", /line 4 has 8 columns: expected 6/],
    ["the id of a cross for an order", "34201,1,-1,5,100,1", /line 4: order id is wrong/],
    ["an id of a cross that is none", "34201,6,-5,5,100,1", /line 4: order id is wrong/],
    ["a cross below nothing", "34201,6,-1,5,-1,1", /line 4: price is wrong/],
    ["an empty line", "", /line 4 has 1 columns/],
    ["a time that is no number", "noon,1,5,5,100,1", /line 4: time is wrong/],
    ["a negative time", "-1,1,5,5,100,1", /line 4: time is wrong/],
    ["a time beyond the day", "86400,1,5,5,100,1", /line 4: time is wrong: expected seconds after midnight/],
    ["a time that goes back", "34200.9,1,5,5,100,1", /line 4: time is wrong: expected no earlier/],
    ["an unknown type", "34201,8,5,5,100,1", /line 4: type is wrong: expected 1 to 7/],
    ["a type that is no number", "34201,new,5,5,100,1", /line 4: type is wrong/],
    ["an order id that is no integer", "34201,1,5.5,5,100,1", /line 4: order id is wrong/],
    ["an order id beyond 2^53", "34201,1,9999999999999999,5,100,1", /line 4: order id is wrong/],
    ["no lots", "34201,1,5,0,100,1", /line 4: size is wrong/],
    ["too many lots", "34201,1,5,4294967296,100,1", /line 4: size is wrong/],
    ["a size in hexadecimal", "34201,1,5,0x5,100,1", /line 4: size is wrong/],
    ["a negative price", "34201,1,5,5,-100,1", /line 4: price is wrong/],
    ["a price with a fraction", "34201,1,5,5,100.5,1", /line 4: price is wrong/],
    ["a price of 2^40", "34201,1,5,5,1099511627776,1", /line 4: price is wrong/],
    ["no direction", "34201,1,5,5,100,0", /line 4: direction is wrong: expected 1 or -1/],
    ["a line without end", "9".repeat(10_000), /line 4 is longer than 200 characters/],
  ];
  for (const [why, line, message] of bad)
    it(`are refused for ${why}`, async () => {
      await assert.rejects(read([...GOOD, line, GOOD[2]].join("\n")), { code: "LOBSTER", message });
    });

  it("are refused when there are none", async () => {
    await assert.rejects(read(""), { code: "LOBSTER", message: /no messages/ });
  });

  it("are refused when the file is missing, or no gzip, or cut short", async () => {
    await assert.rejects(readLobster(join(folder, "none.csv")).next(), {
      code: "LOBSTER_FILE",
      message: /no such file/,
    });
    await assert.rejects(read("1,1,1,1,1,1", "no.csv.gz"), { code: "LOBSTER_FILE", message: /no sound gzip/ });
    const packed = gzipSync(GOOD.join("\n"));
    const cut = packed.subarray(0, packed.length - 12);
    await assert.rejects(read(cut, "cut.csv.gz"), { code: "LOBSTER_FILE", message: /no sound gzip/ });
  });
});
