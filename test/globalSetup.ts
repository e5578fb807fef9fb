import { ensurePackage } from "../scripts/package/index.ts";

/** Threads and kernels are built files, and some tests run the command: all that is brought up to date before any test. */
export const mochaGlobalSetup = ensurePackage;
