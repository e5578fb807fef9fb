import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { BUILD, buildCircuits, type BuiltCircuit, type CircuitSource } from "../../src/setup/build.ts";

const FIXTURES = fileURLToPath(new URL("fixtures/", import.meta.url));

const MAINS = {
  product: { file: "product.circom", main: "Product()", outputs: ["product", "sum"] },
  shapes: { file: "shapes.circom", main: "Shapes()", outputs: ["total"] },
  chain: { file: "chain.circom", main: "Chain(1000)", outputs: ["last"] },
} as const;
export type FixtureName = keyof typeof MAINS;

export function fixtureSource(name: FixtureName, build: string = join(BUILD, "test")): CircuitSource {
  const { file, main, outputs } = MAINS[name];
  const folder = join(build, name);
  const path = relative(folder, join(FIXTURES, file));
  return {
    name,
    folder,
    main: `pragma circom 2.2.0;\ninclude "${path}";\ncomponent main = ${main};\n`,
    outputs,
  };
}

/** The fixture circuits, built once for all tests. */
export async function builtFixtures<Name extends FixtureName>(...names: Name[]): Promise<Record<Name, BuiltCircuit>> {
  const built = await buildCircuits(names.map((name) => fixtureSource(name)));
  return Object.fromEntries(built.map((circuit) => [circuit.name, circuit])) as Record<Name, BuiltCircuit>;
}
