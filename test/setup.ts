import { ensureKernels } from "../scripts/kernels/index.ts";

/** Kernels and the prover's thread are built files: they are brought up to date before any test. */
export const mochaGlobalSetup = ensureKernels;
