import { Random } from "../../../src/replay/random.ts";
import { depositKey, publicKey, sign } from "../../../src/protocol/eddsa.ts";
import { cancelItem, itemHash, orderItem } from "../../../src/protocol/item.ts";
import { SIDE } from "../../../src/protocol/parameters.ts";
import { itemJson } from "../../../src/protocol/wire.ts";
import { developmentGenesis } from "../../../src/venue/developmentGenesis.ts";

/** Accounts of the load: one a client. */
export const ACCOUNTS = 64;
export const OPERATOR = new Uint8Array(32).fill(11);
export const SIGNER = new Uint8Array(32).fill(12);
const DOMAIN = 99n;
const MARKETS = [101n, 102n, 103n, 104n, 105n];
const MARKS = [100_000n, 6_000n, 5_500n, 11_500n, 100_000n];
const secretOf = (client: number) => Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? client : 50));

/** Auctions each second, accounts as of the larger profile. */
export function genesisJsonOf() {
  const insurance = new Uint8Array(32).fill(13);
  const time = BigInt(Math.floor(Date.now() / 1000)) - 10n;
  return developmentGenesis({ secret: OPERATOR, insurance, domain: DOMAIN, time, profile: "standard", interval: 1 });
}

export function depositsOf(count: number) {
  return Array.from({ length: count }, (_, i) => {
    const { x: keyX, y: keyY } = depositKey(publicKey(secretOf(i)));
    return { keyX, keyY, index: 2 + i, amount: 10n ** 12n };
  });
}

/** What a client sends, as JSON: three orders for the next auction of a market, a cancel of the first of them, and so on. */
export function itemsOf(
  client: number,
  count: number,
  firstNonce: bigint,
): { kind: "order" | "cancel"; text: string }[] {
  const random = new Random(1 + client);
  const secret = secretOf(client);
  const validUntil = BigInt(Math.floor(Date.now() / 1000)) + 86_400n;
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    if (i % 4 === 0) at = random.integer(0, MARKETS.length - 1);
    const common = {
      market: MARKETS[at],
      account: BigInt(2 + client),
      nonce: firstNonce + BigInt(i),
      validUntil,
      salt: random.bits(248),
    };
    const cancels = i % 4 === 3;
    const limit = MARKS[at] + BigInt(random.integer(-20, 20)) * 10n;
    const side = random.pick([SIDE.buy, SIDE.sell]);
    const size = BigInt(random.integer(1, 50));
    const item = cancels
      ? cancelItem({ ...common, target: common.nonce - 3n })
      : orderItem({ ...common, side, limit, size, expiry: validUntil, thisAuction: true });
    const json = itemJson(item, sign(secret, itemHash(DOMAIN, item)));
    return { kind: cancels ? "cancel" : "order", text: JSON.stringify(json) };
  });
}
