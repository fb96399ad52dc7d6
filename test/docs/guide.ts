// The TypeScript of a guide as a project: its blocks become files, and every block is executed or says why it is not.
//
//   ```ts                       first line "// app.ts" or "// app.ts: what exists": that file. The same name again adds to it.
//                               "*.test.ts" is run by `node --test`; any other file has to be imported by one that is run.
//   ```ts run                   run by `node`, until it exits with 0
//   ```ts run local             the same, while `lovage dev --app ./app.ts` runs: queues, table and a worker
//   ```ts not run: <reason>     compiled only
//
// Everything is compiled by `tsc` in strict mode first. What imports "lovage" gets the built package.

export interface GuideFile {
  readonly name: string;
  readonly code: string;
  /** Of the first block in the guide. */
  readonly line: number;
  readonly how: "test" | "run" | "run local" | "imported" | "not run";
}

interface Block {
  readonly info: string;
  readonly code: string;
  readonly line: number;
}

const FENCE = /^```ts\b(?<info>[^\n]*)\n(?<code>.*?)^```$/gms;
const NAME = /^\/\/ (?<name>[\w./-]+\.ts)(?::[^\n]*)?\n/;
const NOT_RUN = /^not run: \S/;

/** The files of a guide, in its order. Throws where a block says something that is not understood. */
export function filesOf(markdown: string): readonly GuideFile[] {
  const files = new Map<string, GuideFile>();
  for (const block of blocksOf(markdown)) {
    const name = NAME.exec(block.code)?.groups?.name ?? `line-${block.line}.ts`;
    const before = files.get(name);
    if (before && block.info !== "" && howOf(block, name) !== before.how)
      throw new Error(`line ${block.line}: ${name} is "${before.how}" in an earlier block`);
    files.set(name, {
      name,
      how: before?.how ?? howOf(block, name),
      line: before?.line ?? block.line,
      code: before ? `${before.code}\n${block.code}` : block.code,
    });
  }
  return [...files.values()];
}

function blocksOf(markdown: string): readonly Block[] {
  return [...markdown.matchAll(FENCE)].map((match) => ({
    info: match.groups?.info?.trim() ?? "",
    code: match.groups?.code ?? "",
    line: markdown.slice(0, match.index).split("\n").length,
  }));
}

function howOf({ info, line }: Block, name: string): GuideFile["how"] {
  if (info === "run" || info === "run local") return info;
  if (NOT_RUN.test(info)) return "not run";
  if (info === "") return name.endsWith(".test.ts") ? "test" : "imported";
  throw new Error(
    `line ${line}: a block is "ts", "ts run", "ts run local" or "ts not run: <reason>", not "ts ${info}"`,
  );
}

/** Files that nothing executes and that do not say why. */
export function unexecuted(files: readonly GuideFile[]): readonly string[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const reached = new Set<string>();
  const reach = (file: GuideFile | undefined) => {
    if (file === undefined || reached.has(file.name)) return;
    reached.add(file.name);
    for (const name of importsOf(file)) reach(byName.get(name));
  };
  for (const file of files) {
    if (file.how === "test" || file.how.startsWith("run")) reach(file);
    if (file.how === "run local") reach(byName.get("app.ts"));
  }
  return files.filter(({ name, how }) => how === "imported" && !reached.has(name)).map(problem);
}

function problem({ name, line }: GuideFile): string {
  return `line ${line}: ${name} is run by nothing; mark the block "ts run", import it from one that is run, or say "ts not run: <reason>"`;
}

/** Names of the guide's own files that a file imports, and what an app includes. */
function importsOf({ name, code }: GuideFile): readonly string[] {
  const base = new URL(name, "guide:///");
  const specifiers = [...code.matchAll(/["'](\.{1,2}\/[\w./-]+\.ts)["']/g)].map(([, specifier]) => specifier ?? "");
  return specifiers.map((specifier) => new URL(specifier, base).pathname.slice(1));
}
