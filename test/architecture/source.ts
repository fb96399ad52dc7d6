// Reads TypeScript well enough to judge it: what is code, what is a comment, what is text, and what is imported.
import { dirname, posix } from "node:path";

export interface Import {
  /** As written, such as `./x.ts` or `node:fs`. */
  readonly specifier: string;
  /** Path within the repository, or the specifier where it is a package. */
  readonly target: string;
  /** Gone when the file runs: `import type`, `export type … from`, `import("x").T`. */
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface Source {
  /** Within the repository, with slashes. */
  readonly path: string;
  readonly lines: number;
  /** The text with comments blanked. Same length, same lines. */
  readonly code: string;
  /** The text with comments and the inside of strings and regular expressions blanked. */
  readonly bare: string;
  readonly imports: readonly Import[];
}

export function parse(path: string, text: string): Source {
  const { code, bare } = blank(text);
  return { path, code, bare, lines: text.trimEnd().split("\n").length, imports: importsOf(path, code, bare) };
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

const STATIC = /\b(?:import|export)\b(\s+type\b(?!\s*,|\s+from\b))?\s*(?:[\w$\s{},*]*?\bfrom\s*)?(["'])([^"'\n]+)\2/g;
const DYNAMIC = /(\btypeof\s+)?\bimport\s*\(\s*(["'])([^"'\n]+)\2\s*\)(\s*\.\s*[A-Z])?/g;

function importsOf(path: string, code: string, bare: string): readonly Import[] {
  const found: Import[] = [];
  const add = (match: RegExpMatchArray, specifier: string, typeOnly: boolean) => {
    const index = match.index ?? 0;
    if (!/\S/.test(bare.charAt(index))) return; // it stands in a string: somebody's example
    found.push({ specifier, target: targetOf(path, specifier), typeOnly, line: lineAt(code, index) });
  };
  for (const match of code.matchAll(STATIC)) add(match, match[3] ?? "", match[1] !== undefined);
  for (const match of code.matchAll(DYNAMIC))
    add(match, match[3] ?? "", match[1] !== undefined || match[4] !== undefined);
  return found;
}

function targetOf(path: string, specifier: string): string {
  return specifier.startsWith(".") ? posix.join(dirname(path), specifier) : specifier;
}

/** After these a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEX =
  /(?:[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|yield|await)|^)\s*$/;

function blank(text: string): { code: string; bare: string } {
  const code = text.split(""); // by UTF-16 units: positions are those of the text
  const bare = [...code];
  const erase = (chars: string[], from: number, to: number) => {
    for (let i = from; i < to; i++) if (chars[i] !== "\n") chars[i] = " ";
  };
  /** Depths of braces at which a template literal goes on. */
  const templates: number[] = [];
  let depth = 0;
  let i = 0;
  const endOf = (pattern: RegExp, from: number) => {
    pattern.lastIndex = from;
    const match = pattern.exec(text);
    return match === null ? text.length : match.index + match[0].length;
  };
  const templateText = (from: number) => {
    const end = endOf(/(?<=(?:^|[^\\])(?:\\\\)*)(?:`|\$\{)/g, from);
    const open = text.startsWith("${", end - 2);
    erase(bare, from, end - (open ? 2 : 1));
    if (open) templates.push(depth++);
    return end;
  };
  while (i < text.length) {
    const char = text.charAt(i);
    const next = text.charAt(i + 1);
    if (char === "/" && (next === "/" || next === "*")) {
      const end = next === "/" ? text.indexOf("\n", i) : text.indexOf("*/", i + 2) + 2;
      const stop = end < i + 2 ? text.length : end;
      erase(code, i, stop);
      erase(bare, i, stop);
      i = stop;
    } else if (char === '"' || char === "'") {
      const end = endOf(char === '"' ? /(?:[^"\\\n]|\\[\s\S])*(?:"|\n)/y : /(?:[^'\\\n]|\\[\s\S])*(?:'|\n)/y, i + 1);
      erase(bare, i + 1, end - 1);
      i = end;
    } else if (char === "`") {
      i = templateText(i + 1);
    } else if (char === "{") {
      depth++;
      i++;
    } else if (char === "}") {
      depth--;
      i++;
      if (templates.at(-1) === depth) {
        templates.pop();
        i = templateText(i);
      }
    } else if (char === "/" && BEFORE_REGEX.test(bare.slice(Math.max(0, i - 40), i).join(""))) {
      const end = endOf(/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/|\n/y, i + 1);
      erase(bare, i + 1, end - 1);
      i = end;
    } else {
      i++;
    }
  }
  return { code: code.join(""), bare: bare.join("") };
}
