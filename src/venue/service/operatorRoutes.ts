import { z } from "@hono/zod-openapi";
import { bearer, json, reply, type Call } from "./call.ts";
import { unauthorised } from "./errors.ts";
import type { Metrics } from "./metrics.ts";
import type { AddRoute } from "./route.ts";
import { marketNames, parseRules } from "../../protocol/rulesJson.ts";
import { PROFILES } from "../../protocol/instructions.ts";
import { INSURANCE } from "../../protocol/parameters.ts";
import type { Announcement } from "../announcements.ts";
import type { Log } from "../log.ts";
import {
  AnnouncementNumberSchema,
  AnnouncementSchema,
  AnnounceSchema,
  ChangesQuery,
  DefaultsSchema,
  HealthSchema,
  HistorySchema,
  NearestQuery,
  NearestSchema,
  parse,
  SurveyProgressSchema,
} from "./schema.ts";
import { DEFAULT_LIMIT } from "../questions.ts";
import { announcementJson, defaultsJson, healthJson, nearestJson, type ServedVenue } from "./views.ts";

/** Of a file of rules, far more than any takes. */
const RULES_BYTES = 131_072;

/** How the venue does: in short for anybody, in numbers for its operator; and what its operator does to its rules. */
export function addOperatorRoutes(
  route: AddRoute,
  parts: {
    venue: ServedVenue;
    metrics: Metrics;
    metricsToken: string | null;
    operatorToken: string | null;
    log: Log;
  },
): void {
  const { venue, metrics, metricsToken, operatorToken, log } = parts;
  /** @throws UNAUTHORISED */
  const requireToken = (c: Call, what: string, expected: string | null) => {
    const token = bearer(c);
    if (expected !== null && token !== null && equal(token, expected)) return;
    const why = expected === null ? "none was set where the venue runs" : token === null ? "none was sent" : "it was sent another one"; // prettier-ignore
    throw unauthorised(`${what} for the operator, by a token of 16 characters or more: ${why}`);
  };

  route(
    {
      method: "get",
      path: "/v1/health",
      summary: "How the venue does: 503 when it takes no items, proves no more, or is held up by its chain",
      access: "public",
      answer: { schema: HealthSchema, also: [503] },
    },
    (c) => {
      const health = healthJson(venue);
      return json(c, health, health.ok ? 200 : 503);
    },
  );

  route(
    {
      method: "get",
      path: "/metrics",
      summary: "Metrics: from this machine, or with the operator's token",
      access: "operator",
      answer: { schema: z.string(), type: "text/plain" },
      errors: [401],
    },
    async (c) => {
      if (c.env?.local !== true) requireToken(c, "metrics are", metricsToken);
      return reply(c, await metrics.text(), { "Content-Type": metrics.contentType });
    },
  );

  const act = (
    name: "announce" | "withdraw" | "apply",
    summary: string,
    body: typeof AnnounceSchema | typeof AnnouncementNumberSchema,
    work: (json: unknown) => Promise<Announcement>,
  ) =>
    route(
      {
        method: "post",
        path: `/v1/rules/${name}`,
        summary: `${summary}: with the operator's token`,
        access: "operator",
        body,
        bodyBytes: RULES_BYTES,
        answer: { schema: AnnouncementSchema },
        errors: [401, 404, 409],
      },
      async (c, { json: sent }) => {
        requireToken(c, "changes of rules are", operatorToken);
        const announcement = announcementJson(await work(sent));
        const { n, root, from, state } = announcement;
        log.info({ n, root, from, state }, `rules: ${name}`);
        return json(c, announcement);
      },
    );
  act("announce", "Announces rules", AnnounceSchema, (sent) => {
    const { rules } = parse("body", AnnounceSchema, sent);
    return venue.announce(parseRules(rules, PROFILES[venue.genesis.profile]), { names: marketNames(rules) });
  });
  const number = (sent: unknown) => parse("body", AnnouncementNumberSchema, sent).n;
  act("withdraw", "Takes an announcement back", AnnouncementNumberSchema, (sent) => venue.withdrawRules(number(sent)));
  act("apply", "Brings announced rules into force", AnnouncementNumberSchema, (sent) => venue.applyRules(number(sent)));

  route(
    {
      method: "get",
      path: "/v1/defaults",
      summary: "What defaults have come to: where it is published, else with the operator's token",
      access: "public",
      cost: 5,
      answer: { schema: DefaultsSchema },
      errors: [401],
    },
    (c) => {
      if (!venue.publish.defaults) requireToken(c, "what defaults have come to is", operatorToken);
      return json(c, defaultsJson(venue));
    },
  );

  route(
    {
      method: "get",
      path: "/v1/defaults/accounts",
      summary: "Accounts that are nearest to their maintenance: with the operator's token",
      access: "operator",
      query: NearestQuery,
      answer: { schema: NearestSchema },
      errors: [401],
    },
    (c, { query: { limit = DEFAULT_LIMIT } }) => {
      requireToken(c, "accounts are", operatorToken);
      return json(c, nearestJson(venue, limit));
    },
  );

  route(
    {
      method: "get",
      path: "/v1/defaults/history",
      summary: "What was booked to the insurance account, the oldest first: with the operator's token",
      access: "operator",
      query: ChangesQuery,
      answer: { schema: HistorySchema },
      errors: [401],
    },
    async (c, { query: { after, limit = DEFAULT_LIMIT } }) => {
      requireToken(c, "the insurance account is", operatorToken);
      const entries = await venue.history(INSURANCE, { after, limit });
      return json(c, { index: INSURANCE, entries });
    },
  );

  route(
    {
      method: "post",
      path: "/v1/survey",
      summary: "Begins a survey of the state that the last proved round left: with the operator's token",
      access: "operator",
      answer: { schema: SurveyProgressSchema },
      errors: [401, 409],
    },
    (c) => {
      requireToken(c, "surveys are", operatorToken);
      const { progress, made } = venue.surveys.start();
      const { round, proofs } = progress;
      log.info({ round, proofs }, "survey: begun");
      made.then(
        () => log.info({ round, proofs }, "survey: made"),
        (error: Error) =>
          log.error({ round, code: venue.surveys.progress?.trouble }, `survey: failed: ${error.message}`),
      );
      return json(c, { making: progress });
    },
  );
}

/** In a time that tells nothing of where two texts differ. */
function equal(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i % b.length);
  return difference === 0;
}
