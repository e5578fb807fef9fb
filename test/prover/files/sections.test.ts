// Goal: a container that lies about its sections is refused before anything is allocated or read for it.
// Method: each rule broken alone; bytes in memory and files that are read in parts must answer the same.
import assert from "node:assert/strict";
import { TacitError } from "../../../src/protocol/errors.ts";
import { readDirectory } from "../../../src/prover/files/sections.ts";
import { openSource, type ByteSource } from "../../../src/prover/files/source.ts";
import { readSections, writeSections } from "../../../src/prover/sections.ts";

const SOUND = writeSections("zkey", 1, [
  [2, Uint8Array.of(1, 2, 3)],
  [1, new Uint8Array(0)],
  [7, Uint8Array.of(4)],
]);

function changed(change: (view: DataView) => void, file = SOUND): Uint8Array {
  const copy = file.slice();
  change(new DataView(copy.buffer));
  return copy;
}

/** A source that says it is larger than what it holds, and counts what is asked of it. */
function counting(bytes: Uint8Array, size: number): ByteSource & { reads: number } {
  const source = {
    name: "a counting source",
    size,
    reads: 0,
    async read(offset: number, length: number) {
      source.reads++;
      const found = new Uint8Array(length);
      found.set(bytes.subarray(offset, offset + length));
      return found;
    },
    readInto: () => assert.fail(),
    close: async () => {},
  };
  return source;
}

describe("sections of a file", () => {
  it("lie where they were written, in any order", async () => {
    const directory = await readDirectory(await openSource(SOUND), "zkey");
    assert.deepEqual(
      [...directory],
      [
        [2, { offset: 24, length: 3 }],
        [1, { offset: 39, length: 0 }],
        [7, { offset: 51, length: 1 }],
      ],
    );
    const sections = readSections(SOUND, "zkey");
    for (const [id, { offset, length }] of directory)
      assert.deepEqual(sections.get(id), SOUND.subarray(offset, offset + length));
  });

  const refusals: [why: string, file: Uint8Array, problem: RegExp, section?: number][] = [
    ["nothing", new Uint8Array(0), /has 0 bytes/],
    ["other letters", changed((view) => view.setUint8(3, 0x78)), /letters "zkey"/],
    ["another format", writeSections("wtns", 2, []), /letters "zkey"/],
    ["version 0", changed((view) => view.setUint32(4, 0, true)), /version 0, expected 1/],
    ["version 2", changed((view) => view.setUint32(4, 2, true)), /version 2, expected 1/],
    ["2^32 - 1 sections", changed((view) => view.setUint32(8, 2 ** 32 - 1, true)), /claims 4294967295 sections/],
    ["a section more", changed((view) => view.setUint32(8, 4, true)), /head of its section number 4/],
    ["a section less", changed((view) => view.setUint32(8, 2, true)), /13 bytes follow/],
    ["a section twice", changed((view) => view.setUint32(39, 2, true)), /occurs twice/, 2],
    [
      "a section too long",
      changed((view) => view.setUint32(43, 2, true)),
      /claims 2 bytes, of which the file has 1/,
      7,
    ],
    ["a section too short", changed((view) => view.setUint32(43, 0, true)), /1 bytes follow/],
    ["a section of 2^63 bytes", changed((view) => view.setUint32(47, 2 ** 31, true)), /claims 922/, 7],
    ["a section of 2^64 - 1 bytes", changed((view) => view.setBigInt64(43, -1n, true)), /claims 1844/, 7],
    ["a section that reaches into the next", changed((view) => view.setUint32(16, 4, true)), /./],
    ["bytes after the end", Uint8Array.of(...SOUND, 0), /1 bytes follow/],
  ];
  for (let length = 1; length < SOUND.length; length++)
    refusals.push([`cut after ${length} bytes`, SOUND.subarray(0, length), /head|claims/]);
  for (const [why, file, problem, section] of refusals)
    it(`are refused: ${why}`, async () => {
      const check = (error: TacitError) => {
        assert.ok(error instanceof TacitError);
        assert.equal(error.code, "FILE_FORMAT");
        assert.equal(error.details.format, "zkey");
        assert.match(error.details.problem as string, problem);
        if (section !== undefined) assert.equal(error.details.section, section);
        return true;
      };
      assert.throws(() => readSections(file, "zkey"), check);
      await assert.rejects(readDirectory(await openSource(file), "zkey"), check);
    });

  it("cost few reads, whatever a file of endless zeros claims", async () => {
    const head = changed((view) => view.setUint32(8, 64, true)).subarray(0, 12);
    const source = counting(head, 2 ** 52);
    await assert.rejects(readDirectory(source, "zkey"), { code: "FILE_FORMAT" });
    assert.ok(source.reads <= 65);
  });
});
