import { Api } from "../../client/api.ts";
import { TacitError } from "../../protocol/errors.ts";
import { PROFILES, type Profile, type ProfileName } from "../../protocol/instructions.ts";
import { asInteger, asList, asObject, badFormat, toJson } from "../../protocol/json.ts";
import { requireBits } from "../../protocol/numbers.ts";
import { BITS } from "../../protocol/parameters.ts";
import { rulesRoot, type Rules } from "../../protocol/rules.ts";
import { marketNames, namedRulesJson, parseRules } from "../../protocol/rulesJson.ts";
import { rulesChanges, type ChangedWord } from "../../protocol/rulesChanges.ts";
import { isoTime, short, table } from "../../setup/format.ts";
import { readJson } from "../../setup/readJson.ts";
import { ANNOUNCED_FOR } from "../../venue/announcements.ts";
import { operatorApi } from "./operatorApi.ts";
import { note } from "./withClient.ts";
import { setPlaces } from "./setPlaces.ts";

export interface RulesOptions {
  venue: string;
  json?: boolean;
}

type Names = Readonly<Record<string, string>>;

interface VenueRules {
  readonly profile: Profile;
  readonly inForce: Rules;
  /** of markets, by id */
  readonly names: Names;
  readonly timelock: bigint;
  readonly announced: readonly { n: number; root: bigint; from: bigint; state: string; rules: Rules; names: Names }[];
}

async function rulesOf(api: Api): Promise<VenueRules> {
  const answer = asObject("rules", await api.get("/rules"));
  const { profile: name } = answer;
  if (typeof name !== "string" || !Object.hasOwn(PROFILES, name)) throw badFormat("rules.profile", "a known profile");
  const profile = PROFILES[name as ProfileName];
  const read = (at: string, json: unknown) => {
    const { root, rules: file } = asObject(at, json);
    const rules = parseRules(file, profile);
    if (rulesRoot(rules) !== asInteger(`${at}.root`, root)) throw badFormat(`${at}.root`, "that of the rules");
    return rules;
  };
  const announced = asList("rules.announced", answer.announced).map((it, i) => {
    const at = `rules.announced[${i}]`;
    return { ...announcementOf(at, it), rules: read(at, it), names: marketNames(asObject(at, it).rules) };
  });
  const names = marketNames(asObject("rules.inForce", answer.inForce).rules);
  const timelock = asInteger("rules.timelock", answer.timelock);
  return { profile, inForce: read("rules.inForce", answer.inForce), names, timelock, announced };
}

/** `tacit rules show`: those in force, as a file that can be changed and announced; and what is announced. @returns the exit code */
export async function rulesShow({ venue, json }: RulesOptions): Promise<number> {
  const { inForce, names, timelock, announced } = await rulesOf(new Api(venue));
  const file = namedRulesJson(inForce, names);
  if (json) {
    process.stdout.write(toJson(file, 2) + "\n");
    return 0;
  }
  const { group, instruments, markets } = file;
  const lines = [
    `rules ${short(rulesRoot(inForce))}, ${group.feeds.length} feeds, changes after ${timelock} s`,
    table([
      ["slot", "instrument", "expiry", "strike", "long charge", "short charge", "weight"],
      ...instruments.flatMap((it, i) =>
        it
          ? [
              [
                String(i),
                it.kind,
                it.expiry === "0" ? "" : isoTime(BigInt(it.expiry)),
                it.strike === "0" ? "" : it.strike,
                it.longCharge,
                it.shortCharge,
                it.weight,
              ],
            ]
          : [],
      ),
    ]),
    table([
      ["slot", "market", "name", "rule", "state", "until", "fee rate", "fee a lot", "every"],
      ...markets.flatMap((row, i) =>
        row
          ? [
              [
                String(i),
                row.id,
                row.name ?? "",
                row.rule,
                row.state,
                untilText(BigInt(row.until)),
                row.feeRate,
                row.feePerLot,
                `${row.interval} s`,
              ],
            ]
          : [],
      ),
    ]),
    ...announced.map(({ n, root, from, state, rules }) => {
      const head = `announcement ${n}: ${short(root)}, ${state}, good from ${isoTime(from)}\n`;
      return head + (state === "waiting" ? inWords(rulesChanges(inForce, rules), "  ") : "");
    }),
  ];
  process.stdout.write(lines.map((text) => `${text.trimEnd()}\n`).join(""));
  return 0;
}

/** A line each. */
function inWords(changes: readonly ChangedWord[], indent = ""): string {
  if (changes.length === 0) return `${indent}nothing changes\n`;
  const line = ({ at, before, after, needs }: ChangedWord) =>
    `${indent}${at}: ${before} -> ${after}${needs ? ` (${needs})` : ""}\n`;
  return changes.map(line).join("");
}

/** Far beyond what a calendar prints. */
function untilText(time: bigint): string {
  return time >= 1n << 39n ? "" : isoTime(time);
}

/** Rules from a file, or those that are there, with words of them set. */
interface Changed {
  /** undefined: those of the last announcement that waits, or those in force */
  readonly path: string | undefined;
  /** "markets[0].state=halted" */
  readonly set?: readonly string[];
  /** not those of an announcement that waits */
  readonly inForce?: boolean;
}

/**
 * What the next announcement changes: rules come into force in the order of their announcements, so that what takes the place of
 * one that waits must have its changes, or takes them back.
 */
function rulesToCome({ inForce, names, announced }: Omit<VenueRules, "profile">, asTheyAre: boolean): unknown {
  const now = BigInt(Math.floor(Date.now() / 1000));
  const last = announced.findLast(({ state, from }) => state === "waiting" && now <= from + ANNOUNCED_FOR);
  if (!last || asTheyAre) return namedRulesJson(inForce, names);
  note(`this begins from announcement ${last.n}, which waits, and not from the rules in force`);
  return namedRulesJson(last.rules, { ...names, ...last.names });
}

/** @throws USAGE, FILE, JSON */
async function changedRules(
  before: Omit<VenueRules, "profile">,
  { path, set = [], inForce = false }: Changed,
): Promise<unknown> {
  if (path === undefined && set.length === 0)
    throw new TacitError("USAGE", "nothing is said to change: expected a file of rules, or --set");
  const rules = path === undefined ? rulesToCome(before, inForce) : await readJson(path);
  return setPlaces(rules, set);
}

/** `tacit rules diff`: what would change, in words, and what is allowed on an empty market only. @returns the exit code */
export async function rulesDiff(
  path: string | undefined,
  { venue, json, ...changed }: RulesOptions & Omit<Changed, "path">,
): Promise<number> {
  const { profile, ...before } = await rulesOf(new Api(venue));
  const after = parseRules(await changedRules(before, { path, ...changed }), profile);
  const changes = rulesChanges(before.inForce, after);
  if (json) process.stdout.write(toJson({ root: rulesRoot(after), changes }, 2) + "\n");
  else process.stdout.write((changes.length > 0 ? `rules ${short(rulesRoot(after))}\n` : "") + inWords(changes));
  return 0;
}

interface OperatorOptions extends RulesOptions {
  /** a file whose first line is the operator's token; default: TACIT_OPERATOR_TOKEN */
  tokenFile?: string;
}

interface AnnouncerOptions extends OperatorOptions {
  /** node of the chain that has the venue's contract: there rules are announced, by who has TACIT_ANNOUNCER_KEY */
  rpc?: string;
}

/** @throws USAGE */
export async function announcerOf({ rpc }: { rpc: string }, api: Api) {
  const key = process.env.TACIT_ANNOUNCER_KEY;
  if (!key || !/^0x[0-9a-fA-F]{64}$/.test(key))
    throw new TacitError("USAGE", "TACIT_ANNOUNCER_KEY is wrong: expected a private key, 0x and 64 digits");
  const contract = await contractOf(api);
  const [{ evmAnnouncer }, { privateKeyToAccount }] = await Promise.all([
    import("../../venue/chain/announcer.ts"),
    import("viem/accounts"),
  ]);
  const account = privateKeyToAccount(key as `0x${string}`);
  return evmAnnouncer({ rpc, contract, account });
}

/** Address of a venue's contract. @throws USAGE */
export async function contractOf(api: Api): Promise<`0x${string}`> {
  const { contract } = asObject("venue", await api.get("/venue"));
  if (contract === null) throw new TacitError("USAGE", "--rpc is for a venue with a contract, and this one has none");
  return parseAddressText(asObject("venue.contract", contract).address);
}

function parseAddressText(text: unknown): `0x${string}` {
  if (typeof text !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(text))
    throw badFormat("venue.contract.address", "an address");
  return text as `0x${string}`;
}

/**
 * As they are announced: what is wrong with them is said here, by field.
 * @throws USAGE  where they change nothing, in force or announced
 */
async function announcedRules(
  before: Omit<VenueRules, "profile">,
  profile: Profile,
  changed: Changed,
): Promise<unknown> {
  const rules = await changedRules(before, changed);
  const { inForce, names, announced } = before;
  const isNew = rulesRoot(parseRules(rules, profile)) !== rulesRoot(inForce) || toJson(marketNames(rules)) !== toJson(names); // prettier-ignore
  // What waits is taken back by them.
  if (!isNew && !announced.some(({ state }) => state === "waiting"))
    throw new TacitError("USAGE", "nothing changes: these are the rules in force");
  return rules;
}

/** `tacit rules announce`. @returns the exit code */
export async function rulesAnnounce(
  path: string | undefined,
  options: AnnouncerOptions & Omit<Changed, "path">,
): Promise<number> {
  const { set, inForce } = options;
  if (options.rpc !== undefined) {
    const asked = new Api(options.venue);
    const { profile, ...before } = await rulesOf(asked);
    const announcer = await announcerOf({ rpc: options.rpc }, asked);
    const rules = await announcedRules(before, profile, { path, set, inForce });
    const { n, from } = await announcer.announce(JSON.stringify(rules), profile);
    process.stdout.write(
      `announcement ${n}, good from ${isoTime(from)}: the venue shows it once its block is confirmed\n`,
    );
    return 0;
  }
  const api = await operatorApi(options);
  const { profile, ...before } = await rulesOf(api);
  const rules = await announcedRules(before, profile, { path, set, inForce });
  return told(await api.post("/rules/announce", { rules }), options);
}

/** `tacit rules apply`. @returns the exit code */
export async function rulesApply(n: number, options: OperatorOptions): Promise<number> {
  return told(await (await operatorApi(options)).post("/rules/apply", { n }), options);
}

/** `tacit rules cancel`. @returns the exit code */
export async function rulesCancel(n: number, options: AnnouncerOptions): Promise<number> {
  if (options.rpc !== undefined) {
    await (await announcerOf({ rpc: options.rpc }, new Api(options.venue))).withdraw(n);
    process.stdout.write(`announcement ${n} is withdrawn\n`);
    return 0;
  }
  return told(await (await operatorApi(options)).post("/rules/withdraw", { n }), options);
}

const STATES = ["waiting", "withdrawn", "applied", "passedOver", "lapsed"];

/** What may be printed of an announcement. @throws FORMAT */
function announcementOf(at: string, json: unknown) {
  const { n, root, from, state } = asObject(at, json);
  if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 1) throw badFormat(`${at}.n`, "a number above 0");
  if (typeof state !== "string" || !STATES.includes(state)) throw badFormat(`${at}.state`, STATES.join(", "));
  const time = requireBits(`${at}.from`, asInteger(`${at}.from`, from), BITS.time);
  return { n, root: asInteger(`${at}.root`, root), from: time, state };
}

function told(answer: unknown, { json }: RulesOptions): number {
  const { n, root, from, state } = announcementOf("announcement", answer);
  process.stdout.write(
    json
      ? toJson({ n, root, from, state }, 2) + "\n"
      : `announcement ${n}: ${short(root)}, ${state}, good from ${isoTime(from)}\n`,
  );
  return 0;
}
