import { z } from "@hono/zod-openapi";
import { PROFILES } from "../../protocol/instructions.ts";
import type { Auth, Item } from "../../protocol/item.ts";
import { asObject, badFormat } from "../../protocol/json.ts";
import { FIELD } from "../../protocol/numbers.ts";
import {
  INSTRUMENT_KIND,
  INSTRUMENTS,
  LIST_WORDS,
  MARKET_STATE,
  MARKETS,
  RULE,
  TENORS,
  VERDICTS,
} from "../../protocol/parameters.ts";
import { LEVEL } from "../../protocol/prices.ts";
import { DEFAULTS, PRICING } from "../../protocol/rules.ts";
import { MARKET_NUMBERS } from "../../protocol/rulesJson.ts";
import type { TacitError } from "../../protocol/errors.ts";
import { ERROR_CODES, readItem } from "../../protocol/wire.ts";
import { DEFAULT_LIMIT } from "../questions.ts";

/**
 * The shapes of all that this service takes and answers. Objects are strict: a field that is not named here is refused.
 * Amounts, prices, identities and times in seconds are decimal strings; positions in the log, numbers of accounts and
 * rounds, and milliseconds are JSON numbers.
 */

/** No leading zeros, no "-0", no plus sign: one spelling a number. */
const UNSIGNED = /^(0|[1-9][0-9]{0,76})$/;
const SIGNED = /^(0|-?[1-9][0-9]{0,76})$/;

const decimal = z.string("a decimal string").regex(UNSIGNED, "a decimal string of at most 77 digits");
const signed = z.string("a decimal string").regex(SIGNED, "a decimal string of at most 77 digits, or minus and such");
/** A field element: below the modulus of the scalar field of BN254. */
const element = decimal.refine((text) => UNSIGNED.test(text) && BigInt(text) < FIELD, "a field element");
const whole = z.int("a whole number").min(0, "a whole number");
const time = decimal.describe("seconds since 1970");
const milliseconds = z.number().describe("milliseconds since 1970");
const logPosition = whole.describe("position in the log, from 0");
const accountNumber = z
  .int("the number of an account")
  .min(0, "the number of an account")
  .max(2 ** 20 - 1, "the number of an account");
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const verdict = z.enum(VERDICTS);
const keys = Object.keys as <Name extends string>(table: Record<Name, unknown>) => [Name, ...Name[]];

// What is sent.

export const ItemSchema = z
  .strictObject({
    A: element,
    B: element,
    salt: element,
    R8x: element,
    R8y: element,
    S: element,
    list: z.array(element).length(LIST_WORDS).optional().describe("the words of a list of quotes, and of nothing else"),
  })
  .openapi("Item", {
    description:
      "An order, a list of quotes, a cancel or a withdrawal, and its signature (docs/protocol.md, section 7)",
  });

export const SessionRequestSchema = z
  .strictObject({
    host: z.string().min(1).max(255).describe("of the venue's address, as the owner of the key has it"),
    keyX: element,
    keyY: element,
    expires: element,
    R8x: element,
    R8y: element,
    S: element,
  })
  .openapi("SessionRequest", {
    description: "Signed by the key of an account (docs/api.md): good for an hour at most",
  });

export const DepositRequestSchema = z
  .strictObject({
    keyX: element.describe("of K' = A / 8, as a deposit on a chain names it"),
    keyY: element,
    index: accountNumber.describe("of the account to credit; another opens a new one"),
    amount: decimal.describe("cash units, below 2^92, not 0"),
  })
  .openapi("DepositRequest");

/** Digits of a query as a number: `digits` of them at most. */
const digits = (most: number, expected: string) =>
  z
    .string(expected)
    .regex(new RegExp(`^(0|[1-9][0-9]{0,${most - 1}})$`), expected)
    .transform(Number)
    .openapi({ type: "integer", minimum: 0, maximum: 10 ** most - 1 });

export const PAGE = 500;
const limit = z
  .string()
  .regex(/^[1-9][0-9]{0,2}$/, `1 to ${PAGE}`)
  .transform(Number)
  .refine((n) => n <= PAGE, `1 to ${PAGE}`)
  .openapi({ type: "integer", minimum: 1, maximum: PAGE, default: DEFAULT_LIMIT })
  .optional();
const index = digits(7, "the number of an account").optional();

export const NoQuery = z.strictObject({});
export const AuctionsQuery = z.strictObject({
  market: z
    .string()
    .regex(/^(0|[1-9][0-9]{0,9})$/, "the id of a market")
    .optional(),
  before: digits(12, "a position in the log").optional(),
  limit,
});
export const RoundsQuery = z.strictObject({ before: digits(9, "the number of a round").optional(), limit });
export const RoundParams = z.strictObject({ number: digits(9, "the number of a round") });
export const AccountQuery = z.strictObject({ index });
export const ReceiptQuery = z.strictObject({ index, nonce: digits(13, "the nonce of an item") });
const after = z
  .string()
  .regex(/^(-1|0|[1-9][0-9]{0,11})$/, "a position in the log, or -1")
  .transform(Number)
  .openapi({ type: "integer", minimum: -1, maximum: 10 ** 12 - 1, default: -1 })
  .optional();
export const HistoryQuery = z.strictObject({ index, after, limit });
export const ChangesQuery = z.strictObject({ after, limit });

// What is answered.

export const ReceiptSchema = z
  .strictObject({
    domain: element,
    n: decimal,
    item: element,
    auth: element,
    time,
    head: element,
    previous: element,
    signature: z.string().regex(/^0x[0-9a-f]{130}$/),
  })
  .openapi("Receipt", { description: "Signed by the venue as EIP-712 typed data; `previous` is not signed" });

export const AcknowledgementSchema = z
  .strictObject({
    receipt: ReceiptSchema,
    verdict: verdict.nullable().describe("null of what was sent long ago: its verdict is no longer at hand"),
  })
  .openapi("Acknowledgement");

export const ReceiptAnswerSchema = AcknowledgementSchema.extend({
  receipt: ReceiptSchema.nullable().describe("null where no item of the nonce is in the log"),
}).openapi("ReceiptAnswer");

const accounts = z.array(accountNumber).describe("of the key, the first opened first");

export const SessionSchema = z
  .strictObject({
    token: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/)
      .describe("for the header Authorization: Bearer"),
    accounts,
    expires: time,
  })
  .openapi("Session");

const RateSchema = z.strictObject({ rate: z.number().describe("a second"), burst: z.number() });

export const VenueSchema = z
  .strictObject({
    name: z.literal("tacit"),
    version: z.string(),
    profile: z.enum(keys(PROFILES)),
    domain: element,
    signer: address.describe("signs receipts"),
    genesisState: element,
    time: time.describe("of the genesis, seconds since 1970"),
    operatorKey: z.strictObject({ x: element, y: element }),
    markets: z
      .array(
        z
          .strictObject({
            slot: whole,
            id: decimal,
            name: z.string().optional(),
            legs: z.array(signed),
            tick: decimal,
            lotLimit: decimal,
            band: decimal,
            feeRate: decimal,
            feePerLot: decimal,
            rhoMin: decimal,
            rule: z.enum(keys(RULE)),
            interval: decimal,
            state: z.enum(keys(MARKET_STATE)),
            until: time,
            capacity: decimal,
            cancelCapacity: decimal,
            listCapacity: decimal,
          })
          .nullable(),
      )
      .length(MARKETS)
      .describe("those of the genesis by slot, null for a free one; those in force: /v1/rules"),
    genesis: z
      .unknown()
      .describe("the genesis file (docs/formats.md), but for the view keys of its accounts, which are 0"),
    proves: z.boolean(),
    publish: z.strictObject({
      prices: z.boolean(),
      curves: z.boolean(),
      depth: z.boolean(),
      defaults: z.boolean(),
    }),
    limits: z.strictObject({
      bodyBytes: whole,
      page: whole.describe("most rows of an answer"),
      inFlight: whole.describe("requests of one stream that may wait for an answer"),
      sessionSeconds: whole,
      roundSeconds: z.number(),
      account: RateSchema.describe("items of one account"),
      address: RateSchema.describe("requests of one address"),
    }),
    contract: z.strictObject({ chainId: decimal, address, token: address }).nullable(),
    development: z.boolean().describe("whether deposits are play money, open to all"),
    developmentFeeds: z.boolean().describe("whether the venue makes up its prices by itself"),
  })
  .openapi("Venue");

const level = z.tuple([signed, decimal]).describe("limit, lots");
const levels = z.array(level);

export const MarketsSchema = z
  .strictObject({
    time: time.describe("of the venue's clock"),
    markets: z.array(
      z.strictObject({
        slot: whole,
        id: decimal,
        name: z.string().optional(),
        rule: z.enum(keys(RULE)),
        state: z.enum(keys(MARKET_STATE)),
        tick: decimal,
        lotLimit: decimal,
        band: decimal,
        feeRate: decimal,
        feePerLot: decimal,
        interval: decimal,
        until: time.describe("from then on the market is over"),
        mark: signed.nullable().describe("null when the market has no price"),
        nextClose: time.describe("the next time at which it closes, if there is something to clear"),
        lastAuction: z
          .strictObject({ n: logPosition, time, price: signed.optional(), volume: decimal.optional() })
          .nullable()
          .describe("the last that matched, null for none since the venue was started"),
        book: z.strictObject({ bids: levels, asks: levels }).nullable().describe("null where depth is not published"),
      }),
    ),
  })
  .openapi("Markets");

export const AuctionSchema = z
  .strictObject({
    n: logPosition,
    time,
    market: decimal,
    slot: whole,
    rule: z.enum(keys(RULE)),
    matched: z.boolean(),
    orders: whole,
    filled: whole,
    price: signed.optional(),
    volume: decimal.optional(),
    curves: z.strictObject({ bids: levels, asks: levels }).optional(),
  })
  .openapi("Auction", { description: "What one close came to; price, volume and curves where they are published" });

export const AuctionsSchema = z.strictObject({ auctions: z.array(AuctionSchema) }).openapi("Auctions");

export const RoundSummarySchema = z
  .strictObject({
    number: whole,
    state: element,
    stateAfter: element,
    logCount: decimal,
    entries: whole,
    instructions: z.record(z.string(), whole),
    time,
    assembledAt: milliseconds,
    provedAt: milliseconds,
    accepted: z.strictObject({ hash: z.string(), gasUsed: decimal, block: decimal }).optional(),
  })
  .openapi("RoundSummary");

export const RoundsSchema = z.strictObject({ rounds: z.array(RoundSummarySchema) }).openapi("Rounds");

export const DefaultsSchema = z
  .strictObject({
    steps: z
      .strictObject({ flag: whole, sweep: whole, reduce: whole, assume: whole })
      .describe("that were taken since the venue was started, or the snapshot that it started from"),
    flagged: whole.describe("accounts whose flag counts"),
    insurance: z.strictObject({ equity: signed, risk: decimal }).describe("E_0 and M of the insurance account"),
    vault: decimal.describe("deposits less payouts"),
    relief: decimal.describe("what haircuts kept"),
    deficit: decimal.describe("what the insurance account lacked when it was looked at last"),
    short: decimal.describe("what haircuts have not covered of it: while it is above 0, payouts are in proportion"),
  })
  .openapi("Defaults");

export const NearestQuery = z.strictObject({ limit });
export const NearestSchema = z
  .strictObject({
    maintenance: whole.describe("1024ths of the worst loss"),
    target: whole,
    accounts: z.array(
      z.strictObject({
        index: accountNumber,
        equity: signed,
        risk: decimal.describe("the worst loss, cash units"),
        flagged: time.describe("0: no flag"),
        open: whole.describe("open orders"),
      }),
    ),
  })
  .openapi("Nearest");

export const SurveyFileSchema = z.looseObject({}).openapi("SurveyFile", {
  description: "What all accounts of the state of a proved round come to, with its proofs: docs/formats.md",
});

export const SurveyProgressSchema = z
  .strictObject({
    making: z
      .strictObject({ round: whole, proofs: whole, done: whole, trouble: z.string().nullable() })
      .nullable()
      .describe("the one that is made, or failed (trouble: a code): of which round, how many of its proofs are there"),
  })
  .openapi("SurveyProgress");

export const RoundFileSchema = z.looseObject({}).openapi("RoundFile", {
  description: "The file of a proved round: `tacit verify` and verifyRound take it (docs/formats.md)",
});

const epoch = decimal.describe("ends at epoch times its length, seconds since 1970");

/** Of each kind as many as the largest profile has: how many it must be, `parseRules` says. */
const most = (of: "feeds" | "scenarios") => Math.max(...Object.values(PROFILES).map((profile) => profile[of]));
const numbers = <Name extends string, Of extends z.ZodType>(names: readonly Name[], of: Of) =>
  Object.fromEntries(names.map((name) => [name, of])) as Record<Name, Of>;
const point = z.strictObject({ x: element, y: element });

/** Rules as a file has them: what `parseRules` takes, with each number a decimal string. */
export const RulesFileSchema = z
  .strictObject({
    group: z.strictObject({
      operatorKeyX: element,
      operatorKeyY: element,
      slack: decimal,
      greatestId: decimal,
      feeds: z.array(point).max(most("feeds")),
      pricing: z.strictObject({
        ...numbers(["epochLength", "lag", "grid", ...PRICING], decimal),
        lowered: signed.describe("not above 0"),
        scenarios: z
          .array(z.strictObject({ move: signed, level: z.enum(keys(LEVEL)), weight: decimal }))
          .max(most("scenarios")),
        tenors: z.array(decimal).max(TENORS),
      }),
      defaults: z.strictObject(numbers(DEFAULTS, decimal)),
      payout: z
        .strictObject(numbers(["recipient", "amount", "time"], decimal))
        .nullable()
        .optional(),
    }),
    instruments: z
      .array(
        z
          .strictObject({
            kind: z.enum(keys(INSTRUMENT_KIND)),
            ...numbers(["expiry", "strike", "forward", "volatility"], decimal.optional()),
            ...numbers(["longCharge", "shortCharge", "weight"], decimal),
          })
          .nullable(),
      )
      .max(INSTRUMENTS)
      .describe("by slot, null for a free one"),
    markets: z
      .array(
        z
          .strictObject({
            name: z.string().max(200).optional().describe("of the file; no rule"),
            id: decimal,
            legs: z.array(signed).max(INSTRUMENTS),
            rule: z.enum(keys(RULE)),
            state: z.enum(keys(MARKET_STATE)),
            ...numbers(MARKET_NUMBERS, decimal),
          })
          .nullable(),
      )
      .max(MARKETS)
      .describe("by slot, null for a free one"),
  })
  .openapi("RulesFile", {
    description: "A file of rules (docs/formats.md): how many rows and which ranges, docs/protocol.md says, section 5",
  });

export const AnnouncementSchema = z
  .strictObject({
    n: whole,
    root: element,
    rules: RulesFileSchema,
    announced: time,
    from: time.describe("may come into force from then on, for 30 days"),
    state: z
      .enum(["waiting", "withdrawn", "applied", "passedOver", "lapsed"])
      .describe("passedOver: a later one came into force; lapsed: its 30 days are over"),
  })
  .openapi("Announcement");

export const RulesSchema = z
  .strictObject({
    domain: element,
    profile: z.enum(keys(PROFILES)),
    timelock: decimal.describe("seconds between announcement and use"),
    inForce: z.strictObject({ root: element, rules: RulesFileSchema }),
    announced: z.array(AnnouncementSchema).describe("the oldest first, those that wait no more among them"),
  })
  .openapi("Rules");

const FeedStatusSchema = z.strictObject({
  feed: whole,
  epoch: epoch.nullable().describe("last one that it reported"),
  after: z.number().nullable().describe("seconds after the end of that epoch"),
  off: whole.nullable().describe("how far its index was from the median, millionths"),
  lacked: whole.nullable().describe("numbers that its report lacked, of those that the rules need"),
  missed: whole.describe("epochs that were priced without it"),
  trouble: z.string().nullable(),
});

export const PricesSchema = z
  .strictObject({
    rules: element.describe("root of the rules that they were made under; 0: none were made yet"),
    epoch,
    fresh: z.boolean().describe("whether an order that comes now is judged by them"),
    halted: z.boolean(),
    index: decimal,
    range: decimal.describe("a 24th of the range of moves, 2^-24"),
    funding: signed.describe("cumulative, of instrument 0, cash units a lot"),
    instruments: z.array(
      z.strictObject({
        slot: whole,
        value: signed.describe("at the mark, cash units a lot"),
        reported: decimal.describe("mark, or volatility in 2^-24 per sqrt(year)"),
        stale: z.boolean(),
        payoff: signed.nullable().describe("what it settled at"),
        longCharge: decimal,
        shortCharge: decimal,
        scenarios: z.array(signed).describe("U_k, net of funding"),
      }),
    ),
    feeds: z.array(FeedStatusSchema),
    developmentFeeds: z.boolean(),
  })
  .openapi("Prices");

export const ReportSchema = z
  .strictObject({
    feed: decimal,
    report: z.strictObject({
      domain: element,
      contracts: element,
      epoch,
      index: decimal,
      average: decimal,
      sigma: decimal,
      premium: decimal,
      values: z.array(decimal).length(INSTRUMENTS),
    }),
    auth: z.strictObject({ R8x: element, R8y: element, S: element }),
  })
  .openapi("Report", { description: "What a feed signs of an epoch (docs/feeds.md)" });

export const ReportTakenSchema = z
  .strictObject({ taken: z.boolean().describe("false: it was there already") })
  .openapi("ReportTaken");

export const ChangeSchema = z
  .union([
    z.strictObject({
      kind: z.literal("reprice"),
      n: logPosition,
      time,
      epoch,
      quorum: z.array(ReportSchema).describe("of which the prices are the medians"),
    }),
    z.strictObject({ kind: z.literal("rules"), n: logPosition, time, root: element, rules: RulesFileSchema }),
  ])
  .openapi("Change", { description: "New prices, or rules: with the genesis they give both at any entry of the log" });

const perInstrument = z.array(decimal).describe("by instrument");

export const TermsSchema = z
  .strictObject({
    n: z.int().min(-1).describe("position of an entry of the log after which they were in force; -1: of none"),
    rules: RulesFileSchema,
    prices: z.strictObject({
      rules: element,
      epoch,
      halted: z.boolean(),
      stale: z.array(z.boolean()),
      longCharges: perInstrument,
      shortCharges: perInstrument,
      weights: perInstrument,
      index: decimal,
      range: decimal,
      funding: signed,
      fundingRest: decimal,
      last: perInstrument,
      payoffs: perInstrument,
      values: z.array(z.array(signed)).describe("U by scenario and instrument"),
      markets: z.array(
        z
          .strictObject({
            mark: signed,
            funding: signed,
            gross: decimal,
            low: signed,
            high: signed,
            values: z.array(signed).describe("by scenario"),
          })
          .nullable(),
      ),
    }),
  })
  .openapi("Terms");

export const ChangesSchema = z.strictObject({ changes: z.array(ChangeSchema) }).openapi("Changes");
export const AnnounceSchema = z.strictObject({ rules: RulesFileSchema }).openapi("Announce");
export const AnnouncementNumberSchema = z.strictObject({ n: whole }).openapi("AnnouncementNumber");

const accountFields = {
  keyX: element,
  keyY: element,
  view: element,
  seq: decimal,
  cash: signed,
  nonce: decimal,
  reserved: decimal,
  open: decimal,
  flagged: decimal.describe("for later: 0"),
  pushedAt: decimal.describe("for later: 0"),
  positions: z.array(signed),
};

export const AccountSchema = z
  .strictObject({
    index: accountNumber,
    ...accountFields,
    equity: signed.describe("at the mark, cash units"),
    worst: signed.describe("equity in the worst scenario"),
    free: signed.describe("worst less reserved"),
  })
  .openapi("Account");

export const OrdersSchema = z
  .strictObject({
    index: accountNumber,
    orders: z.array(
      z.strictObject({
        market: decimal,
        nonce: decimal,
        side: z.enum(["buy", "sell"]),
        limit: signed,
        remaining: decimal.describe("lots"),
        expiry: time,
        thisAuction: z.boolean(),
        cancelled: z.boolean().describe("whether a cancel of it waits for the next clear"),
      }),
    ),
  })
  .openapi("Orders");

export const FillSchema = z
  .strictObject({
    account: accountNumber,
    n: logPosition,
    time,
    market: decimal,
    nonce: decimal,
    lots: signed.describe("positive for a buy, 0 when the order left the book without a trade"),
    price: signed,
    fee: signed,
    cash: signed,
    release: decimal,
    closed: z.boolean(),
  })
  .openapi("Fill");

const BookedDepositSchema = z.strictObject({
  kind: z.literal("deposit"),
  account: accountNumber,
  n: logPosition,
  time,
  amount: decimal,
});

const BookedWithdrawalSchema = z.strictObject({
  kind: z.literal("withdrawal"),
  account: accountNumber,
  n: logPosition,
  time,
  nonce: decimal,
  amount: decimal,
  recipient: decimal.describe("an address as a number"),
});

const BookedFundingSchema = z.strictObject({
  kind: z.literal("funding"),
  account: accountNumber,
  n: logPosition,
  time,
  lots: signed,
  rate: signed.describe("cash units a lot, which longs pay where it is above 0"),
  cash: signed.describe("no cash is written: values are net of funding"),
});
const BookedSettlementSchema = z.strictObject({
  kind: z.literal("settlement"),
  account: accountNumber,
  n: logPosition,
  time,
  cash: signed,
  positions: z.array(z.strictObject({ instrument: whole, lots: signed, payoff: signed })),
});

const stepFields = { account: accountNumber, n: logPosition, time, salt: element.describe("of the entry of the log") };
const BookedStepSchemas = [
  z.strictObject({ kind: z.literal("flag"), ...stepFields }),
  z.strictObject({ kind: z.literal("sweep"), ...stepFields, market: decimal }),
  z.strictObject({
    kind: z.literal("reduce"),
    ...stepFields,
    market: decimal,
    side: z.enum(["buy", "sell"]),
    limit: signed,
    size: decimal,
  }),
  z.strictObject({
    kind: z.literal("assume"),
    ...stepFields,
    from: accountNumber.optional().describe("whose they were: of the insurance account alone"),
    cash: signed.describe("what changed of it"),
    positions: z.array(z.strictObject({ instrument: whole, lots: signed })),
  }),
] as const;

export const HistorySchema = z
  .strictObject({
    index: accountNumber,
    entries: z
      .array(
        z.union([
          BookedDepositSchema,
          BookedWithdrawalSchema,
          z.strictObject({ ...FillSchema.shape, kind: z.literal("fill") }),
          BookedFundingSchema,
          BookedSettlementSchema,
          ...BookedStepSchemas,
        ]),
      )
      .describe("all of each position: a page may exceed `limit` by the rest of its last one"),
  })
  .openapi("History");

export const OpeningSchema = z
  .strictObject({
    round: whole.describe("0 for the genesis"),
    opening: z.strictObject({
      index: decimal,
      account: z.strictObject(accountFields),
      path: z.array(z.array(element)),
      registers: z.record(z.string(), element),
      channels: element,
    }),
  })
  .openapi("Opening");

export const DepositSchema = z.strictObject({ accounts }).openapi("Deposit");

const FailuresSchema = z.strictObject({
  failures: whole.describe("in a row"),
  failuresTotal: whole.describe("since the start"),
  lastError: z.strictObject({ code: z.string(), at: whole.describe("seconds since 1970") }).nullable(),
});

export const HealthSchema = z
  .strictObject({
    ok: z.boolean(),
    status: z.enum(["standby", "open", "stopped", "closed"]),
    logCount: whole,
    proved: whole,
    unproved: whole,
    roundsWaiting: whole,
    proofs: z
      .strictObject({
        lagSeconds: whole.describe("since the oldest entry that is not proved was stamped"),
        waiting: whole.describe("proofs to be made"),
        askedPerSecond: z.number().min(0).describe("proofs that the market asked for, in the last two minutes"),
        madePerSecond: z.number().min(0),
        asked: whole.describe("since the start"),
        made: whole,
        doneIn: whole.nullable().describe("seconds, should nothing come; null: none were made of late"),
        limitedBy: z
          .enum(["prover", "round"])
          .nullable()
          .describe("what the lag comes from: proofs of rounds that have ended, or a round that is still being filled"),
        busyIn: whole
          .nullable()
          .describe(
            "seconds until orders are turned away, as things go: proofs do not keep up; null: not within an hour",
          ),
      })
      .nullable()
      .describe("null: nothing is proved here"),
    queue: whole,
    chain: z
      .strictObject({
        rounds: whole.describe("that the contract has not accepted yet"),
        unconfirmed: whole.describe("transactions in a block that is not confirmed"),
        waiting: z.string().nullable().describe("why nothing is sent, where there is something to send"),
        stopped: z.boolean(),
        sending: FailuresSchema.describe("of rounds"),
        deposits: FailuresSchema.describe("looked for"),
      })
      .nullable(),
    finality: z
      .strictObject({
        final: whole.describe("entries of the log whose head a quorum of co-signers has signed, since the start"),
        quorum: whole,
        signing: whole.describe("co-signers that sign, as far as is known"),
      })
      .nullable()
      .describe("null: no co-signers sign heads of the log, or the venue stands by"),
    accounts: whole,
    journalChecked: z.strictObject({ records: whole, done: z.boolean() }),
    time,
  })
  .openapi("Health");

const coSignature = z.string().regex(/^0x[0-9a-f]{130}$/, "a signature");
export const FinalityParams = z.strictObject({ n: digits(12, "a number of entries") });
export const FinalityQuery = z.strictObject({
  wait: z
    .string()
    .regex(/^(\d|1\d|20)$/, "seconds, at most 20")
    .transform(Number)
    .optional()
    .describe("seconds to wait until there is one"),
});
export const FinalitySchema = z
  .strictObject({
    coSigners: z.array(address).describe("in the order of their signatures"),
    quorum: whole,
    final: z
      .strictObject({
        domain: element,
        epoch: whole,
        n: whole.describe("entries of the log up to it"),
        head: element,
        signatures: z.array(coSignature.nullable()),
      })
      .nullable()
      .describe("the first head after so many entries, or more, that a quorum has signed; null: none so far"),
    entries: z
      .array(z.strictObject({ item: element, auth: element, time }))
      .nullable()
      .describe("from the one that was asked for to that head; null: more than 1024, read them from the rounds"),
  })
  .openapi("Finality");

export const ErrorSchema = z
  .strictObject({
    error: z.strictObject({
      code: z.enum(ERROR_CODES),
      message: z.string(),
      retryAfter: z.int().min(1).optional().describe("seconds"),
      details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
    }),
  })
  .openapi("Error");

// What goes over the stream.

export const CHANNELS = ["auctions", "rounds", "changes", "own"] as const;
export type Channel = (typeof CHANNELS)[number];
export const SUBMIT_KINDS = ["order", "quotes", "cancel", "withdrawal"] as const;
export type SubmitKind = (typeof SUBMIT_KINDS)[number];

/** Names a request of a stream, and its answer. */
export const IdSchema = z.union([z.string().max(64), whole], "a text of at most 64 characters, or a whole number");

const token = z.string("a token").max(64, "a token");
export const FRAMES = {
  submit: z.strictObject({
    op: z.literal("submit"),
    id: IdSchema,
    kind: z.enum(SUBMIT_KINDS),
    item: ItemSchema,
  }),
  login: z.union([
    z.strictObject({ op: z.literal("login"), id: IdSchema, token }),
    z.strictObject({ ...SessionRequestSchema.shape, op: z.literal("login"), id: IdSchema }),
  ]),
  subscribe: z.strictObject({
    op: z.literal("subscribe"),
    id: IdSchema,
    channels: z
      .array(z.enum(CHANNELS))
      .max(CHANNELS.length, "each channel once")
      .describe("from now on, and no others"),
  }),
  ping: z.strictObject({ op: z.literal("ping"), id: IdSchema }),
};
export const FrameSchema = z.union(Object.values(FRAMES)).openapi("StreamRequest");

export const FrameAnswerSchema = z
  .union([
    z.strictObject({ ...AcknowledgementSchema.shape, id: IdSchema }),
    z.strictObject({ ...SessionSchema.shape, token: SessionSchema.shape.token.optional(), id: IdSchema }),
    z.strictObject({ id: IdSchema, channels: z.array(z.enum(CHANNELS)) }),
    z.strictObject({ id: IdSchema, time: time.describe("of the venue's clock: to a ping") }),
    z.strictObject({ ...ErrorSchema.shape, id: IdSchema.nullable().describe("null where it could not be read") }),
  ])
  .openapi("StreamAnswer");

export const PushSchema = z
  .union([
    z.strictObject({ channel: z.literal("auctions"), auction: AuctionSchema }),
    z.strictObject({ channel: z.literal("rounds"), round: RoundSummarySchema }),
    z.strictObject({
      channel: z.literal("own"),
      kind: z.literal("verdict"),
      account: accountNumber,
      n: logPosition,
      nonce: decimal,
      item: z.enum(SUBMIT_KINDS),
      verdict,
    }),
    z.strictObject({ ...BookedDepositSchema.shape, channel: z.literal("own") }),
    z.strictObject({ channel: z.literal("changes"), change: ChangeSchema }),
    z.strictObject({ channel: z.literal("changes"), announcement: AnnouncementSchema }),
    z.strictObject({ channel: z.literal("own"), kind: z.literal("fill"), fill: FillSchema }),
    z.strictObject({ ...BookedFundingSchema.shape, channel: z.literal("own") }),
    z.strictObject({ ...BookedSettlementSchema.shape, channel: z.literal("own") }),
    ...BookedStepSchemas.map((it) => z.strictObject({ ...it.shape, channel: z.literal("own") })),
    z.strictObject({ channel: z.literal("own"), kind: z.literal("expired") }).describe("the session is over: log in"),
  ])
  .openapi("StreamPush");

// From JSON to values.

const { list: _, ...WORDS } = ItemSchema.shape;
const ITEM_WORDS = Object.keys(WORDS);

/**
 * What `ItemSchema` takes, several times as fast: for the one request that must be.
 * @throws TacitError FORMAT naming the field
 */
export function parseItem(json: unknown): { item: Item; auth: Auth } {
  const fields = asObject("item", json);
  const { list } = fields;
  if (Object.keys(fields).length > ITEM_WORDS.length + (list === undefined ? 0 : 1))
    throw badFormat("item", "no other fields than A, B, salt, R8x, R8y, S, list");
  for (const name of ITEM_WORDS) requireUnsigned(`item.${name}`, fields[name]);
  if (Array.isArray(list)) list.forEach((word, w) => requireUnsigned(`item.list[${w}]`, word));
  return readItem(fields);
}

/** Of a number that is read as an integer: "-0" is one. */
function requireUnsigned(at: string, text: unknown): void {
  if (typeof text === "string" && text.startsWith("-")) throw badFormat(at, "a field element");
}

/** @throws TacitError FORMAT naming the place, and what was expected there; never the value */
export function parse<Schema extends z.ZodType>(at: string, schema: Schema, json: unknown): z.output<Schema> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw defect(at, result.error.issues[0]);
}

function defect(at: string, issue: z.core.$ZodIssue): TacitError<"FORMAT"> {
  const place = [at, ...issue.path.map(String)].join(".");
  switch (issue.code) {
    case "unrecognized_keys":
      return badFormat(place, "no other fields than those of the schema");
    case "invalid_type":
      return badFormat(place, issue.message.startsWith("Invalid") ? `${article(issue.expected)}` : issue.message);
    case "invalid_value":
      return badFormat(place, `one of ${issue.values.map(String).join(", ")}`);
    case "invalid_union":
      return badFormat(place, issue.message.startsWith("Invalid") ? "one of the forms of the schema" : issue.message);
    default:
      return badFormat(place, issue.message);
  }
}

function article(type: string): string {
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`;
}
