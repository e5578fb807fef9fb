import { TacitError } from "../../protocol/errors.ts";

/** @param reason  for programs: ENOENT, HTTP 404, ...  @param text  for people, without the name of the source */
export function unreadable(name: string, reason: string, text: string): TacitError<"SOURCE"> {
  return new TacitError("SOURCE", `${name} cannot be read: ${text}`, { source: name, reason });
}

export function abortedError(name: string): TacitError<"ABORTED"> {
  return new TacitError("ABORTED", `${name} was no longer wanted`, { source: name });
}

/** What a foreign error says: the code of the system or the network, if it has one, and its words without the path. */
export function reasonOf(error: unknown): { code?: string; text: string } {
  if (!(error instanceof Error)) return { text: "no reason given" };
  const { code, syscall, cause } = error as NodeJS.ErrnoException;
  const deeper = (cause as { code?: unknown } | undefined)?.code;
  const found = [code, deeper].find((it): it is string => typeof it === "string");
  const text = syscall ? error.message.split(`, ${syscall}`)[0] : error.message;
  return { code: found, text: found && !text.includes(found) ? `${text} (${found})` : text };
}
