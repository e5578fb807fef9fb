import { outOfRange, TacitError } from "../protocol/errors.ts";
import { Random } from "../replay/random.ts";
import { LEAST_EPOCHS, MOST_EPOCHS } from "./ranges.ts";

/** What feeds see at the end of an epoch. */
export interface Moment {
  /** cash units a lot, 1 to 2^36 */
  readonly index: bigint;
  /** of options, per sqrt(year), 0.05 to 5 */
  readonly volatility: number;
}

/** The index that every path but that of a file begins at, cash units a lot. */
export const START_INDEX = 100_000;
const MOST_INDEX = 2 ** 36;
const [LEAST_VOLATILITY, MOST_VOLATILITY] = [0.05, 5];
/** A year's volatility of what is not the path's own, and of options where a path says nothing else. */
export const VOLATILITY = 0.6;
const EPOCHS_A_YEAR = 525_600;
/** By which returns of the trades of a file are multiplied: half an hour of one share is calm. */
const TRADES_SCALE = 25;

/** Where a path is: epochs from 0, and how many there are. */
interface At {
  readonly epoch: number;
  readonly epochs: number;
}
interface Shape {
  readonly says: string;
  /** log return of the epoch beside the diffusion */
  readonly move: (at: At) => number;
  /** of options; default: VOLATILITY */
  readonly volatility?: (at: At) => number;
  /** part of the run after which the options expire; default: long after it */
  readonly expiry?: number;
}

const at = (part: number, { epochs }: At) => Math.floor(part * epochs);
/** Whether an epoch is one of `count` from a part of the run on. */
const within = (part: number, count: number, it: At) => it.epoch >= at(part, it) && it.epoch < at(part, it) + count;
/** From `low` to `high` when the event comes, then back by halves. */
const panic = (part: number, high: number, half: number) => (it: At) => {
  const since = it.epoch - at(part, it);
  return since < 0 ? VOLATILITY : VOLATILITY + (high - VOLATILITY) * 0.5 ** (since / half);
};

const SHAPES = {
  calm: { says: "a diffusion of 60% a year", move: () => 0 },
  grind: {
    says: "falls by 40% over the whole run",
    move: ({ epochs }) => Math.log(0.6) / epochs,
    volatility: ({ epoch, epochs }) => VOLATILITY * (1 + epoch / epochs / 2),
  },
  crash: {
    says: "falls by 35% in six minutes, then takes back a third of it",
    move: (it) =>
      within(0.3, 6, it) ? Math.log(0.65) / 6 : within(0.45, 30, it) ? Math.log(1 + 0.35 / 3 / 0.65) / 30 : 0,
    volatility: panic(0.3, 1.8, 90),
  },
  gap: {
    says: "falls by 15% from one minute to the next",
    move: (it) => (within(0.3, 1, it) ? Math.log(0.85) : 0),
    volatility: panic(0.3, 1.2, 60),
  },
  halt: {
    says: "falls by 30% from one minute to the next, which halts its epoch",
    move: (it) => (within(0.3, 1, it) ? Math.log(0.7) : 0),
    volatility: panic(0.3, 1.8, 60),
  },
  squeeze: {
    says: "rises by 45% in twelve minutes",
    move: (it) => (within(0.3, 12, it) ? Math.log(1.45) / 12 : 0),
    volatility: panic(0.3, 1.5, 90),
  },
  whipsaw: {
    says: "falls and rises by 8%, every eight minutes in turn",
    move: (it) => {
      const since = it.epoch - at(0.3, it);
      if (since < 0 || it.epoch >= at(0.7, it) || since % 8 !== 0) return 0;
      return since % 16 === 0 ? Math.log(0.92) : -Math.log(0.92);
    },
    volatility: panic(0.5, 1.2, 120),
  },
  volatility: {
    says: "the index as in calm, the volatility of options from 60% to 220% in ten minutes",
    move: () => 0,
    volatility: (it) => VOLATILITY + 1.6 * Math.max(0, Math.min(1, (it.epoch - at(0.3, it)) / 10)),
  },
  expiry: {
    says: "rises by 12% in the half hour before options expire",
    move: (it) => (within(0.6, 30, { ...it, epoch: it.epoch + 30 }) ? Math.log(1.12) / 30 : 0),
    expiry: 0.6,
  },
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof SHAPES;
export const SHAPE_NAMES = Object.keys(SHAPES) as ShapeName[];
/** All paths of `--path all`, in the order of its table; "trades" is made of a file of trades. */
export const PATH_NAMES = [...SHAPE_NAMES, "trades"] as const;
export type PathName = (typeof PATH_NAMES)[number];
export const PATH_SAYS: Readonly<Record<PathName, string>> = {
  ...(Object.fromEntries(SHAPE_NAMES.map((name) => [name, SHAPES[name].says])) as Record<ShapeName, string>),
  trades: `trades of a file one after the other, returns ${TRADES_SCALE} times as large`,
};

/** Part of a run after which the options of a path expire, or null: after its end. */
export function expiryOf(name: string): number | null {
  const shape: Shape | undefined = Object.hasOwn(SHAPES, name) ? SHAPES[name as ShapeName] : undefined;
  return shape?.expiry ?? null;
}

/** A path that is made: the same seed gives the same one. @param epochs  LEAST_EPOCHS to MOST_EPOCHS */
export function madePath(name: ShapeName, { seed, epochs }: { seed: number; epochs: number }): Moment[] {
  const random = new Random(seed ^ 0x7a7b);
  const shape: Shape = SHAPES[name];
  let log = Math.log(START_INDEX);
  return Array.from({ length: epochs }, (_, epoch) => {
    const place = { epoch, epochs };
    log += shape.move(place) + (VOLATILITY / Math.sqrt(EPOCHS_A_YEAR)) * normal(random);
    return momentOf(Math.exp(log), shape.volatility?.(place) ?? VOLATILITY);
  });
}

/** A path of trades: as many of them in each epoch. @param prices  of trades in time order, above 0 @throws PATH */
export function tradesPath(prices: readonly number[], epochs: number): Moment[] {
  if (prices.length < epochs)
    throw new TacitError("PATH", `the file has ${prices.length} trades: expected at least one an epoch, ${epochs}`);
  let log = Math.log(START_INDEX);
  let before = prices[0];
  return Array.from({ length: epochs }, (_, epoch) => {
    const price = prices[Math.floor(((epoch + 1) * prices.length) / epochs) - 1];
    log += TRADES_SCALE * Math.log(price / before);
    before = price;
    return momentOf(Math.exp(log), VOLATILITY);
  });
}

/**
 * A path of a file: an epoch a line, `index` in cash units a lot or `index,volatility` per sqrt(year); lines that begin with #, and
 * empty ones, are left out.
 * @throws PATH  naming line and field, and what was expected
 */
export function readPath(text: string): Moment[] {
  const moments = text.split(/\r?\n/).flatMap((line, i): Moment[] => {
    if (/^\s*(#|$)/.test(line)) return [];
    const bad = (field: string, expected: string) =>
      new TacitError("PATH", `line ${i + 1}: ${field} is wrong: expected ${expected}`, {
        line: i + 1,
        field,
        expected,
      });
    const [index, volatility, ...rest] = line.split(",").map((it) => it.trim());
    if (rest.length > 0) throw bad("line", "index, or index and volatility, with a comma between them");
    const number = (field: string, given: string, least: number, most: number) => {
      const value = /^\d{1,12}(\.\d{1,12})?$/.test(given) ? Number(given) : NaN;
      if (!(value >= least && value <= most)) throw bad(field, `a number from ${least} to ${most}`);
      return value;
    };
    const quoted = volatility === undefined ? VOLATILITY : number("volatility", volatility, LEAST_VOLATILITY, MOST_VOLATILITY); // prettier-ignore
    return [momentOf(number("index", index, 1, MOST_INDEX), quoted)];
  });
  if (moments.length < LEAST_EPOCHS || moments.length > MOST_EPOCHS)
    throw new TacitError("PATH", `the file has ${moments.length} epochs: expected ${LEAST_EPOCHS} to ${MOST_EPOCHS}, one a line`); // prettier-ignore
  return moments;
}

/** @throws OUT_OF_RANGE */
export function requireEpochs(epochs: number): number {
  if (!Number.isInteger(epochs) || epochs < LEAST_EPOCHS || epochs > MOST_EPOCHS)
    throw outOfRange("epochs", `${LEAST_EPOCHS} to ${MOST_EPOCHS}`);
  return epochs;
}

function momentOf(index: number, volatility: number): Moment {
  const inRange = (x: number, least: number, most: number) => Math.max(least, Math.min(most, x));
  return {
    index: BigInt(Math.round(inRange(index, 1, MOST_INDEX))),
    volatility: inRange(volatility, LEAST_VOLATILITY, MOST_VOLATILITY),
  };
}

/** Box and Muller 1958. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());
}
