// Goal: what comes together while a signer is away is asked of it in parts that it takes, heads before what is signed of them, each answered once.
// Method: a signer that waits, thousands of heads and receipts, and a look at each request.
import assert from "node:assert/strict";
import type { Receipt } from "../../../src/protocol/receipt.ts";
import { LogSigner } from "../../../src/venue/signing/logSigner.ts";
import type { Signatures, SignRequest } from "../../../src/venue/signing/signatures.ts";
import { signRequestText } from "../../../src/venue/signing/signerWire.ts";
import { gate } from "../fixture.ts";

const WORD = 2n ** 253n;

describe("venue: what a signer is asked", () => {
  it("is no more at once than it takes, however much has come together", async () => {
    const { pass, passed } = gate();
    const requests: SignRequest[] = [];
    const signatures = {
      state: async () => ({ epoch: 0, n: 0, head: 0n }),
      sign: async (request: SignRequest) => {
        requests.push(request);
        await passed;
        return { receipts: request.receipts.map(({ n }) => `receipt ${n}`), logHeads: request.logHeads.map(({ n }) => `head ${n}`) }; // prettier-ignore
      },
    } as unknown as Signatures;
    const signer = new LogSigner({ domain: WORD, signatures, onFailed: (error) => assert.fail(error) });
    const leading = signer.lead({ epoch: 1, n: 0, heads: async () => [] });
    const receipt = (n: number): Receipt => ({ domain: WORD, n: BigInt(n), item: WORD, auth: WORD, time: 1n, head: WORD }); // prettier-ignore
    const answers: Promise<readonly string[]>[] = [];
    const COUNT = 20_000;
    while (requests.length === 0) await Promise.resolve();
    // In the order of a venue: each is written, and its receipt asked for.
    pass();
    await leading;
    for (let first = 0; first < COUNT; first += 50) {
      const heads = Array.from({ length: 50 }, () => WORD);
      signer.written({ epoch: 1, first, heads });
      answers.push(signer.receipts(heads.map((_, i) => receipt(first + i))));
    }
    const head = signer.logHead({ domain: WORD, epoch: 1, n: COUNT, head: WORD });
    assert.deepEqual(
      (await Promise.all(answers)).flat(),
      Array.from({ length: COUNT }, (_, n) => `receipt ${n}`),
    );
    assert.equal(await head, `head ${COUNT}`);
    let known = 0;
    for (const request of requests.slice(1)) {
      assert.ok(signRequestText(request).length < 4 * 1024 * 1024);
      if (request.run) {
        assert.equal(request.run.first, known);
        known += request.run.heads.length;
      }
      for (const { n } of request.receipts) assert.ok(n < known, "of what is in its book");
    }
    assert.equal(known, COUNT);
  });
});
