import { parentPort } from "node:worker_threads";
import { emitKernels } from "../../src/prover/kernels/module.ts";

parentPort!.postMessage(emitKernels());
