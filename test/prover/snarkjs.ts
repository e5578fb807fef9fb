/** snarkjs, an oracle of tests. */
import * as snarkjs from "snarkjs";

interface Curve {
  tm: { singleThread?: boolean };
}

/** snarkjs with its curve made to run in this thread, so that it starts no threads which would keep the process alive. */
export async function singleThreaded(): Promise<typeof snarkjs> {
  const holder = globalThis as { curve_bn128?: Curve };
  if (!holder.curve_bn128?.tm.singleThread) {
    const { curves } = snarkjs as unknown as {
      curves: { getCurveFromName(name: string, options: { singleThread: boolean }): Promise<Curve> };
    };
    holder.curve_bn128 = await curves.getCurveFromName("bn128", { singleThread: true });
  }
  return snarkjs;
}
