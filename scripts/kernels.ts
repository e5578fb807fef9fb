import { buildCommand } from "./kernels/command.ts";
import { buildKernels } from "./kernels/index.ts";

for (const [name, bytes] of Object.entries(await buildKernels())) console.log(`build/kernels/${name}: ${bytes} bytes`);
await buildCommand();
