import { asInteger, asList, asObject, asWhole, toJson } from "../../protocol/json.ts";
import { isoTime, table, thousands } from "../../setup/format.ts";
import { operatorApi } from "./operatorApi.ts";

/** `tacit defaults`: what defaults have come to, and, of the accounts, those nearest to their maintenance. @returns the exit code */
export async function defaults({
  limit,
  json,
  ...of
}: {
  venue: string;
  tokenFile?: string;
  limit: number;
  json?: boolean;
}): Promise<number> {
  const api = await operatorApi(of);
  const report = asObject("defaults", await api.get("/defaults"));
  const nearest = asObject("nearest", await api.get(`/defaults/accounts?limit=${limit}`));
  if (json) {
    process.stdout.write(toJson({ ...report, ...nearest }, 2) + "\n");
    return 0;
  }
  const number = (name: string) => thousands(asInteger(`defaults.${name}`, report[name]));
  const steps = asObject("defaults.steps", report.steps);
  const insurance = asObject("defaults.insurance", report.insurance);
  const money = (name: string) => thousands(asInteger(`defaults.insurance.${name}`, insurance[name]));
  const taken = ["flag", "sweep", "reduce", "assume"].map(
    (name) => `${name} ${asWhole(`defaults.steps.${name}`, steps[name])}`,
  );
  const maintenance = asWhole("nearest.maintenance", nearest.maintenance);
  const rows = asList("nearest.accounts", nearest.accounts).map((it, i) => {
    const at = `nearest.accounts[${i}]`;
    const { index, equity, risk, flagged, open } = asObject(at, it);
    const [have, worst, since] = [asInteger(`${at}.equity`, equity), asInteger(`${at}.risk`, risk), asInteger(`${at}.flagged`, flagged)]; // prettier-ignore
    return [
      String(asWhole(`${at}.index`, index)),
      thousands(have),
      thousands(worst),
      worst > 0n ? `${((Number(have) / Number(worst)) * 100).toFixed(1)} %` : "",
      since === 0n ? "" : isoTime(since),
      String(asWhole(`${at}.open`, open)),
    ];
  });
  process.stdout.write(
    [
      `steps ${taken.join(", ")}; flagged now: ${asWhole("defaults.flagged", report.flagged)}`,
      `insurance equity ${money("equity")}, worst loss ${money("risk")}; deficit ${number("deficit")}, relief ${number("relief")}, short ${number("short")}; vault ${number("vault")}`,
      `nearest to maintenance (${((maintenance / 1024) * 100).toFixed(1)} % of the worst loss):`,
      table([["account", "equity", "worst loss", "carries", "flagged", "open"], ...rows]),
    ].join("\n"),
  );
  return 0;
}
