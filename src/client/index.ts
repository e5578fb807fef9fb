/** The trader's side of a venue, in Node and in browsers. */
export { Api, type Fetch } from "./api.ts";
export { Client, type ClientOptions, type OwnOrder, type ReportedAccount } from "./client.ts";
export { Contradiction, type ContradictionKind } from "./knowledge.ts";
export { marginCallInWords, marginCallOf, type MarginCall } from "./marginCall.ts";
export { marginOf, type MarginReport } from "./margin.ts";
export type { OrderPreview } from "./preview.ts";
export type { Position } from "./positions.ts";
export { ClientTerms, type Quorum } from "./terms.ts";
export { provedPrices, toldOtherwise, type ToldOtherwise } from "./toldPrices.ts";
export { memoryNotebook, type Notebook, type ProvedAccount, type SentItem, type Verified } from "./notebook.ts";
export { openSecret, sealSecret } from "./seal.ts";
