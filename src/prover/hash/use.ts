import { TacitError } from "../../protocol/errors.ts";
import { usePrimitives } from "../../protocol/primitives.ts";
import { startHashKernels } from "./index.ts";

/** Hashes and checks of signatures in WebAssembly from here on; in plain JavaScript where the kernels are not built. */
export async function useHashKernels(): Promise<void> {
  try {
    usePrimitives(await startHashKernels());
  } catch (error) {
    if (!(error instanceof TacitError && error.code === "NOT_BUILT")) throw error;
  }
}
