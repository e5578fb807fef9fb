/** What a route is, and how it stands in the OpenAPI document. */
import type { z } from "@hono/zod-openapi";
import type { Call } from "./call.ts";
import { ErrorSchema } from "./schema.ts";

export interface Route {
  readonly method: "get" | "post";
  /** as OpenAPI writes it */
  readonly path: string;
  readonly summary: string;
  /** who may ask: anybody from anywhere; pages of allowed origins; those with a session; the operator */
  readonly access: "public" | "origin" | "session" | "operator";
  /** in requests, of the rate of an address */
  readonly cost?: number;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** of the body, where it may be longer than others */
  readonly bodyBytes?: number;
  readonly answer: {
    readonly schema: z.ZodType;
    readonly type?: string;
    readonly status?: number;
    /** statuses besides 200 that have an answer of this schema */
    readonly also?: readonly number[];
  };
  /** besides those that every route may have */
  readonly errors?: readonly number[];
}

/** Adds a route to a service, and to its document. */
export type AddRoute = <Params extends z.ZodObject, Query extends z.ZodObject>(
  spec: Route & { readonly params?: Params; readonly query?: Query },
  answer: (
    c: Call,
    read: {
      params: z.output<Params>;
      query: z.output<Query>;
      /** JSON: not compared with the schema yet */
      json: unknown;
    },
  ) => Response | Promise<Response>,
) => void;

/** How a route stands in the OpenAPI document. */
export function pathOf({ method, path, summary, access, params, query, body, answer, errors = [] }: Route) {
  const { schema, type = "application/json", status = 200, also = [] } = answer;
  const content = status === 101 ? {} : { content: { [type]: { schema } } };
  const failures = [400, ...(access === "public" ? [] : [403]), ...(access === "session" ? [401] : [])];
  const bodyFailures = body ? [413, 415] : [];
  const statuses = [...new Set([...failures, ...bodyFailures, ...errors, 429, 500])].sort();
  return {
    method,
    path,
    summary,
    ...(access === "session" || access === "operator" ? { security: [{ bearer: [] }] } : {}),
    request: {
      ...(params ? { params } : {}),
      ...(query ? { query } : {}),
      ...(body ? { body: { required: true, content: { "application/json": { schema: body } } } } : {}),
    },
    responses: {
      [status]: { description: status === 101 ? "A WebSocket" : "The answer", ...content },
      ...Object.fromEntries(
        statuses.map((code) => [
          code,
          { description: "An error", content: { "application/json": { schema: ErrorSchema } } },
        ]),
      ),
      ...Object.fromEntries(also.map((code) => [code, { description: "The answer", ...content }])),
    },
  };
}
