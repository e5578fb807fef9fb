import { buildKernels } from "./kernels/index.ts";

for (const [name, bytes] of Object.entries(await buildKernels())) console.log(`${name}.wasm ${bytes.length} bytes`);
