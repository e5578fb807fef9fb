import type { Account } from "../protocol/account.ts";
import { INSTRUMENTS, INSURANCE } from "../protocol/parameters.ts";
import type { Prices } from "../protocol/prices.ts";
import type { Defaults } from "../protocol/rules.ts";

/**
 * Which accounts may be below their target: in floating point, with room for what that rounds, as there are many and few of them
 * are. Whoever is named is to be judged in whole numbers; whoever is not is not below.
 */
export class Standings {
  #accounts: (Account | undefined)[] = [];
  /** cash, then positions, an account after another */
  #numbers = new Float64Array(0);

  /** Indexes, in rising order: of the insurance account never. Only accounts that are other objects than the last time are read. */
  near(accounts: readonly Account[], prices: Prices, { target }: Pick<Defaults, "target">): number[] {
    const part = Number(target) / 1024;
    const found: number[] = [];
    this.#each(accounts, prices, (index, equity, risk, size) => {
      if (equity - part * risk <= size * ROUNDING) found.push(index);
    });
    return found;
  }

  /** Indexes of those with the least equity for each unit of the worst loss, as far as there is one: `limit` at most. */
  nearest(accounts: readonly Account[], prices: Prices, limit: number): number[] {
    const found: [index: number, ratio: number][] = [];
    this.#each(accounts, prices, (index, equity, risk, size) => {
      if (risk > size * ROUNDING) found.push([index, equity / risk]);
    });
    return found.sort(([, a], [, b]) => a - b).slice(0, limit).map(([index]) => index); // prettier-ignore
  }

  /** @param tell  of each account E_0 and M, about, and the sum of what was added for them, cash units */
  #each(
    accounts: readonly Account[],
    prices: Prices,
    tell: (index: number, equity: number, risk: number, size: number) => void,
  ): void {
    this.#read(accounts);
    const scenarios = prices.values.length;
    const values = Float64Array.from(prices.values.flat(), Number);
    const charges = Float64Array.from([...prices.longCharges, ...prices.shortCharges], Number);
    const worth = new Float64Array(scenarios);
    for (let index = 0; index < accounts.length; index++) {
      if (index === INSURANCE) continue;
      const at = index * WORDS;
      worth.fill(0);
      let [cost, size] = [0, Math.abs(this.#numbers[at])];
      for (let i = 0; i < INSTRUMENTS; i++) {
        const lots = this.#numbers[at + 1 + i];
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
      tell(index, this.#numbers[at] + worth[0], worth[0] - least, size + cost);
    }
  }

  #read(accounts: readonly Account[]): void {
    if (this.#numbers.length < accounts.length * WORDS) {
      const numbers = new Float64Array(2 * accounts.length * WORDS);
      numbers.set(this.#numbers);
      this.#numbers = numbers;
    }
    for (let index = 0; index < accounts.length; index++) {
      const account = accounts[index];
      if (this.#accounts[index] === account) continue;
      this.#accounts[index] = account;
      const at = index * WORDS;
      this.#numbers[at] = Number(account.cash);
      for (let i = 0; i < INSTRUMENTS; i++) this.#numbers[at + 1 + i] = Number(account.positions[i]);
    }
  }
}

const WORDS = 1 + INSTRUMENTS;
/** Far above what some hundred additions of doubles round, as a part of what is added. */
const ROUNDING = 1e-12;
