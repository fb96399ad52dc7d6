// What docs/semantics.md says, read by a program: its promises, faults, bounds, settings and the tests it names.

export interface Citation {
  /** Row ids or faults that it is for. */
  readonly subjects: readonly string[];
  /** From the root of the repository. */
  readonly file: string;
  /** With what describes it, joined by " > ". */
  readonly title: string;
}

/** A table under a heading: its cells, row by row, the header left out. */
export type Rows = readonly (readonly string[])[];

export const MODES = ["promise", "default", "`claim: false`", "`ignoreResult`", "chosen id", "from Python", "Inv."];

/** The 18 that the page has to answer, and those that came with them. */
export const FAULTS = [
  ...[
    "worker kill",
    "Lambda timeout",
    "out of memory",
    "duplicate",
    "late delivery after delete",
    "stale receipt handle",
  ],
  ...["lost delete", "lost answer", "throttled DynamoDB", "DynamoDB outage", "SQS outage", "partial batch failure"],
  ...["clock skew of ±5 s", "process paused past its lease", "poison message", "unknown task", "deploy in mid-flight"],
  ...["retention passed", "payload store outage", "full local disk", "table deleted", "throttled index"],
  "permission or key lost",
];

function cellsOf(line: string): readonly string[] {
  return line
    .slice(1, line.lastIndexOf("|"))
    .split(" | ")
    .flatMap((cell) => cell.split(/^\||\|$/))
    .map((cell) => cell.trim());
}

/** The tables of a page, each with its header. */
export function tablesOf(page: string): readonly { readonly header: readonly string[]; readonly rows: Rows }[] {
  const blocks = page.split("\n\n").map((block) => block.split("\n").filter((line) => line.startsWith("|")));
  return blocks
    .filter((lines) => lines.length > 2)
    .map(([header = "", _rule, ...rows]) => ({ header: cellsOf(header), rows: rows.map(cellsOf) }));
}

/** Rows of the tables that state promises. */
export function promisesOf(page: string): Rows {
  return tablesOf(page)
    .filter(({ header }) => header.slice(1).join() === MODES.join())
    .flatMap(({ rows }) => rows);
}

/** The only table whose header begins so. */
export function tableOf(page: string, first: string): Rows {
  return tablesOf(page).find(({ header }) => header[0] === first)?.rows ?? [];
}

/** `- D1, D2 · [file](../test/file.test.ts): “title”, “title” · [file](…): “title”` */
export function citationsOf(page: string): readonly Citation[] {
  return page
    .split("\n")
    .filter((line) => line.startsWith("- ") && line.includes("](../test/"))
    .flatMap((line) => {
      const subjects = line.slice(2, line.indexOf(" · [")).split(", ");
      return [...line.matchAll(/\]\(\.\.\/(?<file>test\/[^)]+)\): (?<titles>“[^”]*”(?:, “[^”]*”)*)/g)].flatMap(
        ({ groups }) =>
          [...(groups?.titles ?? "").matchAll(/“(?<title>[^”]*)”/g)].map((match) => ({
            subjects,
            file: groups?.file ?? "",
            title: match.groups?.title ?? "",
          })),
      );
    });
}

/** Links to tests on the page, whether or not a title follows: `citationsOf` must not overlook one. */
export function linksToTests(page: string): readonly string[] {
  return [...page.matchAll(/^- .*$/gm)].flatMap(([line]) =>
    [...line.matchAll(/\]\(\.\.\/(test\/[^)]+)\)/g)].map(([, file]) => file ?? ""),
  );
}

const UNITS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3_600, d: 86_400 };

/** "14 d 1 h" in seconds; undefined where it is no time. */
export function secondsIn(text: string): number | undefined {
  const parts = [...text.matchAll(/(?<number>[\d.,]+) (?<unit>min|s|h|d)\b/g)];
  if (parts.length === 0) return undefined;
  return parts.reduce((sum, { groups }) => sum + Number(groups?.number) * (UNITS[groups?.unit ?? ""] ?? Number.NaN), 0);
}

/** `[takeover](#bounds): 30 s`, wherever it stands. */
export function boundsQuoted(page: string): readonly { readonly name: string; readonly time: string }[] {
  const quotes = page.matchAll(
    /\[(?<name>\w+)\]\(#bounds\): (?<time>[\d.]+ (?:min|s|h|d)\b(?: [\d.]+ (?:min|s|h|d)\b)*)/g,
  );
  return [...quotes].map(({ groups }) => ({ name: groups?.name ?? "", time: groups?.time ?? "" }));
}

/** Ids of protocol rows in a text such as "rows 8–11, 17a". */
export function rowsIn(text: string): readonly string[] {
  return text.split(/[,\s]+/).flatMap((part) => {
    const range = /^(\d+)–(\d+)$/.exec(part);
    if (range === null) return /^\d+[a-c]?$/.test(part) ? [part] : [];
    const [from, to] = [Number(range[1]), Number(range[2])];
    return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
  });
}

/** What a title says once its placeholders are filled in: `%s`, `%d`, `$name`, `${…}`. */
export function fitsTitle(cited: string, title: string, source: string): boolean {
  if (cited === title) return true;
  const parts = title.split(/(%[sdijfoO]|\$\{[^}]*\}|\$[a-z]\w*(?:\.\w+)*)/);
  if (parts.length === 1) return false;
  const pattern = parts
    .map((part, i) => (i % 2 === 1 ? "(.+)" : part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")))
    .join("");
  const values = new RegExp(`^${pattern}$`, "s").exec(cited)?.slice(1);
  return values?.every((value) => source.includes(value)) ?? false;
}

/** "1 d" and "30 s" in seconds, "1,000" and "8" as they are. */
export function valueIn(text: string): number {
  return secondsIn(text) ?? Number(text.replaceAll(",", "").replace(/ bytes$/, ""));
}
