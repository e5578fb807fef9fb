import { element } from "../dom.ts";

export function table(title: string, heads: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const none = element("tr", {}, element("td", { colspan: String(heads.length) }, "none"));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((text) => element("td", {}, text))));
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
