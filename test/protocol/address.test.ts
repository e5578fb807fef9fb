// Goal: a mistyped address is noticed, and nobody is paid where nobody can take it.
// Method: the examples of EIP-55, and viem's own checksum beside ours.
import assert from "node:assert/strict";
import { getAddress } from "viem";
import { addressText, parseAddress, requireRecipient } from "../../src/protocol/address.ts";
import { Random } from "../../src/replay/random.ts";

const EXAMPLES = [
  "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
  "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
  "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
  "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
];

describe("an address", () => {
  it("is read in one case, or with its checksum", () => {
    for (const text of EXAMPLES) {
      const number = BigInt(text);
      const upper = `0x${text.slice(2).toUpperCase()}`;
      for (const form of [text, text.toLowerCase(), upper]) assert.equal(parseAddress("it", form), number);
      assert.equal(addressText(number), text);
    }
  });

  it("has the checksum that viem computes (seed 5)", () => {
    const random = new Random(5);
    for (let i = 0; i < 200; i++) {
      const address = i < 4 ? BigInt(i) : random.bits(160);
      assert.equal(addressText(address), getAddress(`0x${address.toString(16).padStart(40, "0")}`));
    }
  });

  it("is refused with one letter in the other case, and when it is none", () => {
    for (const text of EXAMPLES)
      for (const [i, letter] of [...text].entries()) {
        if (i < 2 || !/[a-f]/i.test(letter)) continue;
        const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
        const mistyped = text.slice(0, i) + other + text.slice(i + 1);
        assert.throws(() => parseAddress("the recipient", mistyped), {
          code: "ADDRESS",
          message: "the recipient is wrong: its capital letters are not its checksum, so it is mistyped",
        });
      }
    for (const text of [
      "",
      "0x",
      EXAMPLES[0].slice(2),
      `${EXAMPLES[0]}0`,
      EXAMPLES[0].slice(0, -1),
      "0xg".padEnd(42, "0"),
    ])
      assert.throws(() => parseAddress("it", text), { code: "ADDRESS", message: /expected an address/ });
  });

  it("is no recipient when it is 0, or the venue's own", () => {
    requireRecipient(1n, EXAMPLES);
    for (const recipient of [0n, ...EXAMPLES.map(BigInt)])
      assert.throws(() => requireRecipient(recipient, EXAMPLES), { code: "ADDRESS", message: /nobody could take/ });
  });
});
