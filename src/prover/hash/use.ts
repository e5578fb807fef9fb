import { usePrimitives } from "../../protocol/primitives.ts";
import { startHashKernels } from "./index.ts";

/** Hashes and checks of signatures in WebAssembly from here on. @throws TacitError NOT_BUILT */
export async function useHashKernels(): Promise<void> {
  usePrimitives(await startHashKernels());
}
