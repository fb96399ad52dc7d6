// Schemas of arguments and results, by any library that speaks Standard Schema (standardschema.dev): zod, valibot, arktype.
// Arguments are checked where they are sent, and checked again, and transformed, where they are run: the message carries
// what the caller gave. A result is checked before it is recorded.
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, kindOf } from "./duration.ts";
import { InvalidArguments, InvalidOption, InvalidResult, type SchemaIssue } from "./errors.ts";
import type { Rule } from "./options.ts";
import { printableJson } from "./printable.ts";
import { unquoter } from "./unquoted.ts";

export type { StandardSchemaV1 };

/** One schema for each argument, or one for the whole list (a tuple). */
export type ArgsSchema = readonly StandardSchemaV1[] | StandardSchemaV1;

/** What a caller gives: the schemas' input. Arguments at the end that may be undefined may be left out. */
export type ArgsInput<S extends ArgsSchema> = S extends readonly StandardSchemaV1[]
  ? OptionalTail<Inputs<S>>
  : S extends StandardSchemaV1
    ? AsList<StandardSchemaV1.InferInput<S>>
    : never;

/** What the handler gets: the schemas' output. */
export type ArgsOutput<S extends ArgsSchema> = S extends readonly StandardSchemaV1[]
  ? Outputs<S>
  : S extends StandardSchemaV1
    ? AsList<StandardSchemaV1.InferOutput<S>>
    : never;

type Inputs<L extends readonly StandardSchemaV1[]> = {
  -readonly [I in keyof L]: L[I] extends StandardSchemaV1 ? StandardSchemaV1.InferInput<L[I]> : never;
};
type Outputs<L extends readonly StandardSchemaV1[]> = {
  -readonly [I in keyof L]: L[I] extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<L[I]> : never;
};

type AsList<T> = T extends readonly unknown[] ? T : never;

type OptionalTail<T> = T extends readonly [...infer Before, infer Last]
  ? undefined extends Last
    ? [...OptionalTail<Before>, Last?]
    : T
  : T;

/** What a handler may return: the input of its result's schema. */
export type Returns<S extends StandardSchemaV1 | undefined> = S extends StandardSchemaV1
  ? StandardSchemaV1.InferInput<S> | Promise<StandardSchemaV1.InferInput<S>>
  : unknown;

/** What `get()` gives: what is recorded. */
export type Returned<S extends StandardSchemaV1 | undefined, R> = S extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<S>
  : Awaited<R>;

export interface Schemas {
  readonly args?: ArgsSchema;
  readonly result?: StandardSchemaV1;
}

const isSchema = (value: unknown): value is StandardSchemaV1 => {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard = (value as Partial<StandardSchemaV1>)["~standard"]; // looked at before it is trusted
  return standard?.version === 1 && typeof standard.validate === "function";
};

const LIBRARIES = "a Standard Schema, of zod 3.24, valibot 1, arktype 2 or newer";

export const schema: Rule<StandardSchemaV1> = (value, name) => {
  if (!isSchema(value)) throw new InvalidOption(`${name} is ${describe(value)}; it takes ${LIBRARIES}`);
  return value;
};

export const argsSchema: Rule<ArgsSchema> = (value, name) => {
  if (!Array.isArray(value)) return schema(value, name);
  const wrong = value.findIndex((one) => !isSchema(one));
  if (wrong >= 0)
    throw new InvalidOption(
      `${name} has ${describe(value[wrong])} at [${wrong}]; it takes ${LIBRARIES} for each argument`,
    );
  return Object.freeze([...value]);
};

/** Problems of one value that an error tells. A message of 1 MiB has room for a hundred thousand of them. */
const MOST_ISSUES = 50;

/** The arguments as the handler gets them. Throws InvalidArguments. */
export function checkArgs(task: string, { args: given }: Schemas, args: readonly unknown[]): readonly unknown[] {
  if (given === undefined) return args;
  const owner = `args of task "${task}"`;
  if (!Array.isArray(given)) {
    const checked = validate(given as StandardSchemaV1, args, "args", owner); // it is not the list
    if ("issues" in checked) throw new InvalidArguments(task, checked.issues);
    if (!Array.isArray(checked.value))
      throw new InvalidOption(
        `${owner} turns a list of arguments into ${kindOf(checked.value)}; it takes the schema of a tuple`,
      );
    return checked.value;
  }
  if (args.length > given.length) {
    const message = `${args.length} arguments, the task takes ${given.length === 0 ? "none" : `at most ${given.length}`}`;
    throw new InvalidArguments(task, [{ path: "args", message }]);
  }
  const checked = given.map((one: StandardSchemaV1, i) => validate(one, args[i], `args[${i}]`, owner));
  const issues = checked.flatMap((one) => ("issues" in one ? one.issues : []));
  if (issues.length > 0) throw new InvalidArguments(task, issues);
  return checked.map((one) => ("value" in one ? one.value : undefined));
}

/** The result as it is recorded. Throws InvalidResult. */
export function checkResult(task: string, { result: given }: Schemas, result: unknown): unknown {
  if (given === undefined) return result;
  const checked = validate(given, result, "result", `result of task "${task}"`);
  if ("issues" in checked) throw new InvalidResult(task, checked.issues);
  return checked.value;
}

type Checked = { readonly value: unknown } | { readonly issues: readonly SchemaIssue[] };

function validate(by: StandardSchemaV1, value: unknown, root: string, owner: string): Checked {
  const answer = by["~standard"].validate(value);
  // Not `instanceof`: a promise may be another realm's, or a library's own.
  if ("then" in answer) {
    Promise.resolve(answer).catch(() => {}); // refused below
    throw new InvalidOption(
      `${owner} checks asynchronously; calls are checked before they return, so leave such checks to the task itself`,
    );
  }
  if (answer.issues === undefined) return { value: answer.value };
  const quoteless = unquoter(value);
  const issues = answer.issues.slice(0, MOST_ISSUES).map(({ path, message }) => ({
    path: root + pathText(path),
    message: quoteless(message),
  }));
  const more = answer.issues.length - issues.length;
  return { issues: more === 0 ? issues : [...issues, { path: root, message: `and ${more} problems more` }] };
}

function pathText(path: StandardSchemaV1.Issue["path"]): string {
  // Not `map`: arktype's paths are arrays of their own kind, whose map makes wrong ones.
  const keys = Array.from(path ?? [], (part) => (typeof part === "object" ? part.key : part));
  return keys.map(keyText).join("");
}

function keyText(key: PropertyKey): string {
  if (typeof key === "number") return `[${key}]`;
  const name = String(key);
  return /^[\w$]+$/.test(name) ? `.${name}` : `[${printableJson(name)}]`;
}
