/** `npm run bench NAME [arguments]`: runs scripts/bench/NAME.ts. */
import { readdirSync } from "node:fs";

const names = readdirSync(new URL("./bench/", import.meta.url)).map((file) => file.replace(/\.ts$/, ""));
const [name] = process.argv.splice(2, 1);
if (names.includes(name)) await import(`./bench/${name}.ts`);
else {
  console.error(`usage: npm run bench NAME, where NAME is one of ${names.join(", ")}`);
  process.exitCode = 2;
}
