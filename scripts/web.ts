/** `npm run build:web`: what browsers load, with the size of each file, gzipped. */
import { bundleProver, bundleVerifier } from "./bundle.ts";
import { buildPages } from "./web/vite.ts";

console.log(`build/verifier.js: ${await bundleVerifier()} bytes gzipped`);
for (const [folder, sizes] of [
  ["prover", await bundleProver()],
  ["web", await buildPages()],
] as const)
  for (const [name, bytes] of Object.entries(sizes)) console.log(`build/${folder}/${name}: ${bytes} bytes gzipped`);
