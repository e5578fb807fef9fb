// What mocha's own reporter prints, and the ten files that took longest: tests and hooks together.
const { reporters, Runner } = require("mocha");

const SHOWN = 10;

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const took = new Map();
    const add = ({ file, duration = 0 }) => took.set(file, (took.get(file) ?? 0) + duration);
    runner.on(Runner.constants.EVENT_TEST_END, add);
    runner.on(Runner.constants.EVENT_HOOK_END, add);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const slowest = [...took].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
      if (took.size < 2) return;
      console.log("  slowest files");
      for (const [file, ms] of slowest)
        console.log(`    ${(ms / 1000).toFixed(1).padStart(6)} s  ${String(file).replace(`${process.cwd()}/`, "")}`);
      console.log();
    });
  }
};
