/** The command from its source, for scripts that call it by its name. */
import { main } from "../../src/cli/main.ts";

process.exitCode = await main(process.argv.slice(2));
