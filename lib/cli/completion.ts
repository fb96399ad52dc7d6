// What may follow the words of a command line: from the verbs and options themselves, so that nothing has to be kept up.
import type { Argument, Command, Option } from "commander";

export interface Candidate {
  readonly word: string;
  readonly description: string;
}

/** What a shell can complete: known words, the app's names (looked up by the caller), or files. */
export type Completion =
  | { readonly kind: "words"; readonly words: readonly Candidate[] }
  | { readonly kind: "tasks" | "workloads"; readonly prefix: string; readonly given: GivenApp }
  | { readonly kind: "files" };

/** Which app the command line names so far. */
export interface GivenApp {
  readonly app?: string;
  readonly name?: string;
  readonly local: boolean;
}

/** By an option's or an argument's name. */
const VALUES: Readonly<Record<string, "tasks" | "workloads" | "files">> = {
  task: "tasks",
  workload: "workloads",
  workloads: "workloads",
  app: "files",
  args: "files",
  kwargs: "files",
  batch: "files",
  ids: "files",
  errors: "files",
  watch: "files",
  "data-dir": "files",
  directory: "files",
};
/** `revoke <ids...>`, `--ids <file>`: the argument of that name is nothing a shell could know. */
const NOTHING: Completion = { kind: "words", words: [] };

/** `words`: after the command's name, the last one is being typed and may be empty. */
export function complete(program: Command, words: readonly string[]): Completion {
  // bash takes "--app=x" for three words.
  const typed = words.filter((word, i) => !(word === "=" && words[i - 1]?.startsWith("--")));
  const last = typed.at(-1) ?? "";
  const current = words.at(-1) === "=" && last.startsWith("--") ? "" : last;
  const before = current === "" && last !== "" ? typed : typed.slice(0, -1);
  const at = before.findIndex((word) => !word.startsWith("-"));
  const verb = at < 0 ? undefined : program.commands.find((one) => one.name() === before[at]);
  if (verb === undefined) {
    if (at >= 0) return NOTHING;
    return matching(current, current.startsWith("-") ? optionsOf(program, []) : verbsOf(program));
  }
  const read = readOptions(verb, program, before.slice(at + 1));
  const [, inline, partial = ""] = /^(--[\w-]+)=(.*)$/s.exec(current) ?? [];
  const option = read.pending ?? (inline === undefined ? undefined : find(verb, program, inline));
  if (option !== undefined) {
    const [value, prefix] = read.pending === undefined ? [partial, `${inline}=`] : [current, ""];
    return valuesOf(option.long?.slice(2) ?? "", value, prefix, option.argChoices, read.given);
  }
  if (current.startsWith("-") && !read.onlyArguments) return matching(current, optionsOf(verb, read.used, program));
  const argument = argumentAt(verb, read.positional);
  if (argument === undefined || argument.name() === "ids") return NOTHING;
  return valuesOf(argument.name(), current, "", argument.argChoices, read.given);
}

interface Read {
  readonly used: readonly Option[];
  readonly positional: number;
  /** The word that is typed is its value. */
  readonly pending: Option | undefined;
  /** "--" has been typed. */
  readonly onlyArguments: boolean;
  readonly given: GivenApp;
}

function readOptions(verb: Command, program: Command, words: readonly string[]): Read {
  const used: Option[] = [];
  const values: Record<string, string> = {};
  let positional = 0;
  let pending: Option | undefined;
  let onlyArguments = false;
  for (const word of words) {
    if (pending !== undefined) {
      values[pending.attributeName()] = word;
      pending = undefined;
    } else if (word === "--") onlyArguments = true;
    else if (onlyArguments || !word.startsWith("-")) positional++;
    else {
      const [flag = "", ...value] = word.split("=");
      const option = find(verb, program, flag);
      if (option === undefined) continue;
      used.push(option);
      if (value.length > 0) values[option.attributeName()] = value.join("=");
      else if (option.required) pending = option;
    }
  }
  const { app, name } = values;
  const local = used.some(({ long }) => long === "--local");
  const given = { ...(app === undefined ? {} : { app }), ...(name === undefined ? {} : { name }), local };
  return { used, positional, pending, onlyArguments, given };
}

function find(verb: Command, program: Command, flag: string): Option | undefined {
  return [...verb.options, ...program.options].find(({ long, short }) => flag === long || flag === short);
}

function argumentAt(verb: Command, index: number): Argument | undefined {
  const known = verb.registeredArguments;
  const found = known[index];
  return found ?? (known.at(-1)?.variadic ? known.at(-1) : undefined);
}

/** `before`: what stands before the value in the same word. */
function valuesOf(
  name: string,
  typed: string,
  before: string,
  choices: readonly string[] | undefined,
  given: GivenApp,
): Completion {
  if (choices !== undefined)
    return matching(
      typed,
      choices.map((word) => ({ word, description: "" })),
    );
  const kind = VALUES[name];
  if (kind === undefined) return NOTHING;
  if (kind === "files") return { kind };
  // "a,b": the last name is being typed.
  const comma = name === "workloads" ? typed.lastIndexOf(",") + 1 : 0;
  return { kind, prefix: before + typed.slice(0, comma), given };
}

function verbsOf(program: Command): readonly Candidate[] {
  const { commands } = program;
  return program
    .createHelp()
    .visibleCommands(program)
    .filter((one) => commands.includes(one))
    .map((one) => ({ word: one.name(), description: one.description() }));
}

/** Those not used yet, or that may be used again. */
function optionsOf(verb: Command, used: readonly Option[], program?: Command): readonly Candidate[] {
  return [...verb.options, ...(program?.options ?? [])]
    .filter((option) => !option.hidden && !used.includes(option) && option.long)
    .map(({ long, description }) => ({ word: long ?? "", description }))
    .concat({ word: "--help", description: "show how to use it" });
}

function matching(typed: string, words: readonly Candidate[]): Completion {
  return { kind: "words", words: words.filter(({ word }) => word.startsWith(typed)) };
}
