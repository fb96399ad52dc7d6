// Which mutants no test kills, and which of them docs/mutants.md explains. Pure: texts in, findings out.

interface Position {
  readonly line: number;
  readonly column: number;
}

interface Mutant {
  readonly status: string;
  readonly replacement?: string;
  readonly location: { readonly start: Position; readonly end: Position };
}

/** What is used here of Stryker's report (mutation-testing-report-schema). */
export interface Report {
  readonly files: { readonly [path: string]: { readonly source: string; readonly mutants: readonly Mutant[] } };
}

/** A change of the code that no test notices. */
export interface Survivor {
  readonly file: string;
  readonly line: number;
  readonly before: string;
  readonly after: string;
  /** The code on both sides of it. */
  readonly left: string;
  readonly right: string;
}

/** An entry of docs/mutants.md: the change, with as much of the code around it as tells it from others. */
export interface Explanation {
  readonly file: string;
  readonly before: string;
  readonly after: string;
  readonly why: string;
}

const UNNOTICED: ReadonlySet<string> = new Set(["Survived", "NoCoverage"]);

export function survivors({ files }: Report): readonly Survivor[] {
  return Object.entries(files).flatMap(([file, { source, mutants }]) =>
    mutants
      .filter(({ status }) => UNNOTICED.has(status))
      .map(({ location: { start, end }, replacement = "" }) => {
        const [from, to] = [offset(source, start), offset(source, end)];
        const [before, after] = [spaced(source.slice(from, to)), spaced(replacement)];
        return {
          file,
          line: start.line,
          before,
          after,
          left: spaced(source.slice(0, from)),
          right: spaced(source.slice(to)),
        };
      }),
  );
}

/** Below a file's heading, "- `before` → `after`: why". */
export function explanations(markdown: string): readonly Explanation[] {
  return markdown
    .split(/^## `/m)
    .slice(1)
    .flatMap((section) => {
      const file = section.slice(0, section.indexOf("`"));
      const entries = section.matchAll(/^- `(?<before>.+?)` → `(?<after>.+?)`: (?<why>.+)$/gm);
      return [...entries].map(({ groups = {} }) => ({
        file,
        before: groups.before ?? "",
        after: groups.after ?? "",
        why: groups.why ?? "",
      }));
    });
}

/** Whether the entry is about this change, here: what it has around the change is what the code has around it. */
export function explains(entry: Explanation, { file, before, after, left, right }: Survivor): boolean {
  if (entry.file !== file) return false;
  for (let at = entry.before.indexOf(before); at >= 0; at = entry.before.indexOf(before, at + 1)) {
    const [head, tail] = [entry.before.slice(0, at), entry.before.slice(at + before.length)];
    if (head + after + tail === entry.after && left.endsWith(head) && right.startsWith(tail)) return true;
  }
  return false;
}

/** White space differs between the code and what Stryker prints of it. */
export function spaced(code: string): string {
  return code.replaceAll(/\s+/g, " ");
}

function offset(source: string, { line, column }: Position): number {
  const lines = source.split("\n").slice(0, line - 1);
  return lines.reduce((sum, { length }) => sum + length + 1, 0) + column - 1;
}
