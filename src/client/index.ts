/** The trader's side of a venue, in Node and in browsers. */
export { Api, type Fetch } from "./api.ts";
export {
  Client,
  memoryNotebook,
  type ClientOptions,
  type Notebook,
  type ProvedAccount,
  type ReportedAccount,
  type SentItem,
  type Verified,
} from "./client.ts";
export { Contradiction, type ContradictionKind } from "./knowledge.ts";
export { openSecret, sealSecret } from "./seal.ts";
