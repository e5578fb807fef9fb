import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { TacitError } from "../../protocol/errors.ts";

export interface Asked {
  /** what a person is asked, where one is there */
  readonly question: string;
  /** asks a second time, as of one that is new */
  readonly again?: string;
  /** path of a file whose first line it is; "-": of standard input */
  readonly file?: string;
  /** name of the environment variable that may hold it */
  readonly variable?: string;
}

/** A passphrase: from a file, from the environment, or typed. @throws PASSPHRASE, FILE, INTERRUPTED */
export async function passphrase({ question, again, file, variable = "TACIT_PASSPHRASE" }: Asked): Promise<string> {
  if (file !== undefined) return firstLine(file);
  const given = process.env[variable];
  if (given !== undefined) return given;
  if (!process.stdin.isTTY)
    throw new TacitError(
      "PASSPHRASE",
      `no passphrase: expected ${variable}, --passphrase-file, or a terminal to ask at`,
    );
  const typed = await typedUnseen(question);
  if (again !== undefined && (await typedUnseen(again)) !== typed)
    throw new TacitError("PASSPHRASE", "the passphrases differ: nothing was changed");
  return typed;
}

async function firstLine(file: string): Promise<string> {
  const text = await (file === "-" ? standardInput() : readFile(file, "utf8")).catch((error: Error) => {
    throw new TacitError("FILE", `the passphrase cannot be read: ${error.message}`, { path: file });
  });
  return text.split(/\r?\n/, 1)[0];
}

async function standardInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk as string;
  return text;
}

async function typedUnseen(question: string): Promise<string> {
  // Without an output nothing typed is shown. It takes the terminal's own echo away, so it comes before the question.
  const lines = createInterface({ input: process.stdin, terminal: true });
  process.stderr.write(question);
  try {
    return await new Promise((resolve, reject) => {
      lines.once("SIGINT", () => reject(new TacitError("INTERRUPTED", "interrupted")));
      lines.once("close", () => reject(new TacitError("PASSPHRASE", "no passphrase was typed")));
      lines.question("", resolve);
    });
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
