/** The script of every thread of the pages: what it does its name says. One for all, so that they share what they load. */
const ROLES: Readonly<Record<string, () => Promise<unknown>>> = {
  verify: () => import("./verify/worker.ts"),
  prices: () => import("./watch/prices.worker.ts"),
  account: () => import("./trade/account.worker.ts"),
};

/** What comes while the role is loaded. */
const early: MessageEvent[] = [];
const keep = (event: MessageEvent) => void early.push(event);
globalThis.addEventListener("message", keep);
await ROLES[(globalThis as unknown as { name: string }).name]();
globalThis.removeEventListener("message", keep);
for (const { data } of early) globalThis.dispatchEvent(new MessageEvent("message", { data }));

export {};
