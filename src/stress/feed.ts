import { advance, noHistory, numbersOf, type History } from "../feeds/computation.ts";
import { MOST_REPORTED, quoteNames } from "../feeds/observation.ts";
import { max, min } from "../protocol/numbers.ts";
import type { Numbers } from "../protocol/report.ts";
import type { Rules } from "../protocol/rules.ts";
import { VOLATILITY, type Moment } from "./paths.ts";

/** Epochs before the first, in which the index moves up and down by as much as its volatility says. */
const WARM_UP = 120n;
const YEAR = 31_536_000;

/** All feeds of a run, which agree: the numbers of each epoch are what feeds compute of what they see (docs/feeds.md). */
export class StressFeed {
  readonly #rules: Rules;
  #history: History;

  /** @param epoch  before the first one that is asked for, above WARM_UP; where nothing has moved yet */
  constructor(rules: Rules, epoch: bigint, first: Moment) {
    this.#rules = rules;
    const { epochLength } = rules.group.pricing;
    this.#history = noHistory(epochLength, epoch - WARM_UP - 1n);
    const step = VOLATILITY * Math.sqrt(Number(epochLength) / YEAR);
    for (let i = WARM_UP; i >= 0n; i--) {
      const index = BigInt(Math.round(Number(first.index) * Math.exp(i % 2n === 0n ? 0 : step)));
      this.#see({ ...first, index });
    }
  }

  /** Of the next epoch. @param over  of the perpetual over the index, cash units a lot */
  numbers(moment: Moment, over = 0n): Numbers {
    this.#see(moment, over);
    return this.last;
  }

  /** Of the last epoch. */
  get last(): Numbers {
    const { instruments, group } = this.#rules;
    const outcome = numbersOf(this.#history, { instruments, pricing: group.pricing }, { warmUp: 1 });
    if (!outcome.ok) throw new Error(`unreachable: the feed lacks ${outcome.lacks}`);
    return outcome.numbers;
  }

  #see({ index, volatility }: Moment, over = 0n): void {
    const { instruments, group } = this.#rules;
    const { epochLength } = group.pricing;
    const epoch = this.#history.epoch + 1n;
    const reported = (x: bigint) => max(1n, min(MOST_REPORTED, x));
    const values = new Map([["perpetual", reported(index + over)]]);
    quoteNames(instruments).forEach((name, i) => {
      if (name === null || values.has(name)) return;
      const isOption = instruments[i]!.contract.strike !== 0n;
      values.set(name, isOption ? reported(BigInt(Math.round(volatility * 2 ** 24))) : reported(index));
    });
    const observation = { time: epoch * epochLength, index: reported(index), values };
    this.#history = advance(this.#history, epoch, [observation], [{ instruments, pricing: group.pricing }]);
  }
}
