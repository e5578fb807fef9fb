#!/usr/bin/env node
const command = new URL("../dist/cli/main.js", import.meta.url);
const { main } = await import(command).catch((error) => {
  if (error.code !== "ERR_MODULE_NOT_FOUND" || !error.message.includes(command.pathname)) throw error;
  console.error(
    "tacit: it is not built: run `npm run build:package` in a checkout, otherwise install it again (NOT_BUILT)",
  );
  process.exit(2);
});
process.exitCode = await main(process.argv.slice(2));
