// Goal: many withdrawals never pile up: they are paid while a round goes on, and every state follows the one before it.
// Method: more withdrawals than may be pending, through matcher and builder, without proofs.
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import { openAccount } from "../../src/protocol/account.ts";
import { withdrawalItem } from "../../src/protocol/item.ts";
import { computePrices, NO_MARKETS } from "../../src/protocol/market.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { Ledger } from "../../src/witness/ledger.ts";
import { RoundBuilder } from "../../src/witness/round.ts";

describe("the builder of rounds", () => {
  it("pays whenever 32 payouts are pending, and what is left at the end", () => {
    const profile = { depth: 1, scenarios: 1, maxOpen: 1, deposit: 1, admit: 8, clear: 1, settle: 1 };
    const rules = { group: { operatorKeyX: 0n, operatorKeyY: 1n, maxAge: 100n }, markets: NO_MARKETS };
    const zeros = Array<bigint>(INSTRUMENTS).fill(0n);
    const prices = computePrices(rules, { values: [zeros], funding: zeros, epoch: 0n, time: 0n });
    const accounts = [{ ...openAccount({ keyX: 0n, keyY: 1n, view: 0n }), cash: 1_000n }];
    const genesis = { domain: 1n, depth: 1, maxOpen: 1, rules, prices, accounts, time: 0n };
    const matcher = new Matcher(genesis, { view: () => 0n });
    let blind = 0n;
    const ledger = new Ledger({ ...genesis, profile, blind: () => ++blind });
    const start = ledger.word;
    const builder = new RoundBuilder(ledger, { accounts, operatorSecret: 1n });
    for (let nonce = 1n; nonce <= 42n; nonce++) {
      const item = withdrawalItem({ account: 0n, nonce, recipient: nonce, amount: 1n, validUntil: 9n, salt: nonce });
      const auth = { R8x: 0n, R8y: 0n, S: 0n };
      for (const event of matcher.apply({ kind: "item", time: 1n, item, auth, signed: true })) builder.add(event);
    }
    const steps = builder.close();
    const names = steps.map(({ name }) => name[0]).join("");
    assert.equal(names, "aaaa" + "wwwwwwww" + "aa" + "www");
    const paid = steps.flatMap(({ name, publicInputs }) => (name === "withdraw" ? publicInputs.slice(3) : []));
    assert.deepEqual(
      paid.filter((word) => word !== 0n).map((word) => word & ((1n << 160n) - 1n)),
      Array.from({ length: 42 }, (_, i) => BigInt(i + 1)),
    );
    steps.forEach(({ publicInputs }, i) => {
      assert.equal(publicInputs[0], i === 0 ? start : steps[i - 1].publicInputs[1]);
    });
    assert.equal(steps.at(-1)!.publicInputs[2], 0n);
  });
});
