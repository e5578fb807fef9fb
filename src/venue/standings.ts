import type { Account } from "../protocol/account.ts";
import { INSTRUMENTS, INSURANCE } from "../protocol/parameters.ts";
import type { Prices } from "../protocol/prices.ts";
import type { Defaults } from "../protocol/rules.ts";

/**
 * Which accounts may be under maintenance, or, with a flag, below their target: in floating point, with room for what that rounds, as
 * there are many and few of them are. Whoever is named is to be judged in whole numbers; whoever is not is neither. Prices, and
 * accounts, that are the same objects as the last time are not looked at again.
 */
export class Standings {
  #accounts: (Account | undefined)[] = [];
  /** cash, then positions, an account after another */
  #numbers = new Float64Array(0);
  /** NEAR */
  #near = new Uint8Array(0);
  #prices: Prices | null = null;
  #parts: readonly bigint[] = [];
  #isAnyBelow = false;

  /** Whether, when it was asked last, some account may have been below its target, with or without a flag. */
  get isAnyBelow(): boolean {
    return this.#isAnyBelow;
  }

  /** Indexes, in rising order: of the insurance account never. */
  near(
    accounts: readonly Account[],
    prices: Prices,
    { maintenance, target }: Pick<Defaults, "maintenance" | "target">,
  ): number[] {
    const changed = this.#read(accounts);
    const isSame = prices === this.#prices && this.#parts[0] === maintenance && this.#parts[1] === target;
    [this.#prices, this.#parts] = [prices, [maintenance, target]];
    const part = partOf(this.#numbers, prices);
    const [least, most] = [Number(maintenance), Number(target)];
    const judge = (index: number) => {
      const carried = part(index);
      this.#near[index] = carried < least || (carried < most && accounts[index].flagged !== 0n) ? NEAR.judged : carried < most ? NEAR.below : NEAR.no; // prettier-ignore
    };
    if (isSame) for (const index of changed) judge(index);
    else for (let index = 0; index < accounts.length; index++) judge(index);
    const found: number[] = [];
    this.#isAnyBelow = false;
    for (let index = 0; index < accounts.length; index++) {
      if (this.#near[index] === NEAR.no || index === INSURANCE) continue;
      this.#isAnyBelow = true;
      if (this.#near[index] === NEAR.judged) found.push(index);
    }
    return found;
  }

  /** Indexes of those whose equity carries the least part of their worst loss, about, as far as there is one: `limit` at most. */
  nearest(accounts: readonly Account[], prices: Prices, limit: number): number[] {
    // What has changed is judged when it is asked who is near.
    this.#prices = null;
    this.#read(accounts);
    const part = partOf(this.#numbers, prices);
    const carried = accounts.flatMap((_, index): [number, number][] =>
      index === INSURANCE ? [] : [[index, part(index)]],
    );
    const some = carried.filter(([, it]) => it !== Infinity).sort(([, a], [, b]) => a - b);
    return some.slice(0, limit).map(([index]) => index);
  }

  /** @returns indexes of the accounts that are others than the last time */
  #read(accounts: readonly Account[]): number[] {
    if (this.#near.length < accounts.length) {
      const [numbers, near] = [new Float64Array(2 * accounts.length * WORDS), new Uint8Array(2 * accounts.length)];
      numbers.set(this.#numbers);
      near.set(this.#near);
      [this.#numbers, this.#near] = [numbers, near];
    }
    const changed: number[] = [];
    for (let index = 0; index < accounts.length; index++) {
      const account = accounts[index];
      if (this.#accounts[index] === account) continue;
      changed.push(index);
      this.#accounts[index] = account;
      const at = index * WORDS;
      this.#numbers[at] = Number(account.cash);
      for (let i = 0; i < INSTRUMENTS; i++) this.#numbers[at + 1 + i] = Number(account.positions[i]);
    }
    return changed;
  }
}

/** Of an account of `numbers`, 1024ths of its worst loss that its equity carries at least; Infinity where there is no loss. */
function partOf(numbers: Float64Array, prices: Prices): (index: number) => number {
  const scenarios = prices.values.length;
  const values = Float64Array.from(prices.values.flat(), Number);
  const charges = Float64Array.from([...prices.longCharges, ...prices.shortCharges], Number);
  const worth = new Float64Array(scenarios);
  return (index) => {
    const at = index * WORDS;
    worth.fill(0);
    let [cost, size] = [0, Math.abs(numbers[at])];
    for (let i = 0; i < INSTRUMENTS; i++) {
      const lots = numbers[at + 1 + i];
      if (lots === 0) continue;
      cost += Math.abs(lots) * charges[lots > 0 ? i : INSTRUMENTS + i];
      for (let k = 0; k < scenarios; k++) {
        const value = lots * values[k * INSTRUMENTS + i];
        worth[k] += value;
        size += Math.abs(value);
      }
    }
    let least = worth[0];
    for (let k = 1; k < scenarios; k++) least = Math.min(least, worth[k] - cost);
    const rounded = (size + cost) * ROUNDING;
    const equity = numbers[at] + worth[0] - rounded;
    const risk = worth[0] - least + rounded;
    if (equity < 0) return -1;
    return risk > 0 ? (1024 * equity) / risk : Infinity;
  };
}

const NEAR = { no: 0, below: 1, judged: 2 } as const;
const WORDS = 1 + INSTRUMENTS;
/** Far above what some hundred additions of doubles round, as a part of what is added. */
const ROUNDING = 1e-12;
