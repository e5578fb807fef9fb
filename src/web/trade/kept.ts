/** What this browser keeps: a sealed key by venue, and how the page is set. A browser that keeps nothing is taken as it is. */

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name: string, text: string | null): boolean {
  try {
    if (text === null) localStorage.removeItem(name);
    else localStorage.setItem(name, text);
    return true;
  } catch {
    return false;
  }
}

const keyName = (url: string) => `tacit key ${url}`;

export const keptKey = (url: string): string | null => read(keyName(url));
/** @returns whether it is kept */
export const keepKey = (url: string, sealed: string | null): boolean => write(keyName(url), sealed);

export interface Settings {
  readonly market: string | null;
  /** auctions that the chart shows: 0 for all that are at hand */
  readonly shown: number;
  readonly curves: boolean;
  readonly tab: Tab;
}
export const TABS = ["positions", "orders", "history", "margin", "money"] as const;
export type Tab = (typeof TABS)[number];
const DEFAULT: Settings = { market: null, shown: 100, curves: true, tab: "positions" };

/** What was kept, as far as it is what this version keeps. */
export function readSettings(): Settings {
  try {
    const json = JSON.parse(read("tacit settings") ?? "{}") as Record<string, unknown>;
    return {
      market: typeof json.market === "string" ? json.market : DEFAULT.market,
      shown: [50, 100, 0].includes(json.shown as number) ? (json.shown as number) : DEFAULT.shown,
      curves: typeof json.curves === "boolean" ? json.curves : DEFAULT.curves,
      tab: TABS.find((tab) => tab === json.tab) ?? DEFAULT.tab,
    };
  } catch {
    return DEFAULT;
  }
}

export function keepSettings(settings: Settings): void {
  write("tacit settings", JSON.stringify(settings));
}
