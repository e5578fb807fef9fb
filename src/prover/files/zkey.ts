import type { G1Point } from "../../protocol/proof.ts";
import { badFile } from "../sections.ts";
import { POINT_BYTES } from "./integers.ts";
import { readKeyPoints, type KeyPoints } from "./keyPoints.ts";
import { decodeG1 } from "./points.ts";
import type { FileSource } from "./source.ts";
import { verificationKeyJson, type VerificationKeyJson } from "./verificationKey.ts";
import { openSections, type KeySections } from "./zkeySections.ts";

export type { KeyPoints } from "./keyPoints.ts";
export type { VerificationKeyJson } from "./verificationKey.ts";

/** Number of the section of points for the public values. */
const IC = 3;

export interface KeyFile extends KeySections {
  readonly points: KeyPoints;
  /** of the public values, the first for the constant one */
  readonly ic: readonly G1Point[];
  /** the key that verifies what this one proves; made at the first use, which takes some milliseconds */
  readonly verificationKey: VerificationKeyJson;
}

/**
 * Opens a key, and checks the points of its header too, some pairings. Left for others: checkCoefficients, and whether
 * the points of the large sections are on their curves (isPoint).
 * @throws TacitError as openKeySections
 */
export async function openKey(source: FileSource, options: { signal?: AbortSignal } = {}): Promise<KeyFile> {
  const { sections, header } = await openSections(source, options);
  try {
    const ic = decodeIc(await sections.read("ic"));
    const points = readKeyPoints(header);
    let verificationKey: VerificationKeyJson | undefined;
    return {
      ...sections,
      points,
      ic,
      get verificationKey() {
        return (verificationKey ??= verificationKeyJson({ ...points, ic }));
      },
    };
  } catch (error) {
    await sections.close();
    throw error;
  }
}

function decodeIc(bytes: Uint8Array): G1Point[] {
  return Array.from({ length: bytes.length / POINT_BYTES.g1 }, (_, i) => {
    const point = decodeG1(bytes.subarray(i * POINT_BYTES.g1, (i + 1) * POINT_BYTES.g1));
    if (typeof point === "string") throw badFile("zkey", `is unsound: its point ${i} ${point}`, IC);
    return point;
  });
}
