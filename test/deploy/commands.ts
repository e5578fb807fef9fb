/** Command lines of Tacit in files for operators, and whether the command takes them. */
import type { Command } from "commander";
import { CommanderError } from "commander";
import { tacit } from "../../src/cli/main.ts";

/** @returns words of a line of a shell, without quotes; `#` begins a comment */
export function wordsOf(line: string): string[] {
  const words = line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  const comment = words.findIndex((it) => it.startsWith("#"));
  return words.slice(0, comment < 0 ? words.length : comment).map((it) => it.replace(/["']/g, ""));
}

/** Words after `tacit`, up to where a shell would begin another command; null where it is none. */
export function argumentsOf(line: string): string[] | null {
  const words = wordsOf(line);
  const first = words.findIndex((it) => /^(?:\S*\/)?tacit(?:\.js)?$/.test(it));
  // Before it: what a shell sets, or a program that runs it.
  if (first < 0 || !words.slice(0, first).every((it) => /^[A-Z_]+=|^(node|sudo|-u|tacit-?\w*)$/.test(it))) return null;
  const rest = words.slice(first + 1);
  const end = rest.findIndex((it) => /^(?:[|>&;]|2>|\|\||&&)/.test(it));
  return rest.slice(0, end < 0 ? rest.length : end).filter((it) => it !== "...");
}

/** Why the command does not take these arguments, or null. Nothing is run. */
export async function refusalOf(args: readonly string[]): Promise<string | null> {
  const program = tacit(() => {});
  let said = "";
  const quiet = (command: Command) => {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: (it) => (said += it), outputError: (it) => (said += it) }); // prettier-ignore
    if (command.commands.length === 0 || hasAction(command)) command.action(() => {});
    command.commands.forEach(quiet);
  };
  quiet(program);
  try {
    await program.parseAsync([...args], { from: "user" });
    return null;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? null : said.trim() || error.message;
  }
}

/** Whether a command that has others does something by itself. */
function hasAction(command: Command): boolean {
  return Boolean((command as unknown as { _actionHandler: unknown })._actionHandler);
}

/** The same for a command that is only mentioned, such as `tacit serve --store`: arguments may be left out. */
export function unknownOf(args: readonly string[]): string | null {
  let command = tacit(() => {});
  let isGroup = true;
  for (const it of args) {
    const next: Command | undefined = command.commands.find((one) => one.name() === it);
    if (next) [command, isGroup] = [next, next.commands.length > 0 && !hasAction(next)];
    else if (it.startsWith("--")) {
      const known = ["--help", "--version", ...command.options.map(({ long }) => long)];
      if (!known.includes(it)) return `${command.name()} has no ${it}`;
    } else if (isGroup) return `${command.name()} has no ${it}`;
  }
  return null;
}
