// How the example prints: plain text, aligned.
import { relative } from "node:path";

/** Rows of text in columns: the first is the head, the last the sum. Words to the left, numbers to the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const rule = `  ${widths.map((width) => "─".repeat(width)).join("  ")}`;
  rows.forEach((row, at) => {
    if (at === 1 || at === rows.length - 1) console.log(rule);
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(`  ${cells.join("  ")}`);
  });
}

/** A path as people type it: from here where that is shorter. */
export function shownPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith("..") ? path : near;
}

export function plural(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? "" : "s"}`;
}
