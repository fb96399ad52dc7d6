// The rules of docs/architecture.md as functions: sources in, violations out. Nothing is read from disk here.
import { basename } from "node:path";
import { type Import, lineAt, type Source } from "./source.ts";

export interface Violation {
  readonly rule: string;
  readonly file: string;
  readonly what: string;
  readonly line?: number;
}

export type Rule = (sources: readonly Source[]) => readonly Violation[];

const within = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
const inLib = within("lib");
const inInfra = within("infra");
const isPackage = (target: string, name: string) => target === name || target.startsWith(`${name}/`);

/** Those an import is refused for. */
function imports(rule: string, of: (path: string) => boolean, refused: (found: Import) => boolean): Rule {
  return (sources) =>
    sources
      .filter(({ path }) => of(path))
      .flatMap(({ path, imports }) =>
        imports.filter(refused).map(({ target, line }) => ({ rule, file: path, what: target, line })),
      );
}

/** Every place where a pattern is found in code; text in strings counts where `text` is set. */
function patterns(rule: string, of: (path: string) => boolean, pattern: RegExp, { text }: { text: boolean }): Rule {
  return (sources) =>
    sources
      .filter(({ path }) => of(path))
      .flatMap(({ path, code, bare }) =>
        [...(text ? code : bare).matchAll(pattern)].map((match) => ({
          rule,
          file: path,
          what: match[0].replaceAll(/\s+/g, " ").trim(),
          line: lineAt(code, match.index),
        })),
      );
}

const PURE_LAYERS = ["lib/core/", "lib/wire/", "lib/store/"];
const PURE_TARGETS = new Set(["lib/defaults.ts", "lib/errors.ts", "lib/printable.ts", "node:crypto", "node:zlib"]);

/** core/ and wire/ compute. Types may come from anywhere: they are gone when the code runs. */
export const pureLayersDoNoIo = imports(
  "core and wire do no I/O",
  (path) => path.startsWith("lib/core/") || path.startsWith("lib/wire/"),
  ({ target, typeOnly }) =>
    !typeOnly && !PURE_TARGETS.has(target) && !PURE_LAYERS.some((layer) => target.startsWith(layer)),
);

/** Types too: they would leak into signatures. */
export const sdkOnlyInAws = imports(
  "the AWS SDK is known to lib/aws alone",
  (path) => !path.startsWith("lib/aws/"),
  ({ target }) => target.startsWith("@aws-sdk/") || target.startsWith("@smithy/"),
);

export const cdkOnlyInInfra = imports(
  "the CDK is known to infra alone",
  (path) => !inInfra(path),
  ({ target }) => isPackage(target, "aws-cdk-lib") || isPackage(target, "constructs"),
);

/** What infra/ may take from lib/, so that a deployment can be synthesized without the runtime, and cannot drift from it. */
export const PURE_FOR_INFRA: ReadonlySet<string> = new Set([
  "lib/defaults.ts",
  "lib/errors.ts",
  "lib/duration.ts",
  "lib/printable.ts",
  "lib/options.ts",
  "lib/store/table.ts",
  "lib/store/payload.ts",
  "lib/core/cost/prices.ts",
  "lib/core/metrics.ts",
  "lib/core/visibility.ts",
  "lib/workload.ts",
  "lib/environment.ts",
]);

/** Directly, and by whatever those files import. */
export const infraTakesPureFilesOnly: Rule = (sources) => {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const violations: Violation[] = [];
  const seen = new Set<string>();
  const visit = (source: Source) => {
    for (const { target, line, typeOnly } of source.imports) {
      if (typeOnly && !inInfra(source.path)) continue;
      if (!inLib(target) || seen.has(`${source.path} ${target}`)) continue;
      seen.add(`${source.path} ${target}`);
      const next = byPath.get(target);
      if (!PURE_FOR_INFRA.has(target)) {
        violations.push({ rule: "infra takes only pure files from lib", file: source.path, what: target, line });
      } else if (next !== undefined && !typeOnly) visit(next);
    }
  };
  for (const source of sources) if (inInfra(source.path)) visit(source);
  return violations;
};

export const environmentInOnePlace = patterns(
  "the environment is read in lib/environment.ts",
  (path) => path !== "lib/environment.ts",
  /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*\[\s*["']env["']\s*\]|\{[^{}]*\benv\b[^{}]*\}\s*=\s*process\b|\bfrom\s*["'](?:node:)?process["']/g,
  { text: true },
);

/** Text counts too: code that is started from a string has no clock either. */
export const timeOnlyThroughClock = patterns(
  "time and randomness come from the clock",
  (path) => path !== "lib/clock.ts" && !path.startsWith("lib/testing/"),
  /\bDate\.now\b|\bnew\s+Date\s*\(\s*\)|(?<!new\s)(?<![\w$.])Date\s*\(\s*\)|\bset(?:Timeout|Interval|Immediate)\b|\bMath\.random\b|\bperformance\.now\b|\bprocess\.hrtime\b|\bfrom\s*["'](?:node:)?timers(?:\/promises)?["']/g,
  { text: true },
);

/** Classes of errors, by what they extend: `Error`, a name that ends like one, or a class of lib/errors.ts. */
export const errorsInOnePlace: Rule = (sources) => {
  const home = sources.find(({ path }) => path === "lib/errors.ts");
  const known = new Set([...(home?.bare ?? "").matchAll(/\bclass\s+(\w+)/g)].map(([, name]) => name));
  return sources
    .filter((source) => source !== home)
    .flatMap(({ path, bare }) =>
      [...bare.matchAll(/\bclass\b(?:\s+(?!extends\b)\w+)?\s+extends\s+(\w+)/g)]
        .filter(([, base]) => base?.endsWith("Error") || known.has(base))
        .map((match) => ({
          rule: "error classes live in lib/errors.ts",
          file: path,
          what: match[0],
          line: lineAt(bare, match.index),
        })),
    );
};

export const namedExportsOnly = patterns("exports have names", inLib, /\bexport\s+default\b|\bas\s+default\b/g, {
  text: false,
});

export const MAX_LINES = 400;

/** A catalogue grows with what it lists: every error class and every default has one home, and its length says nothing. */
const CATALOGUES: ReadonlySet<string> = new Set(["lib/errors.ts", "lib/defaults.ts"]);

export const filesAreShort: Rule = (sources) =>
  sources
    .filter(({ path, lines }) => lines > MAX_LINES && !CATALOGUES.has(path))
    .map(({ path, lines }) => ({ rule: `files have at most ${MAX_LINES} lines`, file: path, what: `${lines} lines` }));

const NOT_A_NAME = /^(?:.*[-.])?(?:utils?|utilities|commons?|helpers?|managers?)(?:[-.].*)?$/i;

export const filesAreNamed: Rule = (sources) =>
  sources
    .filter(({ path }) => path.split("/").some((part) => NOT_A_NAME.test(part)))
    .map(({ path }) => ({ rule: "files are named after what is in them", file: path, what: basename(path) }));

/** Between files of lib/, as they run. One violation for each knot of files that import each other. */
export const noCircles: Rule = (sources) => {
  const next = new Map(
    sources
      .filter(({ path }) => inLib(path))
      .map(
        ({ path, imports }) => [path, imports.filter((found) => !found.typeOnly).map(({ target }) => target)] as const,
      ),
  );
  const done = new Set<string>();
  const violations: Violation[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      const circle = [...trail.slice(start), path];
      violations.push({ rule: "files do not import each other in circles", file: path, what: circle.join(" -> ") });
      return;
    }
    if (done.has(path)) return;
    for (const target of next.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return violations;
};

export const RULES = {
  pureLayersDoNoIo,
  sdkOnlyInAws,
  cdkOnlyInInfra,
  infraTakesPureFilesOnly,
  environmentInOnePlace,
  timeOnlyThroughClock,
  errorsInOnePlace,
  namedExportsOnly,
  filesAreShort,
  filesAreNamed,
  noCircles,
} satisfies Record<string, Rule>;

const HOMES = ["home", "Users", "root", "work", "mnt", "private"].join("|");
const MACHINE_PATH = new RegExp(`(?<![\\w.:/@$}~-])(?:file://)?/(?:${HOMES})/[\\w.-]+|\\b[A-Z]:[\\\\/]+Users\\b`, "g");

/** Absolute paths of somebody's machine: they are wrong on every other one. */
export function machinePaths(file: string, text: string): readonly Violation[] {
  return [...text.matchAll(MACHINE_PATH)].map((match) => ({
    rule: "no absolute paths of a machine",
    file,
    what: match[0],
    line: lineAt(text, match.index),
  }));
}

/** A reasoned permission to break a rule in one file. */
export interface Exception {
  readonly rule: keyof typeof RULES;
  readonly file: string;
  /** As the violation says it. */
  readonly what: string;
  readonly reason: string;
}

/** Violations without a permission, and permissions that nothing needs. */
export function judge(
  name: keyof typeof RULES,
  sources: readonly Source[],
  exceptions: readonly Exception[],
): { readonly violations: readonly string[]; readonly unused: readonly string[] } {
  const mine = exceptions.filter(({ rule }) => rule === name);
  const found = RULES[name](sources);
  const allows = (exception: Exception, { file, what }: Violation) =>
    exception.file === file && exception.what === what;
  return {
    violations: found.filter((one) => !mine.some((exception) => allows(exception, one))).map(report),
    unused: mine
      .filter((exception) => !found.some((one) => allows(exception, one)))
      .map(({ file, what }) => `${file}: ${what} is allowed and does not occur`),
  };
}

export function report({ rule, file, what, line }: Violation): string {
  return `${file}${line === undefined ? "" : `:${line}`}: ${what} (${rule})`;
}
