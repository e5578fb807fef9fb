import { useRef, useState } from "preact/hooks";
import { keepKey, keptKey } from "./kept.ts";
import { Said, save, type Outcome } from "./parts.tsx";
import { refusalOf, type Session } from "./session.ts";
import { TEXTS } from "./texts.ts";

/** A sealed key has some hundred bytes; a notebook has a line an order. */
const LONGEST = { key: 10_000, notebook: 256 * 1024 * 1024 };

export interface KeyProps {
  readonly session: Session;
  readonly url: string;
}

/** Makes a key, or opens one: of this browser, or of a file. */
export function Key({ session, url }: KeyProps) {
  const [kept, setKept] = useState(() => keptKey(url));
  const [imports, setImports] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const what = imports ? "import" : kept === null ? "create" : "open";

  async function begin(event: Event): Promise<void> {
    event.preventDefault();
    const fields = form.current!.elements as unknown as Record<string, HTMLInputElement>;
    const passphrase = fields.passphrase.value;
    const keeps = fields.keep?.checked === true;
    fields.passphrase.value = "";
    setBusy(true);
    setOutcome({ mark: "wait", text: TEXTS.opening });
    try {
      if (what === "create") {
        const sealed = await session.begin("create", { url, passphrase });
        latest.sealed = sealed;
        if (!keeps || !keepKey(url, sealed)) latest.isKept = false;
        else latest.isKept = true;
      } else {
        const sealed = what === "open" ? kept! : await textOf(fields["key-file"], LONGEST.key);
        const notebook = what === "open" ? null : await textOf(fields["notebook-file"], LONGEST.notebook);
        if (sealed === null) throw new Error(TEXTS.keyFile);
        await session.begin("open", { url, sealed, passphrase, notebook });
        latest.sealed = sealed;
        latest.isKept = what === "open" || (keeps && keepKey(url, sealed));
      }
    } catch (error) {
      setOutcome({ mark: "bad", text: `✗ ${refusalOf(error).message}` });
    } finally {
      setBusy(false);
    }
  }

  function forget(): void {
    if (!confirm(TEXTS.forgetSure)) return;
    keepKey(url, null);
    setKept(null);
    setOutcome({ mark: "good", text: TEXTS.forgotten });
  }

  return (
    <section class="card" aria-labelledby="key-title" id="key">
      <h2 id="key-title">{TEXTS.key}</h2>
      <p class="note">{what === "open" ? TEXTS.keyKeptHere : TEXTS.keyIntro}</p>
      {new URL(url).origin !== location.origin && <p class="wait">{TEXTS.foreign(url)}</p>}
      <form ref={form} id="key-form" onSubmit={begin}>
        {what === "import" && [
          <label for="key-file">{TEXTS.keyFile}</label>,
          <input id="key-file" name="key-file" type="file" required />,
          <label for="notebook-file">{TEXTS.notebookFile}</label>,
          <input id="notebook-file" name="notebook-file" type="file" />,
        ]}
        <label for="passphrase">{TEXTS.passphrase}</label>
        <input
          id="passphrase"
          name="passphrase"
          type="password"
          required
          autocomplete={what === "create" ? "new-password" : "current-password"}
        />
        {what === "create" && <p class="note">{TEXTS.passphraseHint}</p>}
        {what !== "open" && (
          <label class="check">
            <input type="checkbox" name="keep" checked={what === "create"} /> {TEXTS.keep}
          </label>
        )}
        <div class="row">
          <button type="submit" class="primary" disabled={busy}>
            {what === "create" ? TEXTS.keyMake : TEXTS.keyOpen}
          </button>
          <button type="button" onClick={() => setImports(!imports)} id="import">
            {imports ? (kept === null ? TEXTS.keyMake : TEXTS.keyOpen) : TEXTS.keyImport}
          </button>
          {what === "open" && (
            <button type="button" id="forget" onClick={forget}>
              {TEXTS.forget}
            </button>
          )}
        </div>
        <Said id="key-status" outcome={outcome} />
      </form>
    </section>
  );
}

/** The sealed key that is open, to be saved; and whether this browser has it. */
const latest: { sealed: string | null; isKept: boolean } = { sealed: null, isKept: false };

/** What can be done with an open key. */
export function KeyMenu({ session, url }: KeyProps) {
  async function saveNotebook(): Promise<void> {
    save("tacit-notebook.json", await session.ask("notebook", null));
  }
  function forget(): void {
    if (latest.isKept && !confirm(TEXTS.forgetSure)) return;
    keepKey(url, null);
    latest.sealed = null;
    session.forget();
  }
  return (
    <div class="row card" id="key-menu">
      {!latest.isKept && <span class="wait">{TEXTS.keyNotKept}</span>}
      <button type="button" onClick={() => latest.sealed !== null && save("tacit-key.json", latest.sealed)}>
        {TEXTS.saveKey}
      </button>
      <button type="button" onClick={() => void saveNotebook()}>
        {TEXTS.saveNotebook}
      </button>
      {latest.isKept && (
        <button type="button" id="lock" onClick={() => session.forget()}>
          {TEXTS.lock}
        </button>
      )}
      <button type="button" id="forget" onClick={forget}>
        {TEXTS.forget}
      </button>
    </div>
  );
}

async function textOf(input: HTMLInputElement, longest: number): Promise<string | null> {
  const file = input.files?.[0];
  if (!file) return null;
  if (file.size > longest) throw new Error(`${file.name} is larger than what Tacit writes`);
  return file.text();
}
