/** Which component and template each signal of a circuit belongs to, from its name. */
import type { Statement } from "./statements.ts";

export interface Place {
  /** Path of the component, "" for main. */
  readonly path: string;
  readonly template: string;
  /** Name of the signal in its component: "out[0]", or "after.cash" of a bus. */
  readonly signal: string;
}

/**
 * The template of the component at a path, "" for main; undefined where there is a bus.
 * @param statements  of all its sources
 */
export function templatesOf(statements: readonly Statement[], main: string): (path: string) => string | undefined {
  /** "Clear/walk" is of template ClearSlot. */
  const made = new Map<string, string>();
  for (const { template, text } of statements) {
    const found = /^(?:component\s+)?(\w+)(?:\[.*?\])*\s*=\s*(\w+)\s*\(/.exec(text);
    if (found) made.set(`${template}/${found[1]}`, found[2]);
  }
  const known = new Set([main, ...statements.map(({ template }) => template)]);
  const templates = new Map<string, string | undefined>([["", main]]);
  const templateOf = (path: string): string | undefined => {
    if (templates.has(path)) return templates.get(path);
    const cut = path.lastIndexOf(".");
    const owner = templateOf(path.slice(0, Math.max(0, cut)));
    const name = path.slice(cut + 1).replace(/\[.*$/, "");
    const anonymous = /^(\w+?)_\d+_\d+$/.exec(name)?.[1];
    const template = owner === undefined ? undefined : (made.get(`${owner}/${name}`) ?? anonymous);
    templates.set(path, template !== undefined && known.has(template) ? template : undefined);
    return templates.get(path);
  };
  return templateOf;
}

export function placesOf(statements: readonly Statement[], main: string): (name: string) => Place {
  const templateOf = templatesOf(statements, main);
  return (name) => {
    for (let path = name; path !== "";) {
      path = path.slice(0, Math.max(0, path.lastIndexOf(".")));
      const template = templateOf(path);
      if (template !== undefined) return { path, template, signal: path === "" ? name : name.slice(path.length + 1) };
    }
    throw new Error(`${name} has no component`);
  };
}
