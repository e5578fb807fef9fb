import type { Client } from "pg";
import { TacitError } from "../../../protocol/errors.ts";

/** Tables of one kind in a schema, and how they came to be. */
export interface Schema {
  /** what they hold: "a store" */
  readonly what: string;
  /** of the advisory lock under which they are changed */
  readonly lock: number;
  /** all of them */
  readonly tables: readonly string[];
  /** the one whose only row has the number of steps that were taken, as `format` */
  readonly format: string;
  /** each brings the tables from its number of steps to the next; the first makes them, with format 1 */
  readonly steps: readonly string[];
}

/**
 * Makes the tables in the schema of the connection, or brings them to the last step: each is one transaction.
 * @throws STORAGE  "foreign" where they are others, or of a newer format
 */
export async function migrate(client: Client, schema: Schema): Promise<void> {
  const { lock, steps, format } = schema;
  await client.query("SELECT pg_advisory_lock($1)", [lock]);
  try {
    for (let next = await formatOf(client, schema); next < steps.length; next++) {
      const raised = next === 0 ? "" : `UPDATE ${format} SET format = ${next + 1};`;
      await client.query(`BEGIN; ${steps[next]} ${raised} COMMIT`);
    }
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    await client.query("SELECT pg_advisory_unlock($1)", [lock]);
  }
}

/** Steps that were taken; 0 where there is nothing. @throws STORAGE "foreign" */
export async function formatOf(client: Client, schema: Schema): Promise<number> {
  const { what, tables, format } = schema;
  const { rows } = await client.query(
    "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()",
  );
  const found = (rows as { name: string }[]).map(({ name }) => name);
  if (found.length === 0) return 0;
  if (!tables.every((name) => found.includes(name)))
    throw new TacitError("STORAGE", `the schema holds tables of something else: expected an empty one, or ${what} of Tacit`, { reason: "foreign" }); // prettier-ignore
  const [row] = (await client.query(`SELECT format FROM ${format}`)).rows as { format: number }[];
  if (!row || row.format > schema.steps.length) throw newerFormat(row?.format, schema);
  return row.format;
}

/** Of a program older than the tables. */
export function newerFormat(format: number | undefined, { what, steps }: Schema): TacitError {
  return new TacitError("STORAGE", `${what} of format ${format}: expected at most ${steps.length}`, { reason: "foreign", format }); // prettier-ignore
}
