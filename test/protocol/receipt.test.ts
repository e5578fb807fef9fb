// Goal: a receipt is signed as EIP-712 says, so that any wallet or contract recovers its signer, and no second signature of
// it can be made without the key.
// Method: viem as oracle, for digest and recovery, on random receipts; signatures that are malleated, cut, garbage; every
// field of a receipt changed.
import assert from "node:assert/strict";
import { bytesToHex, hashTypedData, recoverAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { Random } from "../../src/replay/random.ts";
import { authHash, chainHeads, hashEntries, orderItem } from "../../src/protocol/item.ts";
import { FIELD } from "../../src/protocol/numbers.ts";
import {
  receiptDefect,
  receiptDigest,
  receiptOf,
  recoverSigner,
  signerAddress,
  type Receipt,
  type SignedReceipt,
} from "../../src/protocol/receipt.ts";
import { threadSigner } from "../../src/venue/signing/signatures.ts";
import { localSigner } from "../../src/venue/signing/signer.ts";
import { hasCode } from "../hasCode.ts";

const CASES = 200;
const SEED = Number(process.env.SEED ?? 7);
/** of secp256k1 @source SEC 2, section 2.4.1 */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const FIELDS = ["domain", "n", "item", "auth", "time", "head"] as const;

const key = new Uint8Array(32).fill(7);
const signer = localSigner(key);
const account = privateKeyToAccount(bytesToHex(key));

/** As a wallet is given it. */
const typedData = ({ domain, n, item, auth, time, head }: Receipt) => ({
  domain: { name: "Tacit", version: "1" },
  types: { Receipt: FIELDS.map((name) => ({ name, type: "uint256" as const })) },
  primaryType: "Receipt" as const,
  message: { domain, n, item, auth, time, head },
});

/** Numbers of every length, and the greatest there is. */
function randomReceipt(random: Random): Receipt {
  const number = () => (random.integer(0, 9) ? random.bits(random.integer(0, 253)) : FIELD - 1n);
  const [domain, n, item, auth, time, head] = FIELDS.map(number);
  return { domain, n, item, auth: random.integer(0, 2) ? auth : 0n, time, head };
}

const word = (x: bigint) => x.toString(16).padStart(64, "0");

/** r, s and v of a signature. */
function parts(signature: string): { r: bigint; s: bigint; v: bigint } {
  const digits = (from: number, to?: number) => BigInt(`0x${signature.slice(from, to)}`);
  return { r: digits(2, 66), s: digits(66, 130), v: digits(130) };
}

const joined = ({ r, s, v }: { r: bigint; s: bigint; v: bigint }) =>
  `0x${word(r)}${word(s)}${v.toString(16).padStart(2, "0")}`;

describe("receipts", () => {
  it(`are typed data as viem hashes, signs and recovers it, on ${CASES} receipts (seed ${SEED})`, async () => {
    const random = new Random(SEED);
    assert.equal(signer.address, account.address.toLowerCase());
    for (let i = 0; i < CASES; i++) {
      const receipt = randomReceipt(random);
      const digest = receiptDigest(receipt);
      const data = typedData(receipt);
      const hash = hashTypedData(data);
      assert.equal(bytesToHex(digest), hash, `receipt ${i}`);
      const signature = (await signer.sign(digest)) as `0x${string}`;
      assert.equal(signature, await account.signTypedData(data), `receipt ${i}: RFC 6979 leaves no choice`);
      assert.equal(await recoverAddress({ hash, signature }), account.address);
      assert.equal(recoverSigner(digest, signature), signer.address);
      assert.equal(recoverSigner(digest, signature.toUpperCase().replace("X", "x")), signer.address);
    }
  });

  it("are signed in a thread as they are in this one", async () => {
    const random = new Random(SEED);
    for (let keys = 0; keys < 4; keys++) {
      const secret = Uint8Array.from({ length: 32 }, () => random.integer(1, 254));
      const receipts = Array.from({ length: CASES / 4 }, () => randomReceipt(random));
      const [thread, here] = [threadSigner(secret), localSigner(secret)];
      try {
        const expected = await Promise.all(receipts.map((receipt) => here.sign(receiptDigest(receipt))));
        assert.deepEqual((await thread.sign({ run: null, receipts, logHeads: [] })).receipts, expected);
      } finally {
        await thread.close();
      }
    }
  });

  it("are signed as digests of 32 bytes only", () => {
    for (const length of [0, 31, 33])
      assert.throws(() => signer.sign(new Uint8Array(length)), { code: "OUT_OF_RANGE", message: /digest/ });
  });

  it("have another digest with any field changed, and another signer then", async () => {
    const receipt = randomReceipt(new Random(SEED));
    const signature = await signer.sign(receiptDigest(receipt));
    const digests = new Set([bytesToHex(receiptDigest(receipt))]);
    for (const name of FIELDS)
      for (const bit of [0n, 8n, 63n, 128n, 252n]) {
        const digest = receiptDigest({ ...receipt, [name]: receipt[name] ^ (1n << bit) });
        digests.add(bytesToHex(digest));
        assert.notEqual(recoverSigner(digest, signature), signer.address, `${name}, bit ${bit}`);
      }
    // The same numbers in other fields.
    for (const [i, name] of FIELDS.entries()) {
      const other = FIELDS[(i + 1) % FIELDS.length];
      digests.add(bytesToHex(receiptDigest({ ...receipt, [name]: receipt[other], [other]: receipt[name] })));
    }
    assert.equal(digests.size, 1 + 5 * FIELDS.length + FIELDS.length);
  });

  it("have one signature: the one with the high s, and what is none, is refused, and never throws", async () => {
    const random = new Random(SEED);
    for (let i = 0; i < CASES; i++) {
      const digest = receiptDigest(randomReceipt(random));
      const signature = await signer.sign(digest);
      const { r, s, v } = parts(signature);
      assert.ok(s <= ORDER / 2n && (v === 27n || v === 28n));
      // viem takes this one: it is a signature of the same key.
      const high = joined({ r, s: ORDER - s, v: 55n - v }) as `0x${string}`;
      assert.equal(await recoverAddress({ hash: bytesToHex(digest), signature: high }), account.address);
      const refused = [
        high,
        joined({ r, s, v: v - 27n }),
        joined({ r, s, v: v + 2n }),
        joined({ r: 0n, s, v }),
        joined({ r, s: 0n, v }),
        joined({ r: ORDER, s, v }),
        joined({ r, s: ORDER, v }),
        signature.slice(2),
        signature.slice(0, -2),
        signature.slice(0, -1),
        signature + "00",
        signature + "\n",
        ` ${signature}`,
        `${signature.slice(0, 40)}g${signature.slice(41)}`,
      ];
      for (const bad of refused) assert.equal(recoverSigner(digest, bad), null, `signature ${i}: ${bad}`);
      assert.notEqual(recoverSigner(digest, joined({ r, s, v: 55n - v })), signer.address, `signature ${i}: v`);
      assert.notEqual(recoverSigner(digest, `0x${bytesToHex(random.bytes(64)).slice(2)}1b`), signer.address);
    }
    const digest = new Uint8Array(32);
    const bytes = (text: string) => `0x${text.repeat(65)}`;
    for (const garbage of ["", "0x", "0", bytes("00"), bytes("ff"), bytes("1b"), bytes("1c"), bytes("é")])
      assert.doesNotThrow(() => assert.notEqual(recoverSigner(digest, garbage), signer.address));
  });

  it("are of one entry: another head, item, signature or place is a defect, as is another signer", async () => {
    const random = new Random(SEED);
    const domain = 77n;
    const fields = { market: 101n, account: 2n, nonce: 1n, side: 0, validUntil: 9n, expiry: 9n, limit: 10n, size: 1n };
    const entry = { item: orderItem({ ...fields, salt: 5n }), auth: { R8x: 1n, R8y: 2n, S: 3n }, time: 8n };
    const previous = random.bits(250);
    const [head] = chainHeads(previous, hashEntries(domain, [entry]));
    const receipt = receiptOf(domain, 4n, entry, head);
    assert.equal(receipt.auth, authHash(entry.auth));
    assert.equal(receiptOf(domain, 4n, { item: entry.item, time: 8n }, head).auth, 0n);
    const signed: SignedReceipt = { ...receipt, previous, signature: await signer.sign(receiptDigest(receipt)) };
    assert.equal(receiptDefect(signed, signer.address), null);
    assert.equal(receiptDefect(signed, account.address), null, "letters of an address may be large");
    for (const name of ["item", "auth", "time", "head", "previous"] as const)
      assert.match(receiptDefect({ ...signed, [name]: signed[name] + 1n }, signer.address)!, /does not follow/, name);
    for (const name of ["domain", "n"] as const)
      assert.match(receiptDefect({ ...signed, [name]: signed[name] + 1n }, signer.address)!, /not signed/, name);
    const other = localSigner(new Uint8Array(32).fill(8));
    assert.match(receiptDefect(signed, other.address)!, /not signed/);
  });

  it("are signed by a key of the curve's range only", () => {
    const order = Uint8Array.from(Buffer.from(word(ORDER), "hex"));
    for (const bad of [new Uint8Array(32), order, new Uint8Array(31).fill(1), new Uint8Array(33).fill(1)]) {
      assert.throws(() => signerAddress(bad), hasCode("BAD_SECRET"));
      assert.throws(() => localSigner(bad), hasCode("BAD_SECRET"));
    }
  });
});
