import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { thousands } from "../format.ts";
import { TEXTS } from "./texts.ts";

/** Small parts that several panels have. */

export const money = (value: bigint | null): string => (value === null ? "–" : thousands(value));
/** With its sign. */
export const gain = (value: bigint | null): string => (value === null ? "–" : `${value > 0n ? "+" : ""}${thousands(value)}`); // prettier-ignore
export const gainClass = (value: bigint | null): string => (value === null || value === 0n ? "" : value > 0n ? "good" : "bad"); // prettier-ignore

export type Cell = ComponentChildren;

/** A table that scrolls by itself where it is wide, also by keys. */
export function Table({
  title,
  heads,
  rows,
  hidden = false,
}: {
  title: string;
  heads: readonly string[];
  rows: readonly (readonly Cell[])[];
  hidden?: boolean;
}) {
  // prettier-ignore
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={title}>
      <table>
        <caption class={hidden ? "unseen" : ""}>{title}</caption>
        <thead>
          <tr>
            {heads.map((head) => (
              <th scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.length === 0 ? (
            <tr>
              <td colSpan={heads.length}>{TEXTS.none}</td>
            </tr>
          ) : (
            rows.map((cells) => (
              <tr>
                {cells.map((cell) => (
                  <td>{cell}</td>
                ))}
              </tr>
            ))
          )}
        </tbody>
      </table>
    </div>
  );
}

export function Facts({ rows }: { rows: readonly (readonly [string, ComponentChildren])[] }) {
  return <dl class="facts">{rows.map(([term, value]) => [<dt>{term}</dt>, <dd>{value}</dd>])}</dl>;
}

export function Tile({ name, value, mark = "" }: { name: string; value: string; mark?: string }) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd class={mark}>{value}</dd>
    </div>
  );
}

/** What it came to: once, where it was asked for. */
export interface Outcome {
  readonly mark: "good" | "bad" | "wait";
  readonly text: string;
}

export function Said({ outcome, id }: { outcome: Outcome | null; id: string }) {
  return (
    <p id={id} role="status" class={`said ${outcome?.mark ?? ""}`}>
      {outcome ? outcome.text : ""}
    </p>
  );
}

/** How sure an entry of the log is. */
export type State = keyof typeof TEXTS.states;
const SIGNS: Readonly<Record<State, string>> = { receipted: "○", final: "◐", proved: "●", chain: "◆" };

export function StateSign({ state }: { state: State | null }) {
  if (!state) return null;
  return (
    <span class={`state ${state}`} title={TEXTS.states[state]}>
      <span aria-hidden="true">{SIGNS[state]}</span> <span class="state-name">{TEXTS.stateNames[state]}</span>
    </span>
  );
}

/** A whole number by steps: by arrow keys, ten of them by the page keys, and by buttons. */
export function Stepped({
  id,
  label,
  value,
  step,
  least,
  onChange,
  disabled = false,
}: {
  id: string;
  label: string;
  value: string;
  step: bigint;
  least: bigint | null;
  onChange: (text: string) => void;
  disabled?: boolean;
}) {
  // prettier-ignore
  const input = useRef<HTMLInputElement>(null);
  const move = (steps: bigint) => {
    const now = numberOf(value) ?? 0n;
    // From between two steps to the next.
    const rest = ((now % step) + step) % step;
    const from = steps > 0n || rest === 0n ? now - rest : now - rest + step;
    const next = from + steps * step;
    onChange(String(least !== null && next < least ? least : next));
  };
  const steps: Readonly<Record<string, bigint>> = { ArrowUp: 1n, ArrowDown: -1n, PageUp: 10n, PageDown: -10n };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="stepped">
        <button
          type="button"
          tabIndex={-1}
          disabled={disabled}
          aria-label={TEXTS.step(label, false)}
          onClick={() => move(-1n)}
        >
          −
        </button>
        <input
          id={id}
          ref={input}
          inputMode="numeric"
          autocomplete="off"
          spellcheck={false}
          disabled={disabled}
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
          onKeyDown={(event) => {
            const by = steps[event.key];
            if (by === undefined) return;
            event.preventDefault();
            move(by);
          }}
        />
        <button
          type="button"
          tabIndex={-1}
          disabled={disabled}
          aria-label={TEXTS.step(label, true)}
          onClick={() => move(1n)}
        >
          +
        </button>
      </div>
    </div>
  );
}

/** A whole number as people write it, with commas or blanks between thousands; null for what is none. */
export function numberOf(text: string): bigint | null {
  const digits = text.replaceAll(/[,\s_']/g, "");
  return /^-?\d{1,30}$/.test(digits) ? BigInt(digits) : null;
}

/** Has the browser save a file. */
export function save(name: string, text: string, type = "application/json"): void {
  const href = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  Object.assign(link, { href, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
