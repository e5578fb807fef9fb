/** `npm run build:web`: what browsers load, with the size of each file, gzipped. */
import { bundleProver, bundleVerifier } from "./bundle.ts";

console.log(`build/verifier.js: ${await bundleVerifier()} bytes gzipped`);
for (const [name, bytes] of Object.entries(await bundleProver()))
  console.log(`build/prover/${name}: ${bytes} bytes gzipped`);
