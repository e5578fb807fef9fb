/** `npm run build:package`: writes dist/, which `npm ci` does too. */
import { buildPackage } from "./package/index.ts";

await buildPackage();
