import { useState } from "preact/hooks";
import type { OwnProps } from "./Own.tsx";
import { numberOf, Said, type Outcome } from "./parts.tsx";
import { refusalOf } from "./session.ts";
import { TEXTS } from "./texts.ts";
import { depositByWallet } from "./wallet.ts";

/** Play money that is taken at once. */
export const PLAY_MONEY = 50_000_000n;

/** Deposits and withdrawals. */
export function Money({ session, isDevelopment, contract }: Pick<OwnProps, "session" | "isDevelopment" | "contract">) {
  const [amount, setAmount] = useState("");
  const [paid, setPaid] = useState("");
  const [recipient, setRecipient] = useState("");
  const [less, setLess] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [busy, setBusy] = useState(false);

  const act = (work: () => Promise<string>) => async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setOutcome({ mark: "wait", text: TEXTS.sending });
    try {
      setOutcome({ mark: "good", text: await work() });
    } catch (error) {
      setOutcome({ mark: "bad", text: TEXTS.notSent + refusalOf(error).message });
    } finally {
      setBusy(false);
    }
  };
  const positive = (name: string, text: string): bigint => {
    const number = numberOf(text);
    if (number === null || number < 1n) throw new Error(TEXTS.noNumber(name));
    return number;
  };
  const deposit = act(async () => {
    const value = positive(TEXTS.depositAmount, amount);
    if (contract) return depositByWallet(contract, value, await session.ask("depositKey", null), (text) => setOutcome({ mark: "wait", text })); // prettier-ignore
    await session.ask("deposit", { amount: value });
    return TEXTS.deposited;
  });
  const withdraw = act(async () => {
    const told = await session.ask("withdraw", { amount: positive(TEXTS.depositAmount, paid), recipient: recipient.trim(), lessAccepted: less }); // prettier-ignore
    if (told.reason !== null) throw new Error(TEXTS.rejected(told.verdict!, told.reason));
    return TEXTS.withdrawTold(told.n);
  });

  return (
    <div id="money" class="fields">
      <form onSubmit={deposit}>
        <h3>{TEXTS.deposit}</h3>
        <p class="note">{contract ? TEXTS.depositChain : isDevelopment ? TEXTS.depositPlay : TEXTS.depositNone}</p>
        {(contract || isDevelopment) && [
          <label for="deposit-amount">{TEXTS.depositAmount}</label>,
          <input id="deposit-amount" inputMode="numeric" autocomplete="off" value={amount} onInput={(event) => setAmount(event.currentTarget.value)} />, // prettier-ignore
          <button type="submit" class="primary" disabled={busy}>
            {TEXTS.deposit}
          </button>,
        ]}
      </form>
      <form onSubmit={withdraw}>
        <h3>{TEXTS.withdraw}</h3>
        <label for="withdraw-amount">{TEXTS.depositAmount}</label>
        <input
          id="withdraw-amount"
          inputMode="numeric"
          autocomplete="off"
          value={paid}
          onInput={(event) => setPaid(event.currentTarget.value)}
        />
        <label for="recipient">{TEXTS.withdrawTo}</label>
        <input
          id="recipient"
          autocomplete="off"
          spellcheck={false}
          value={recipient}
          onInput={(event) => setRecipient(event.currentTarget.value)}
        />
        <label class="check">
          <input type="checkbox" checked={less} onChange={(event) => setLess(event.currentTarget.checked)} />{" "}
          {TEXTS.withdrawLess}
        </label>
        <button type="submit" class="primary" disabled={busy}>
          {TEXTS.withdrawSend}
        </button>
      </form>
      <Said id="money-said" outcome={outcome} />
    </div>
  );
}
