import { toJson } from "../../protocol/json.ts";
import { IMMUTABLE, json, reply } from "./call.ts";
import { notFound } from "./errors.ts";
import type { Rates, ServiceLimits, ServiceOptions } from "./options.ts";
import { parseReport } from "../../feeds/reportJson.ts";
import { SIGNATURE_COST } from "./desk.ts";
import type { AddRoute } from "./route.ts";
import {
  AuctionsQuery,
  AuctionsSchema,
  ChangesQuery,
  ChangesSchema,
  FinalityParams,
  FinalityQuery,
  FinalitySchema,
  MarketsSchema,
  PAGE,
  parse,
  PricesSchema,
  ReportSchema,
  ReportTakenSchema,
  RoundFileSchema,
  SurveyFileSchema,
  SurveyProgressSchema,
  RoundParams,
  RoundsQuery,
  RoundsSchema,
  RulesSchema,
  VenueSchema,
  TermsSchema,
} from "./schema.ts";
import { SESSION_SECONDS } from "./sessions.ts";
import {
  finalityJson,
  genesisMarkets,
  marketsJson,
  namesAt,
  pricesAnswer,
  publicGenesis,
  roundFile,
  rulesAnswer,
  termsAnswer,
  type ServedVenue,
} from "./views.ts";

/** What anybody may see: the venue, its markets and auctions, and its proved rounds. */
export function addVenueRoutes(
  route: AddRoute,
  parts: { venue: ServedVenue; options: ServiceOptions; development: boolean; limits: ServiceLimits; rates: Rates },
): void {
  const { venue, options, development, limits, rates } = parts;
  const names = () => namesAt(venue, options);
  const { contract } = venue;
  const venueText = toJson({
    name: "tacit",
    version: options.version,
    profile: venue.genesis.profile,
    domain: venue.genesis.domain,
    signer: venue.signer,
    genesisState: venue.genesisState,
    time: venue.genesis.time,
    operatorKey: { x: venue.genesis.rules.group.operatorKeyX, y: venue.genesis.rules.group.operatorKeyY },
    markets: genesisMarkets(venue, names()),
    genesis: publicGenesis(options.genesisJson),
    proves: venue.proves,
    publish: venue.publish,
    limits: {
      bodyBytes: limits.bodyBytes,
      page: PAGE,
      inFlight: limits.inFlight,
      sessionSeconds: Number(SESSION_SECONDS),
      roundSeconds: venue.limits.roundSeconds,
      ...rates,
    },
    contract: contract && { chainId: String(contract.chainId), address: contract.address, token: contract.token },
    development,
    developmentFeeds: venue.feeds.isDevelopment,
  });

  route(
    {
      method: "get",
      path: "/v1/venue",
      summary: "What the venue is: rules, genesis, signer of receipts",
      access: "public",
      answer: { schema: VenueSchema },
    },
    (c) => reply(c, venueText, { "Cache-Control": "public, max-age=10" }),
  );

  route(
    {
      method: "get",
      path: "/v1/markets",
      summary: "Markets as they stand",
      access: "public",
      cost: 5,
      answer: { schema: MarketsSchema },
    },
    (c) => json(c, marketsJson(venue, names())),
  );

  route(
    {
      method: "get",
      path: "/v1/rules",
      summary: "Rules in force, and those that are announced",
      access: "public",
      cost: 5,
      answer: { schema: RulesSchema },
    },
    (c) => json(c, rulesAnswer(venue, names())),
  );

  route(
    {
      method: "get",
      path: "/v1/prices",
      summary: "Prices in force, and how the feeds do",
      access: "public",
      cost: 5,
      answer: { schema: PricesSchema },
    },
    (c) => json(c, pricesAnswer(venue)),
  );

  route(
    {
      method: "get",
      path: "/v1/changes",
      summary: "Changes of prices, with the reports of their quorum, and of rules: the oldest first",
      access: "public",
      cost: 5,
      query: ChangesQuery,
      answer: { schema: ChangesSchema },
    },
    async (c, { query }) => json(c, { changes: await venue.changes(query) }),
  );

  route(
    {
      method: "get",
      path: "/v1/terms",
      summary: "Rules and prices as the last change found them: from here a client may read on",
      access: "public",
      cost: 5,
      answer: { schema: TermsSchema },
    },
    (c) => json(c, termsAnswer(venue, names())),
  );

  route(
    {
      method: "post",
      path: "/v1/reports",
      summary: "Takes the report of a feed: 425 before its epoch is over",
      access: "origin",
      cost: SIGNATURE_COST,
      body: ReportSchema,
      answer: { schema: ReportTakenSchema },
      errors: [422, 425],
    },
    (c, { json: body }) => json(c, { taken: venue.feeds.add(parseReport(parse("report", ReportSchema, body))) }),
  );

  route(
    {
      method: "get",
      path: "/v1/auctions",
      summary: "Auctions, the newest first",
      access: "public",
      cost: 5,
      query: AuctionsQuery,
      answer: { schema: AuctionsSchema },
      errors: [404],
    },
    async (c, { query: { market, before, limit } }) => {
      const id = market === undefined ? undefined : BigInt(market);
      return json(c, { auctions: await venue.auctions({ market: id, before, limit }) });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/rounds",
      summary: "Rounds that are proved, the newest first",
      access: "public",
      cost: 5,
      query: RoundsQuery,
      answer: { schema: RoundsSchema },
    },
    async (c, { query }) => json(c, { rounds: await venue.rounds(query) }),
  );

  route(
    {
      method: "get",
      path: "/v1/rounds/{number}",
      summary: "The file of a proved round",
      access: "public",
      cost: 5,
      params: RoundParams,
      answer: { schema: RoundFileSchema },
      errors: [404],
    },
    async (c, { params: { number } }) => {
      const file = await venue.round(number);
      if (file === undefined) throw notFound("no round of this number is proved");
      const { text, isWhole } = await roundFile(venue, file);
      return reply(c, text, {
        ...(isWhole ? { "Cache-Control": IMMUTABLE } : {}),
        "Content-Disposition": `inline; filename="tacit-round-${number}.json"`,
      });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/finality/{n}",
      summary: "Whether co-signers have made so many entries of the log final",
      access: "public",
      cost: 5,
      params: FinalityParams,
      query: FinalityQuery,
      answer: { schema: FinalitySchema },
      errors: [404, 503],
    },
    async (c, { params: { n }, query: { wait = 0 } }) =>
      json(c, finalityJson(venue, await venue.finality(n, { wait: 1_000 * wait }))),
  );

  route(
    {
      method: "get",
      path: "/v1/survey",
      summary: "The last survey: what all accounts of the state of a proved round come to, with its proofs",
      access: "public",
      cost: 5,
      answer: { schema: SurveyFileSchema },
      errors: [404],
    },
    async (c) => {
      const file = await venue.surveys.last();
      if (file === undefined) throw notFound("no survey was made");
      return reply(c, file, { "Content-Disposition": 'inline; filename="tacit-survey.json"' });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/survey/progress",
      summary: "How far a survey is that is being made",
      access: "public",
      answer: { schema: SurveyProgressSchema },
    },
    (c) => json(c, { making: venue.surveys.progress }),
  );
}
