import { element } from "./dom.ts";

/** Cells of a row, or cells with the class of the row. */
export type Row = readonly string[] | { readonly cells: readonly string[]; readonly mark: string };

export function table(title: string, heads: readonly string[], rows: readonly Row[]): HTMLElement {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const none = element("tr", {}, element("td", { colspan: String(heads.length) }, "none"));
  const body = rows.map((row) => {
    const { cells, mark } = "cells" in row ? row : { cells: row, mark: "" };
    return element("tr", mark ? { class: mark } : {}, ...cells.map((text) => element("td", {}, text)));
  });
  const made = element(
    "table",
    {},
    element("caption", {}, title),
    element("thead", {}, head),
    element("tbody", {}, ...(body.length > 0 ? body : [none])),
  );
  // Wide tables scroll by themselves, also by keys.
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, made);
}
