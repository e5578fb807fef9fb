import { Api, ClientTerms, provedPrices, toldOtherwise, type Fetch, type Quorum } from "../../client/index.ts";
import { parseGenesis, type GenesisFile } from "../../protocol/genesis.ts";
import { asInteger, asObject } from "../../protocol/json.ts";
import type { VerifyingKeys } from "../../verifier/index.ts";
import { count } from "../format.ts";
import type { CheckPrices, PricesCheck } from "./pricesMessages.ts";

export interface PriceChecksOptions {
  readonly url: string;
  readonly keysOf: (profile: string) => VerifyingKeys;
  readonly fetch?: Fetch;
  /** milliseconds since 1970 */
  readonly now?: () => number;
}

/**
 * Checks the prices which a venue tells anybody, look by look: makes them anew from the reports that the venue shows, whose
 * signatures it checks, and looks for the entry that made them in the proved log.
 */
export class PriceChecks {
  readonly #api: Api;
  readonly #genesis: GenesisFile;
  readonly #terms: ClientTerms;
  readonly #keysOf: PriceChecksOptions["keysOf"];
  readonly #now: () => number;
  /** what was told was behind this change, as was found then */
  #behind: { readonly position: number; readonly found: number } | null = null;
  #proved: { readonly n: number; readonly round: number; readonly defect: string | null } | null = null;

  /** @throws as ClientTerms.open */
  static async open(options: PriceChecksOptions): Promise<PriceChecks> {
    const { now = () => Date.now() } = options;
    const api = new Api(options.url, options.fetch && { fetch: options.fetch });
    const genesis = parseGenesis(asObject("venue", await api.get("/venue")).genesis);
    const terms = new ClientTerms({ api, genesis, now: () => BigInt(Math.floor(now() / 1000)) });
    await terms.open(null);
    return new PriceChecks(options, { api, genesis, terms, now });
  }

  private constructor(
    { keysOf }: PriceChecksOptions,
    parts: { api: Api; genesis: GenesisFile; terms: ClientTerms; now: () => number },
  ) {
    this.#keysOf = keysOf;
    ({ api: this.#api, genesis: this.#genesis, terms: this.#terms, now: this.#now } = parts);
  }

  /**
   * @returns null where newer prices, or other rules, may have come since it was told
   * @throws Contradiction "terms"; TacitError of what a venue answers
   */
  async check({ told, asked }: Pick<CheckPrices, "told" | "asked">): Promise<PricesCheck | null> {
    const terms = this.#terms;
    const { rules, prices } = await terms.update();
    const { quorum } = terms;
    const epoch = asInteger("prices.epoch", asObject("prices", told).epoch);
    const feeds = quorum ? quorum.reports.map(({ feed }) => feed) : [];
    const marks = rules.markets.flatMap((row, slot) => {
      const quoted = prices.markets[slot];
      return row && quoted && quorum ? [[`${row.id}`, `${quoted.mark}`] as const] : [];
    });
    const result = (verdict: PricesCheck["verdict"], sentence: string, otherwise: PricesCheck["otherwise"] = []) =>
      ({ epoch: `${epoch}`, verdict, sentence, quorum: feeds, otherwise, marks }) as const;
    if (epoch > prices.epoch) return result("wait", "The venue has not shown the reports that made these prices.");
    const isOld = epoch < prices.epoch;
    const otherwise = isOld || !quorum ? [] : toldOtherwise(told, { rules, prices });
    if (isOld || otherwise.some(({ at }) => at === "rules")) {
      if (!this.#isStillBehind(asked)) return null;
    } else this.#behind = null;
    if (isOld) return result("bad", "The venue tells older prices than it has made.");
    const unchecked = "The rules, with the keys of the feeds and all charges, and funding and ranges so far are as the venue tells it"; // prettier-ignore
    if (!quorum) return result("wait", `Not checked: the venue shows no reports that made these prices. ${unchecked}.`);
    if (otherwise.length > 0)
      return result("bad", "The venue tells other prices than those that its feeds have signed.", otherwise);
    const round = await this.#provedIn(quorum);
    if (this.#proved?.defect) return result("bad", `${this.#proved.defect}: these prices are not the proved ones.`);
    const where = round === null ? "It is in no proved round so far." : `Round ${round} proves that entry.`;
    const made = `made at entry ${quorum.n} of the log from the signed reports of feeds ${feeds.join(", ")}`;
    if (terms.told) return result("wait", `${unchecked}: not checked. By them these prices were ${made}. ${where}`);
    const enough = `a quorum of ${feeds.length} of ${count(rules.group.feeds.length, "feed")}`;
    return result("good", `Checked here: ${made}, ${enough}, and what follows from their medians. ${where}`);
  }

  /** Whether it was known already, when it was asked for what is told, that there is something newer. @param asked  as CheckPrices */
  #isStillBehind(asked: number): boolean {
    const { position } = this.#terms;
    if (this.#behind?.position === position) return asked > this.#behind.found;
    this.#behind = { position, found: this.#now() };
    return false;
  }

  /** The round that has the entry, asked for until there is one. */
  async #provedIn(quorum: Quorum): Promise<number | null> {
    if (this.#proved?.n === quorum.n) return this.#proved.round;
    const { domain, profile } = this.#genesis;
    const { round, defect } = await provedPrices(this.#api, { quorum, domain, keys: this.#keysOf(profile) });
    this.#proved = round === null ? null : { n: quorum.n, round, defect };
    return round;
  }
}
