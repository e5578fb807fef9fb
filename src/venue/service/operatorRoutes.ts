import { z } from "@hono/zod-openapi";
import { bearer, json, reply } from "./call.ts";
import { unauthorised } from "./errors.ts";
import type { Metrics } from "./metrics.ts";
import type { AddRoute } from "./route.ts";
import { HealthSchema } from "./schema.ts";
import { healthJson, type ServedVenue } from "./views.ts";

/** How the venue does: in short for anybody, in numbers for its operator. */
export function addOperatorRoutes(
  route: AddRoute,
  { venue, metrics, metricsToken }: { venue: ServedVenue; metrics: Metrics; metricsToken: string | null },
): void {
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
      const token = bearer(c);
      const trusted = c.env?.local === true || (metricsToken !== null && token !== null && equal(token, metricsToken));
      if (!trusted) throw unauthorised("metrics are for the operator");
      return reply(c, await metrics.text(), { "Content-Type": metrics.contentType });
    },
  );
}

/** In a time that tells nothing of where two texts differ. */
function equal(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i % b.length);
  return difference === 0;
}
