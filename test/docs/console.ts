// The `console` blocks of a guide: commands, and what they print. A line "…" stands for any lines. What differs from run to run
// (ids, times, ports, process ids, ages) is left out of the comparison.

export interface ConsoleBlock {
  /** Of the section it stands in. */
  readonly heading: string;
  readonly line: number;
  readonly commands: readonly Shown[];
}

export interface Shown {
  /** What follows "$ ". */
  readonly command: string;
  readonly output: string;
}

const PART = /^#+ (?<heading>[^\n]+)$|^```console\n(?<body>.*?)^```$/gms;

export function consoleBlocks(markdown: string): readonly ConsoleBlock[] {
  const blocks: ConsoleBlock[] = [];
  let heading = "";
  for (const match of markdown.matchAll(PART)) {
    const { body } = match.groups ?? {};
    if (body === undefined) heading = match.groups?.heading ?? "";
    else blocks.push({ heading, line: markdown.slice(0, match.index).split("\n").length, commands: commandsOf(body) });
  }
  return blocks;
}

function commandsOf(body: string): readonly Shown[] {
  return body
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = "", ...output] = part.split("\n");
      return { command, output: output.join("\n").trim() };
    });
}

export const TASK_ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

const DIFFERS: readonly (readonly [RegExp, string])[] = [
  [TASK_ID, "ID"],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME"],
  [/\b\d\d:\d\d:\d\d\.\d{3}\b/g, "TIME"],
  [/\(\d+ (s|min|h|d) ago\)/g, "(AGO)"],
  [/\(in \d+ (s|min|h|d)\)/g, "(IN)"],
  [/\b(took|ms=)\s*\d+( ms)?/g, "$1 MS"],
  [/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT"],
  [/[\w.-]+:\d+:[0-9a-f]{6}\b/g, "WORKER"],
  [/Node v[\d.]+/g, "Node"],
  [/ \d+ s$/gm, " AGE"],
  [/^ *\d+(\.\d+)? (s|min|h|d)(?= {3})/gm, "AGE"],
];

/** Without what differs from run to run, and without columns: their width follows from it. */
export function comparable(text: string): string {
  const known = DIFFERS.reduce((left, [what, name]) => left.replace(what, name), text);
  return known
    .split("\n")
    .map((line) => line.trim().replace(/\s+/g, " "))
    .filter((line) => line !== "")
    .join("\n");
}

/** Whether `actual` is what the guide shows. `open`: it may go on, as a worker's log does. */
export function agrees(shown: string, actual: string, open = false): boolean {
  const printed = comparable(actual).split("\n");
  let at = 0;
  let anywhere = false;
  for (const line of comparable(shown).split("\n")) {
    if (line === "…") {
      anywhere = true;
      continue;
    }
    const found = anywhere ? printed.indexOf(line, at) : at;
    if (found < 0 || printed[found] !== line) return false;
    at = found + 1;
    anywhere = false;
  }
  return open || anywhere || at === printed.length;
}
