/** A suite for each backend that this engine has, with kernels as they were built. */
import { Random } from "../../../src/replay/random.ts";
import { FIELD } from "../../../src/protocol/numbers.ts";
import { detectBackend, enableRelaxedSimd } from "../../../src/prover/engine/backend.ts";
import type { Backend } from "../../../src/prover/engine/engine.ts";
import { HASH_MODULES, startHashKernels, type HashKernels } from "../../../src/prover/hash/index.ts";

export function describeKernels(what: string, body: (kernels: () => HashKernels, backend: Backend) => void): void {
  for (const backend of Object.keys(HASH_MODULES) as Backend[])
    describe(`${what}, ${backend}`, () => {
      let kernels: HashKernels;
      before(async function () {
        enableRelaxedSimd();
        if (backend === "fma" && detectBackend() !== "fma") this.skip();
        kernels = await startHashKernels({ backend });
      });
      body(() => kernels, backend);
    });
}

export const randomElement = (random: Random): bigint => random.bits(260) % FIELD;

/** Also where carries and reductions turn. */
export function edgeElement(random: Random): bigint {
  const power = 1n << BigInt(random.integer(0, 253));
  return random.pick([0n, 1n, 2n, FIELD - 1n, FIELD - 2n, (FIELD - 1n) / 2n, power, power - 1n, FIELD - power]);
}
