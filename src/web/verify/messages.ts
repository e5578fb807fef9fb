import type { ProfileName } from "../../protocol/instructions.ts";
import type { RecordReport, RoundReport } from "./check.ts";

/** What the page asks its thread for: "auto" is the venue's profile, or the one that fits the file. */
export type Profile = ProfileName | "auto";
export type Task =
  | { readonly kind: "files"; readonly files: readonly File[]; readonly profile: Profile }
  | {
      readonly kind: "venue";
      readonly url: string;
      readonly first: number;
      /** whether no other round is wanted */
      readonly only: boolean;
      readonly profile: Profile;
    };

/** What the thread tells. All that follows a source is of it. */
export type News =
  | { readonly kind: "source"; readonly name: string }
  /** how many rounds there are to check, where that is known */
  | { readonly kind: "total"; readonly rounds: number }
  | { readonly kind: "round"; readonly report: RoundReport }
  /** of a source whose rounds all hold */
  | { readonly kind: "record"; readonly report: RecordReport }
  /** a survey that holds, in a sentence */
  | { readonly kind: "survey"; readonly sentence: string }
  | { readonly kind: "trust"; readonly sentence: string }
  /** rounds that follow a refused one */
  | { readonly kind: "skipped"; readonly rounds: number }
  /** the source cannot be read */
  | { readonly kind: "malformed"; readonly message: string }
  /** it goes on, but not now: null when it does again */
  | { readonly kind: "trouble"; readonly message: string | null }
  /** all that there is is checked, and the venue is watched for more */
  | { readonly kind: "waiting"; readonly next: number }
  | { readonly kind: "end" };
