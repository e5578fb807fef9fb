import { dataView } from "../sections.ts";

/** Bytes of a field element in every file: little endian. */
export const FIELD_BYTES = 32;

export type Group = "g1" | "g2";
/** Bytes of an affine point in a key. */
export const POINT_BYTES: Record<Group, number> = { g1: 2 * FIELD_BYTES, g2: 4 * FIELD_BYTES };

export function readInteger(bytes: Uint8Array, at = 0): bigint {
  const view = dataView(bytes);
  let value = 0n;
  for (let limb = 3; limb >= 0; limb--) value = (value << 64n) | view.getBigUint64(at + 8 * limb, true);
  return value;
}

/** A check for values of 32 bytes at a place: whether they are below the bound. Makes no bigint, as it runs a lot. */
export function belowCheck(bound: bigint): (view: DataView, at: number) => boolean {
  const words = Array.from({ length: 8 }, (_, i) => Number(BigInt.asUintN(32, bound >> BigInt(32 * i))));
  return (view, at) => {
    for (let i = 7; i >= 0; i--) {
      const word = view.getUint32(at + 4 * i, true);
      if (word !== words[i]) return word < words[i];
    }
    return false;
  };
}
