import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { TacitError } from "../protocol/errors.ts";
import { printable } from "../protocol/json.ts";
import { exitOnSignals } from "../setup/atExit.ts";
import { VERSION } from "../setup/folders.ts";
import { requireTools } from "../setup/tools.ts";
import { CIRCUIT_NAMES, PROFILES, type CircuitName, type ProfileName } from "../protocol/instructions.ts";
import { BITS } from "../protocol/parameters.ts";
import { MOST_TRADERS } from "../replay/ranges.ts";
import { LEAST_ACCOUNTS, LEAST_EPOCHS, LEAST_EVERY, MOST_ACCOUNTS, MOST_EPOCHS, MOST_EVERY } from "../stress/ranges.ts";

/**
 * The `tacit` command. Commands are loaded when they are run: `--help` answers at once. Exit codes: 0 all went well, 1 a
 * check failed or something was refused, 2 usage or bad input, 3 an item has no answer and the venue may have it, 130
 * interrupted.
 */
export const EXIT = { ok: 0, failed: 1, badInput: 2, unknown: 3, interrupted: 130 } as const;

/** Errors that are the answer of a check, not the fault of who asked. */
const FAILED = new Set([
  "ANNOUNCEMENT",
  "ANNOUNCEMENT_REFUSED",
  "CIRCUIT_COMPILE",
  "CIRCUIT_WARNING",
  "CONTRADICTION",
  "KEY_NOT_DEVELOPMENT",
  "MANIFEST_MISMATCH",
  "PUBLIC_INPUTS",
  "REFUSED",
  "REJECTED",
  "RULES",
  "SURVEY",
  "UNAUTHORISED",
  "VIOLATION",
  "WITNESS",
]);

/** @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = tacit((code) => (exitCode = code));
  exitOnSignals();
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    return explain(error);
  }
}

/** Says what went wrong on one line of standard error, with its code, by which docs/operator.md tells what to do. */
function explain(error: unknown): number {
  if (error instanceof TacitError && error.code === "INTERRUPTED") return EXIT.interrupted;
  // Commander has said it already, or was asked for help or the version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
  const known = error instanceof TacitError;
  const message = error instanceof Error ? error.message : String(error);
  const oneLine = printable(message.replace(/\s*\n\s*/g, " "));
  const text = known ? `${oneLine} (${error.code})` : `unexpected: ${oneLine} (TACIT_DEBUG=1 shows where)`;
  process.stderr.write(`tacit: ${text}\n`);
  if (process.env.TACIT_DEBUG === "1") console.error(error);
  if (known && error.details.kept === true) return EXIT.unknown;
  return known && !FAILED.has(error.code) ? EXIT.badInput : EXIT.failed;
}

/** The command with all that it takes. @param exit  told the exit code of the command that was run */
export function tacit(exit: (code: number) => void): Command {
  const program = new Command("tacit")
    .description("A private trading venue that proves every match.")
    .version(VERSION, "-V, --version")
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText("after", examples("tacit demo", "tacit replay flow.csv.gz --limit 300 --prove --json out.json"))
    .addHelpText(
      "after",
      "\nExit codes: 0 all went well, 1 a check failed or something was refused, 2 usage or bad input,\n" +
        "3 an item has no answer, and the venue may have it, 130 interrupted.",
    )
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "tacit: ")) });
  const command = (usage: string, description: string, ...lines: string[]) =>
    program
      .command(usage)
      .description(description)
      .exitOverride()
      .addHelpText("after", examples(...lines));

  /** Of a store in PostgreSQL. */
  const withCopies = (it: Command) =>
    it
      .option("--standbys <number>", "of PostgreSQL, that have on disk what is acknowledged", positive, 1)
      .option(
        "--accept-one-disk",
        "acknowledge what is on the disk of one server of PostgreSQL: if that is lost, so is it",
      )
      .option("--accept-storage-replication", "the same, where that disk is one of several by itself");

  command("demo", "open a venue, trade, prove a round, verify it, and show that forgeries are refused", "tacit demo")
    .option("--seed <number>", "seed of the traders", natural, 9)
    .option("--json", "print the outcome as JSON")
    .action(async (options) => {
      requireTools("circom2", "solc", "poseidon-solidity", "@foundry-rs/anvil", "viem");
      exit(await (await import("./demo.ts")).demo(options));
    });

  command(
    "replay <file>",
    "run order flow in LOBSTER's message format (.csv or .csv.gz) through a venue",
    "tacit replay flow.csv.gz",
    "tacit replay flow.csv.gz --every 60 --json out.json",
    "tacit replay flow.csv.gz --limit 300 --prove --json out.json",
  )
    .option("--limit <messages>", "read only so many messages", positive)
    .option("--every <seconds>", "seconds between auctions", positive, 10)
    .option(
      "--accounts <number>",
      `traders, 1 to ${MOST_TRADERS} as far as the profile has room (default: as many as may be; 48 with --prove)`,
      within(1, MOST_TRADERS),
    )
    .option("--makers <percent>", "of the orders, that eight makers put, by lists of quotes once a second", natural, 0)
    .option("--prove", "prove and verify every round; implies --signed")
    .addOption(profileOption("sizes of accounts and circuits (default: standard, demo with --prove)"))
    .option("--json <path>", "write the record, with which anybody can recheck it all (docs/formats.md)")
    .option("--seed <number>", "seed of keys, salts and blinding values", natural, 1)
    .option("--signed", "sign every item, and check the signatures")
    .action(async (file, options) => exit(await (await import("./replay.ts")).replay(file, options)));

  command(
    "stress",
    "run a population of traders through a crash, unproved, by the rules and with first-come liquidation",
    "tacit stress --path crash",
    "tacit stress --path all --accounts 2000",
    "tacit stress --path prices.csv --set group.defaults.grace=30 --json out.json",
  )
    .option(
      "--accounts <number>",
      `traders, ${LEAST_ACCOUNTS} to ${MOST_ACCOUNTS}`,
      within(LEAST_ACCOUNTS, MOST_ACCOUNTS),
      1_000,
    )
    .option(
      "--path <path>",
      "all, a name of docs/defaults.md, or a file: index, or index,volatility, of an epoch a line",
      "crash",
    )
    .option("--seed <number>", "seed of traders and of the path", natural, 1)
    .option(
      "--epochs <number>",
      `minutes that it takes, ${LEAST_EPOCHS} to ${MOST_EPOCHS} (default: 240, or what the file has)`,
      within(LEAST_EPOCHS, MOST_EPOCHS),
    )
    .option(
      "--every <seconds>",
      `seconds between auctions, ${LEAST_EVERY} to ${MOST_EVERY}`,
      within(LEAST_EVERY, MOST_EVERY),
      20,
    )
    .option("--trades <file>", "trades in LOBSTER's message format, of which the path `trades` is made")
    .option("--set <place=value...>", "of the rules: group.defaults.maintenance=600")
    .option("--alone", "by the rules alone, without the comparison")
    .option("--json [file]", "write the outcome as JSON, to standard output or to a file")
    .action(async (options) => exit(await (await import("./stress.ts")).stress(options)));

  command(
    "build [instructions...]",
    "compile circuits and make development keys; what is up to date is left alone",
    "tacit build",
    "tacit build admit settle --profile standard",
  )
    .addOption(profileOption("sizes of the circuits").default("demo"))
    .option("--build <folder>", "where to build (default: build/ of this package)")
    .option("--json", "print the table as JSON")
    .action(async (names, options) => exit(await (await import("./build.ts")).build(circuitNames(names), options)));

  command(
    "keys",
    "show which circuit each key belongs to (keys/manifest.json)",
    "tacit keys",
    "tacit keys --profile demo --check",
  )
    .addOption(profileOption("show only this profile; with --check the default is demo"))
    .option("--check", "compare manifest, committed keys and build; exit 1 if they differ")
    .option("--json", "print the manifest as JSON")
    .action(async (options) => exit(await (await import("./keys.ts")).keys(options)));

  command(
    "witness <circuit> <inputs> <wtns>",
    "compute the wires of a circuit: reads inputs.json, writes a .wtns file",
    "tacit witness admit inputs.json witness.wtns",
  )
    .addOption(profileOption("circuit to compute with").default("demo"))
    .option("--build <folder>", "where circuits were built (default: build/ of this package)")
    .action(async (name, inputs, wtns, options) => {
      const { witness } = await import("./witness.ts");
      const [circuit] = circuitNames([name]);
      exit(await witness({ circuit, inputs, wtns, ...options }));
    });

  command(
    "prove <zkey> <wtns> <proof> <public>",
    "prove: reads a .zkey and a .wtns file, writes proof.json and public.json, all as snarkjs does",
    "tacit prove admit.zkey witness.wtns proof.json public.json",
    "tacit prove admit.zkey witness.wtns proof.json public.json --json --workers 1",
  )
    .option("--workers <number>", "threads (default: one a core)", positive)
    .option("--r1cs <path>", "constraints of the circuit: names the one that a wrong witness breaks")
    .option("--no-check", "do not verify the proof: one of a wrong witness may be written, unless --r1cs is given")
    .option("--json", "print times by phase as JSON")
    .action(async (zkey, wtns, proof, publicPath, options) =>
      exit(await (await import("./prove.ts")).prove({ zkey, wtns, proof, public: publicPath, ...options })),
    );

  command(
    "verify <file> [public]",
    "verify a round, every round of a replay in a row with its record, or a survey; with --key one proof of any circuit",
    "tacit verify out.json",
    "tacit verify round.json --state 1234...",
    "tacit verify round.json --genesis genesis.json",
    "tacit verify --key verification_key.json proof.json public.json",
  )
    .addOption(profileOption("keys to verify with (default: those that fit)"))
    .option("--state <word>", "state word to start from (default: the one that the file claims)", fieldElement)
    .option(
      "--domain <number>",
      "domain of the venue, for the coefficients of the batch; any gives the same answer (default: 0)",
      fieldElement,
    )
    .option("--keys <folder>", "folder of the verification keys (default: keys/ of this package)")
    .option("--genesis <file>", "of the venue, or its /v1/venue: the co-signers there must have made each round final")
    .addOption(
      new Option(
        "--key <file>",
        "check one Groth16 proof over BN254 with this key, as `snarkjs groth16 verify` does: <file> is the proof",
      ).conflicts(["profile", "state", "domain", "keys", "genesis"]),
    )
    .option("--json", "print the result as JSON")
    .action(async (file, publicPath, options) => {
      if (options.key !== undefined)
        return exit(await (await import("./verifyProof.ts")).verifyOneProof(file, publicPath, options));
      if (publicPath !== undefined) throw new TacitError("USAGE", "public inputs go with --key, which is missing");
      exit(await (await import("./verify.ts")).verify(file, options));
    });

  command(
    "survey",
    "what all accounts of a venue come to, by proof: how many are under maintenance or flagged, cash, negative equities",
    "tacit survey --venue https://venue.example",
    "TACIT_OPERATOR_TOKEN=... tacit survey --make",
  )
    .option("--venue <url>", "address of the venue", "http://127.0.0.1:8080")
    .option("--make", "have the venue make a new one first, as its operator: one proof for 16 accounts")
    .option("--token-file <file>", "whose first line is the operator's token (default: TACIT_OPERATOR_TOKEN)")
    .option("--output <file>", "write the survey: tacit verify checks the file")
    .option("--json", "print the result as JSON")
    .action(async (options) => exit(await (await import("./survey.ts")).survey(options)));

  command(
    "recheck <file>",
    "run the record of a replay again, and compare all that it says came of it with what the rules give",
    "tacit recheck out.json",
  )
    .option("--json", "print the result as JSON")
    .action(async (file, options) => exit(await (await import("./recheck.ts")).recheckFile(file, options)));

  command(
    "inspect <subject>",
    "explain a file of rounds, the opening of a state, or an instruction by its name",
    "tacit inspect out.json",
    "tacit inspect state.json",
    "tacit inspect changes.json",
    "tacit inspect admit",
  )
    .option("--round <number>", "explain only this round of a replay, from 1", positive)
    .option("--json", "print it as JSON")
    .action(async (subject, options) => exit(await (await import("./inspect.ts")).inspect(subject, options)));

  withCopies(
    command(
      "serve",
      "run a venue: orders in over HTTP and WebSocket, receipts out, rounds proved, pages to watch",
      "tacit serve",
      "tacit serve --data /var/lib/tacit --port 8080 --publish curves",
    ),
  )
    .option(
      "--store <place>",
      "where its log is: a file, or postgres://user@host,host/database (default: venue.db in --data)",
    )
    .option(
      "--data <folder>",
      "where the venue lives; made with a development genesis if it is not there",
      "tacit-data",
    )
    .option("--host <address>", "address to listen at; TLS is a proxy's", "127.0.0.1")
    .option("--port <number>", "port to listen at; 0 for any", port, 8080)
    .addOption(profileOption("sizes of the circuits of a new venue").default("demo"))
    .option("--interval <seconds>", "seconds between auctions of a new venue", positive, 10)
    .option("--no-prove", "match and journal only; rounds are proved by a later start")
    .option("--jobs <url>", "database of jobs for provers anywhere: postgres://user@host/database, not that of the log")
    .option(
      "--local-provers <number>",
      "with --jobs: proofs that this process makes side by side; 0: only what no other may make",
      natural,
      2,
    ) // prettier-ignore
    .option("--build <folder>", "where circuits are built, or were (default: build/ of this package)")
    .option("--keys <folder>", "folder of manifest and verification keys (default: keys/ of this package)")
    .addOption(
      new Option("--publish <what...>", "show more than prices and volumes, or nothing of them")
        .choices(["curves", "depth", "defaults", "nothing"])
        .default([]),
    )
    .option("--no-development", "no play money: deposits come from the contract only")
    .option("--public-host <name...>", "names of this venue's host, as traders have them in its address", [])
    .option("--origin <url...>", "other sites whose pages may submit", [])
    .option("--proxies <number>", "proxies in front, whose X-Forwarded-For counts", natural, 0)
    .option(
      "--feeds <url...>",
      "addresses of the feeds in the order of the rules, - for one that pushes, or - for all (default: made up prices, for development)",
    ) // prettier-ignore
    .option("--seed <number>", "of the made up prices of a new venue (default: any)", natural)
    .option("--crash <percent>", "by which the made up index falls, for trying", positive)
    .option("--crash-at <seconds>", "from now until it does", natural, 120)
    .option(
      "--timelock <seconds>",
      "between the announcement of rules and their use, without a chain (default: 60)",
      fieldElement,
    ) // prettier-ignore
    .option("--signer <url>", "a `tacit signer` that signs for this venue; TACIT_SIGNER_TOKEN is what it asks for")
    .option("--cosigners <url...>", "addresses of co-signers of the genesis, in any order", [])
    .option("--cosigner-keys <address...>", "co-signers of a new venue, 3f + 1: what `tacit cosign key` prints", [])
    .option("--unproved <entries>", "entries that proofs may trail by before orders are turned away", positive)
    .option("--passphrase-file <file>", "whose first line opens the operator's keys; - for standard input")
    .option("--rpc <url>", "node of the chain that has the contract; TACIT_RELAY_KEY pays")
    .option("--contract <address>", "the venue's contract")
    .option("--token <address>", "token that the contract must be of (default: any)")
    .option("--from-block <number>", "block to look for deposits from (default: the contract's own)", fieldElement)
    .addOption(
      new Option(
        "--confirmations <number>",
        'blocks after which nothing is undone, or "safe" or "finalized" where the chain has that',
      )
        .argParser(confirmations)
        .default(12n, "12"),
    )
    .option("--block-range <number>", "blocks of one request for deposits, at most", positive, 2000)
    .addOption(
      new Option("--log-level <level>", "how much is logged, to standard error")
        .choices(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
        .default("info"),
    )
    .action(async (options, it: Command) => {
      const ofNew = ["--profile", "--interval", "--cosigner-keys"];
      const named = it.options
        .filter((option) => ofNew.includes(option.long!) && it.getOptionValueSource(option.attributeName()) === "cli")
        .map(({ long }) => long!);
      exit(await (await import("./venue/serve.ts")).serve({ ...options, named }));
    });

  command(
    "prover",
    "prove for venues that hand out jobs: those that are started with the same --jobs",
    "tacit prover --jobs postgres://prover@jobs/jobs?sslmode=verify-full --profile standard",
  )
    .option("--jobs <url>", "database of jobs: postgres://user@host/database; passwords are in a password file")
    .addOption(profileOption("sizes of the circuits, those of the venues").default("demo"))
    .option("--build <folder>", "where circuits are built, or were (default: build/ of this package)")
    .option("--keys <folder>", "folder of manifest and verification keys (default: keys/ of this package)")
    .option("--name <name>", "of no other prover (default: the machine's)")
    .option("--workers <number>", "threads (default: one a core)", positive)
    .option("--metrics <port>", "port to serve /metrics at; 0 for any (default: none)", port)
    .option("--metrics-host <address>", "address to serve them at", "127.0.0.1")
    .addOption(
      new Option("--log-level <level>", "how much is logged, to standard error")
        .choices(["debug", "info", "warn", "error", "silent"])
        .default("info"),
    )
    .action(async (options) => exit(await (await import("./prover.ts")).prover(options)));

  const signing = () => import("./venue/signer.ts");
  const signer = command(
    "signer",
    "sign a venue's receipts and the heads of its log, of each number of entries one and no other: TACIT_SIGNER_TOKEN says who may ask",
    "tacit signer key signer-key.json --from tacit-data",
    "TACIT_SIGNER_TOKEN=... tacit signer --key signer-key.json --data /var/lib/tacit-signer",
  )
    .option("--key <file>", "the signer's key, as `tacit signer key` makes it")
    .option(
      "--data <folder>",
      "where it keeps what it signed: another folder is a signer that has forgotten",
      "tacit-signer-data",
    )
    .option("--host <address>", "address to listen at; TLS is a proxy's", "127.0.0.1")
    .option("--port <number>", "port to listen at; 0 for any", port, 8085)
    .option("--passphrase-file <file>", "whose first line opens the key; - for standard input")
    .addOption(logLevel())
    .action(async (options) => exit(await (await signing()).signer(options)));
  signer
    .command("key <file>")
    .description("make a signer's key, sealed if there is a passphrase")
    .exitOverride()
    .option("--from <folder>", "of the venue that has had it so far")
    .action(async (file, _, it: Command) => exit(await (await signing()).signerKey(file, it.optsWithGlobals())));

  const coSigning = () => import("./venue/cosign.ts");
  const cosign = command(
    "cosign",
    "sign the heads of another's log, so that nobody can be shown a second one: for other organisations than the venue's",
    "tacit cosign key cosigner-key.json",
    "tacit cosign --key cosigner-key.json --genesis genesis.json --signer 0x... --data /var/lib/tacit-cosigner",
  )
    .option("--key <file>", "the co-signer's key, as `tacit cosign key` makes it")
    .option("--genesis <file>", "of the venue: it names this co-signer among others")
    .option("--signer <address>", "of the venue's receipts, as its /v1/venue says")
    .option("--cosigners <address...>", "all of them, where they have changed since the genesis")
    .option("--data <folder>", "where it keeps what it signed: another folder needs another key", "tacit-cosigner-data")
    .option("--host <address>", "address to listen at; TLS is a proxy's", "127.0.0.1")
    .option("--port <number>", "port to listen at; 0 for any", port, 8086)
    .option("--passphrase-file <file>", "whose first line opens the key; - for standard input")
    .addOption(logLevel())
    .action(async (options) => exit(await (await coSigning()).cosign(options)));
  cosign
    .command("key <file>")
    .description("make a co-signer's key, sealed if there is a passphrase")
    .exitOverride()
    .action(async (file, _, it: Command) => exit(await (await coSigning()).cosignKey(file, it.optsWithGlobals())));

  const feeding = () => import("./feed.ts");
  const feed = command(
    "feed",
    "run a feed: sign the prices of each epoch, serve them, send them to venues",
    "tacit feed key feed-key.json",
    "tacit feed --key feed-key.json --source prices.jsonl --rules https://venue.example --data feed-data",
  )
    .option("--key <file>", "the feed's key, as `tacit feed key` makes it")
    .option("--source <source>", "file or address of observations, or - for standard input (docs/feeds.md)")
    .option("--rules <rules>", "address of a venue, or a file of what its /v1/rules answers, or of rules")
    .option("--data <folder>", "where it keeps what it signed", "tacit-feed-data")
    .option("--host <address>", "address to listen at; TLS is a proxy's", "127.0.0.1")
    .option("--port <number>", "port to listen at; 0 for any (default: it does not listen)", port)
    .option("--push <url...>", "venues that reports are sent to", [])
    .option("--every <milliseconds>", "between two questions to an address", positive, 1_000)
    .option("--warm-up <returns>", "that it waits for before it signs", positive, 10)
    .option("--domain <number>", "of the venue, where the rules are a file of rules alone", fieldElement)
    .addOption(profileOption("of the venue, where the rules are a file of rules alone"))
    .option("--passphrase-file <file>", "whose first line opens the key; - for standard input")
    .addOption(logLevel())
    .action(async (options) => exit(await (await feeding()).feed(options)));
  feed
    .command("key <file>")
    .description("make a feed's key, sealed if there is a passphrase")
    .exitOverride()
    .action(async (file, _, it: Command) =>
      exit(await (await feeding()).feedKey(file, it.optsWithGlobals<{ passphraseFile?: string }>())),
    );

  command("operator", "the operator's keys", "tacit operator seal --data /var/lib/tacit")
    .command("seal")
    .description("seal keys that lie in the open, of a venue that was started without a passphrase")
    .exitOverride()
    .option("--data <folder>", "where the venue lives", "tacit-data")
    .option("--passphrase-file <file>", "whose first line is the passphrase; - for standard input")
    .action(async (options) => exit(await (await import("./venue/operator.ts")).operatorSeal(options)));

  withCopies(
    command(
      "store",
      "what a venue keeps",
      "tacit store copy tacit-data/venue.db postgres://tacit@db1,db2/tacit?sslmode=verify-full",
    )
      .command("copy <from> <to>")
      .description("copy all of a store into an empty one, and compare them record by record: paths of files, or URLs of PostgreSQL")
      .exitOverride()
      .option("--json", "print counts as JSON"),
  ).action(async (from, to, options) => exit(await (await import("./venue/store.ts")).storeCopy(from, to, options))); // prettier-ignore

  const trader = () => import("./venue/trader.ts");
  const accounts = () => import("./venue/account.ts");
  const withAccount = (it: Command) =>
    it
      .option(
        "--account <file>",
        "the sealed key; its passphrase is asked for, or in TACIT_PASSPHRASE",
        "tacit-account.json",
      )
      .option("--passphrase-file <file>", "whose first line is the passphrase; - for standard input")
      .option(
        "--index <number>",
        "of the key's accounts, where it has several (default: the one with most cash)",
        natural,
      )
      .option("--json", "print JSON");
  const withVenue = (it: Command) =>
    withAccount(it.option("--venue <url>", "address of the venue", "http://127.0.0.1:8080"));
  /** What sends an item. */
  const withSending = (it: Command) =>
    withVenue(it)
      .addOption(anyway())
      .addOption(
        new Option(
          "--finality <what>",
          "what an item is answered by: the venue's receipt, or a quorum of its co-signers too",
        )
          .choices(["receipt", "quorum"])
          .default("receipt"),
      )
      .option("--cosigners <url...>", "addresses of co-signers: the receipt is compared with what they were shown", []);

  const account = command("account", "a trader's key and account", "tacit account new", "tacit account show");
  withAccount(account.command("new").description("make a key and seal it").exitOverride())
    .option("--import <file>", "seal this secret instead: a file of 64 hexadecimal digits")
    .action(async ({ import: importFile, ...options }) =>
      exit(await (await accounts()).accountNew({ ...options, importFile })),
    );
  withVenue(
    account
      .command("show")
      .description("verify all rounds, and show the account as reported and as proved")
      .exitOverride(),
  ).action(async (options) => exit(await (await accounts()).accountShow(options)));
  withVenue(
    account
      .command("deposit <amount>")
      .description("take play money, where the venue gives it (with a chain, deposits are made at its contract)")
      .exitOverride(),
  ).action(async (amount, options) => exit(await (await accounts()).accountDeposit(asked("amount", amount), options)));

  withVenue(
    account
      .command("history")
      .description("fills, ends of orders and deposits, as the venue reports them, the oldest first")
      .exitOverride(),
  )
    .option("--after <entry>", "only what was booked after this entry of the log", natural)
    .action(async ({ after = -1, ...options }) => exit(await (await accounts()).accountHistory(after, options)));

  command("markets", "show what may be traded at a venue", "tacit markets")
    .option("--venue <url>", "address of the venue", "http://127.0.0.1:8080")
    .option("--json", "print JSON")
    .action(async (options) => exit(await (await trader()).markets(options)));

  withVenue(
    command(
      "margin",
      "equity in each scenario, what drives it, and a plot of it: recomputed from prices as feeds signed them",
      "tacit margin",
    ),
  ).action(async (options) => exit(await (await import("./venue/margin.ts")).margin(options)));

  const ruling = () => import("./venue/rules.ts");
  const rules = command(
    "rules",
    "rules of a venue: what is in force, what a file would change, announce, bring into force",
    "tacit rules show --json > rules.json",
    "tacit rules diff rules.json",
    "TACIT_OPERATOR_TOKEN=... tacit rules announce rules.json",
    "TACIT_OPERATOR_TOKEN=... tacit rules announce --set 'markets[0].state=halted'",
  );
  const ofVenue = (it: Command) =>
    it
      .exitOverride()
      .option("--venue <url>", "address of the venue", "http://127.0.0.1:8080")
      .option("--json", "print JSON");
  const asOperator = (it: Command) =>
    ofVenue(it).option(
      "--token-file <file>",
      "whose first line is the operator's token (default: TACIT_OPERATOR_TOKEN)",
    );
  const asAnnouncer = (it: Command) =>
    asOperator(it).option(
      "--rpc <url>",
      "node of the chain that has the venue's contract; TACIT_ANNOUNCER_KEY announces",
    );
  ofVenue(
    rules.command("show").description("rules in force, and what is announced; with --json a file to change"),
  ).action(async (options) => exit(await (await ruling()).rulesShow(options)));
  const setting = (it: Command) =>
    it
      .option(
        "--set <place=value...>",
        "of the file, or of the last announcement that waits, or else of the rules in force: markets[0].state=halted",
      )
      .option(
        "--in-force",
        "with --set: of the rules in force, whatever waits; when these come first, it is passed over",
      );
  setting(
    ofVenue(rules.command("diff [file]").description("what a file changes, and what only an empty market allows")),
  ).action(async (file, options) => exit(await (await ruling()).rulesDiff(file, options)));
  asAnnouncer(
    setting(
      rules.command("announce [file]").description("announce rules: at the venue, or with --rpc at its contract"),
    ),
  ).action(async (file, options) => exit(await (await ruling()).rulesAnnounce(file, options)));
  asOperator(rules.command("apply <number>").description("bring announced rules into force")).action(
    async (n, options) => exit(await (await ruling()).rulesApply(numbered(n), options)),
  );
  asAnnouncer(
    rules.command("cancel <number>").description("take an announcement back, until its timelock has run"),
  ).action(async (n, options) => exit(await (await ruling()).rulesCancel(numbered(n), options)));

  const announcing = () => import("./venue/coSigners.ts");
  const coSigners = command(
    "cosigners",
    "co-signers of a venue's contract, without whose signatures it takes no round: who they are, and their change",
    "tacit cosigners show --rpc https://node.example",
    "TACIT_ANNOUNCER_KEY=... tacit cosigners announce 0x... 0x... 0x... 0x... --rpc https://node.example",
  );
  const atContract = (it: Command) =>
    it
      .exitOverride()
      .option("--venue <url>", "address of the venue, which names its contract", "http://127.0.0.1:8080")
      .requiredOption("--rpc <url>", "node of the chain that has the venue's contract");
  atContract(coSigners.command("show").description("those in force, and those announced"))
    .option("--json", "print JSON")
    .action(async (options) => exit(await (await announcing()).coSignersShow(options)));
  atContract(
    coSigners
      .command("announce <address...>")
      .description("announce others, 3f + 1 addresses, by TACIT_ANNOUNCER_KEY: those that wait are replaced"),
  ).action(async (addresses, options) => exit(await (await announcing()).coSignersAnnounce(addresses, options)));
  atContract(
    coSigners
      .command("withdraw")
      .description("take an announcement back, until its timelock has run, by TACIT_ANNOUNCER_KEY"),
  ).action(async (options) => exit(await (await announcing()).coSignersWithdraw(options)));
  atContract(
    coSigners
      .command("apply")
      .description("bring those announced into force, once their timelock has run: by any key in TACIT_ANNOUNCER_KEY"),
  ).action(async (options) => exit(await (await announcing()).coSignersApply(options)));

  command(
    "defaults",
    "accounts nearest to maintenance, the insurance account, what was done: for the operator",
    "tacit defaults --token-file token.txt --limit 20",
  )
    .option("--venue <url>", "address of the venue", "http://127.0.0.1:8080")
    .option("--token-file <file>", "whose first line is the operator's token (default: TACIT_OPERATOR_TOKEN)")
    .option("--limit <number>", "accounts", positive, 20)
    .option("--json", "print JSON")
    .action(async (options) => exit(await (await import("./venue/defaults.ts")).defaults(options)));

  const order = command(
    "order",
    "send orders and cancels, list open ones",
    "tacit order buy 101 5 100020",
    'tacit order sell "call 1000" 2 6010',
    "tacit order quotes quotes.jsonl",
    "tacit order cancel 101 7",
  );
  for (const side of ["buy", "sell"] as const)
    withSending(
      order
        .command(`${side} <market> <lots> <limit>`)
        .description(`${side} lots of a market (its id or name) at a limit in cash units per lot`)
        .exitOverride(),
    )
      .option("--valid-for <seconds>", "for which the venue may still admit it", positive, 30)
      .option("--expire-in <seconds>", "after which it leaves the book", positive, 86_400)
      .option("--this-auction", "leave at the first auction that matches")
      .option("--replaces <nonce>", "order that it cancels", integer)
      .option("--max-fee <amount>", "highest fee of one lot at the limit", integer)
      .action(async (market, lots, limit, options) => {
        const order = { market, size: asked("lots", lots), limit: asked("limit", limit) };
        exit(await (await trader()).orderNew(side, order, options));
      });
  withSending(
    order
      .command("quotes <file>")
      .description(
        "replace the orders in a market by a list of 1 to 8, all or none: JSON lines of a file, or of standard input (-), " +
          'as {"market": "101", "orders": [{"side": "buy", "lots": 5, "limit": 99980}, ...]}',
      )
      .exitOverride(),
  )
    .option("--valid-for <seconds>", "for which the venue may still admit each", positive, 30)
    .option("--expire-in <seconds>", "after which its orders leave the book", positive, 86_400)
    .action(async (file, options) => exit(await (await trader()).orderQuotes(file, options)));
  withSending(
    order.command("cancel <market> [nonce]").description("cancel an order, or all orders in a market").exitOverride(),
  ).action(async (market, nonce, options) => {
    const target = nonce === undefined ? undefined : asked("nonce", nonce);
    if (target !== undefined && (target < 1n || target >> BigInt(BITS.nonce) !== 0n))
      throw new TacitError("USAGE", `nonce is wrong: expected that of an order, 1 to 2^${BITS.nonce} - 1`);
    exit(await (await trader()).orderCancel(market, target, options));
  });
  withVenue(
    order
      .command("drop <nonce>")
      .description("give up an item that had no answer: it is not sent again")
      .exitOverride(),
  ).action(async (nonce, options) => exit(await (await trader()).orderDrop(asked("nonce", nonce), options)));
  withVenue(order.command("list").description("open orders, as the venue reports them").exitOverride()).action(
    async (options) => exit(await (await trader()).orderList(options)),
  );

  withSending(
    command(
      "withdraw <amount> <recipient>",
      "withdraw cash to an address of the chain",
      "tacit withdraw 100000 0x00000000000000000000000000000000000000aa",
    ).option("--less-accepted", "while the venue is short of what it owes, take the part that all are paid"),
  ).action(async (amount, recipient, options) =>
    exit(await (await trader()).withdraw(asked("amount", amount), recipient, options)),
  );

  withVenue(
    command(
      "watch",
      "verify round after round, and the own account in each; without a key the rounds alone",
      "tacit watch",
      "tacit watch --once --account none",
    ),
  )
    .option("--once", "verify what is there, and end")
    .option("--every <seconds>", "between two looks", positive, 5)
    .action(async (options, it: Command) => {
      const keyOptional = it.getOptionValueSource("account") === "default";
      exit(await (await import("./venue/watch.ts")).watch({ ...options, keyOptional }));
    });

  return program;
}

function logLevel(): Option {
  return new Option("--log-level <level>", "how much is logged, to standard error")
    .choices(["debug", "info", "warn", "error", "silent"])
    .default("info");
}

function anyway(): Option {
  return new Option("--anyway", "send it though the rules will reject it, as far as can be known here");
}

function integer(text: string): bigint {
  if (!/^-?\d{1,30}$/.test(text)) throw new InvalidArgumentError("Expected an integer of at most 30 digits.");
  return BigInt(text);
}

function asked(name: string, text: string): bigint {
  if (!/^-?\d{1,30}$/.test(text))
    throw new TacitError("USAGE", `${name} is wrong: expected an integer of at most 30 digits`);
  return BigInt(text);
}

/** Number of something that was numbered from 1. @throws USAGE */
function numbered(text: string): number {
  const n = asked("number", text);
  if (n < 1n || n > BigInt(Number.MAX_SAFE_INTEGER))
    throw new TacitError("USAGE", "number is wrong: expected 1 or more");
  return Number(n);
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}

function profileOption(description: string): Option {
  return new Option("--profile <name>", description).choices(Object.keys(PROFILES) as ProfileName[]);
}

function circuitNames(names: readonly string[]): CircuitName[] {
  const unknown = names.find((name) => !CIRCUIT_NAMES.includes(name as CircuitName));
  if (unknown !== undefined)
    throw new TacitError(
      "UNKNOWN_INSTRUCTION",
      `no circuit is called "${unknown}": expected ${CIRCUIT_NAMES.join(", ")}`,
    );
  return names as CircuitName[];
}

function natural(text: string): number {
  return upTo(2 ** 32 - 1, "2^32 - 1", text);
}

function port(text: string): number {
  return upTo(2 ** 16 - 1, "65535", text);
}

function upTo(most: number, name: string, text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > most)
    throw new InvalidArgumentError(`Expected an integer from 0 to ${name}.`);
  return Number(text);
}

function within(least: number, most: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,9}$/.test(text) || Number(text) < least || Number(text) > most)
      throw new InvalidArgumentError(`Expected an integer from ${least} to ${most}.`);
    return Number(text);
  };
}

function confirmations(text: string): bigint | "safe" | "finalized" {
  return text === "safe" || text === "finalized" ? text : BigInt(natural(text));
}

function positive(text: string): number {
  return within(1, 999_999_999)(text);
}

function fieldElement(text: string): bigint {
  if (!/^\d{1,77}$/.test(text)) throw new InvalidArgumentError("Expected a field element in decimal digits.");
  return BigInt(text);
}

/** A reader that has seen enough (`tacit inspect out.json | head`) is no error. */
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.ok);
    throw error;
  });
