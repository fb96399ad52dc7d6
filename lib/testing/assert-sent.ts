// "Was sent with", for any test framework: throws node:assert's AssertionError, which says what was sent instead.
import { AssertionError } from "node:assert";
import { inspect } from "node:util";
import { type Duration, describe, seconds } from "../duration.ts";
import { InvalidOption } from "../errors.ts";
import { check, type Rule, whole } from "../options.ts";
import type { JsonObject } from "../wire/serializer.ts";
import { isEqual } from "./equal.ts";
import { type AnyTask, nameOf, type SentTask } from "./sent.ts";

/** What a call is expected to have been. What is not stated may be anything. */
export interface ExpectedCall<A extends readonly unknown[] = readonly unknown[]> {
  /** Deeply equal; matchers such as `expect.any(String)` may stand anywhere. Or a function that looks at them. */
  readonly args?: A | ((args: A) => boolean);
  readonly kwargs?: JsonObject;
  /** Of the caller's headers at least these. */
  readonly headers?: JsonObject;
  readonly countdown?: Duration;
  readonly eta?: Date;
  /** A Date, or a time from the call. */
  readonly expires?: Date | Duration;
  readonly workload?: string;
  readonly taskId?: string;
  readonly ignoreResult?: boolean;
  readonly timeLimit?: Duration;
  readonly softTimeLimit?: Duration;
  /** The callback is a call of this task. */
  readonly link?: AnyTask;
  readonly linkError?: AnyTask;
}

export interface ExpectedCalls<A extends readonly unknown[] = readonly unknown[]> extends ExpectedCall<A> {
  /** How many calls are like this. @default - at least one */
  readonly times?: number;
}

type Test = (sent: SentTask) => boolean;

/** One test for each option that is stated. */
type Expectation = ReadonlyMap<string, Test>;

const equal =
  (of: (sent: SentTask) => unknown): Rule<Test> =>
  (expected) =>
  (sent) =>
    isEqual(expected, of(sent));

const time =
  (of: (sent: SentTask) => number | undefined): Rule<Test> =>
  (expected, name) => {
    const wanted = seconds(expected, name);
    return (sent) => of(sent) === wanted;
  };

const args: Rule<Test> = (expected, name) => {
  if (typeof expected === "function") return (sent) => expected(sent.args) === true;
  if (!Array.isArray(expected))
    throw new InvalidOption(`${name} is ${describe(expected)}; it takes an array, or a function of the arguments`);
  return equal((sent) => sent.args)(expected, name);
};

const headers: Rule<Test> = (expected, name) => {
  if (typeof expected !== "object" || expected === null)
    throw new InvalidOption(`${name} is ${describe(expected)}; it takes an object`);
  const wanted = Object.entries(expected);
  return (sent) => wanted.every(([key, value]) => isEqual(value, sent.headers[key]));
};

const expires: Rule<Test> = (expected, name) => {
  if (expected instanceof Date) return equal((sent) => sent.expires)(expected, name);
  const wanted = seconds(expected, name) * 1_000;
  return (sent) => sent.expires?.getTime() === sent.at.getTime() + wanted;
};

const callback =
  (of: (sent: SentTask) => readonly string[]): Rule<Test> =>
  (expected) =>
  (sent) =>
    of(sent).includes(nameOf(expected as AnyTask)); // typed so; anything else is the name of no callback

const RULES: Record<string, Rule<Test>> = {
  args,
  headers,
  expires,
  kwargs: equal((sent) => sent.kwargs),
  countdown: time((sent) => sent.countdown),
  eta: equal((sent) => sent.eta),
  workload: equal((sent) => sent.workload),
  taskId: equal((sent) => sent.id),
  ignoreResult: equal((sent) => sent.ignoreResult),
  timeLimit: time((sent) => sent.timeLimit),
  softTimeLimit: time((sent) => sent.softTimeLimit),
  link: callback((sent) => sent.link),
  linkError: callback((sent) => sent.linkError),
};

/** The calls that are as expected: `times` of them, or at least one. Throws AssertionError, InvalidOption. */
export function assertSent(
  all: readonly SentTask[],
  task: string,
  { times, ...call }: { readonly times?: number },
): readonly SentTask[] {
  if (times !== undefined) whole(0)(times, "times of assertSent()");
  const { found, candidates } = search(all, task, call, "assertSent()");
  if (times === undefined ? found.length > 0 : found.length === times) return found;
  const how = times === undefined ? "was not sent" : `was sent ${count(found.length)}, not ${count(times)},`;
  throw failure(`"${task}" ${how}${withOptions(call)}`, all, candidates, task, call, "assertSent");
}

/** Throws AssertionError where there is a call like this, InvalidOption. */
export function assertNotSent(all: readonly SentTask[], task: string, expected: object): void {
  const { found, candidates } = search(all, task, expected, "assertNotSent()");
  if (found.length === 0) return;
  const problem = `"${task}" was sent ${count(found.length)}${withOptions(expected)}`;
  throw failure(problem, all, candidates, task, expected, "assertNotSent");
}

function search(all: readonly SentTask[], task: string, expected: object, owner: string) {
  const expectation: Expectation = new Map(Object.entries(check(owner, expected, RULES)) as [string, Test][]);
  const candidates = all.filter((sent) => sent.task === task);
  const found = candidates.filter((sent) => [...expectation.values()].every((holds) => holds(sent)));
  const nearness = (sent: SentTask) => [...expectation.values()].filter((holds) => holds(sent)).length;
  return { found, candidates: candidates.toSorted((a, b) => nearness(b) - nearness(a)) };
}

/** Lines of a failure that list what was sent. */
const LISTED = 20;

function failure(
  problem: string,
  all: readonly SentTask[],
  candidates: readonly SentTask[],
  task: string,
  expected: object,
  operator: string,
): AssertionError {
  const [nearest] = candidates;
  const others = all.filter((sent) => sent.task !== task).map((sent) => sent.task);
  const lines = candidates.slice(0, LISTED).map((sent) => `  ${shown(sent)}`);
  const more = candidates.length > LISTED ? [`  and ${candidates.length - LISTED} more`] : [];
  const instead =
    candidates.length === 0 ? [`"${task}" was never sent`] : ["sent, the nearest first:", ...lines, ...more];
  const beside = others.length === 0 ? [] : [`other tasks sent: ${[...new Set(others)].join(", ")}`];
  return new AssertionError({
    message: [problem, ...instead, ...beside].join("\n"),
    actual: nearest && likeExpected(nearest, expected),
    expected,
    operator,
    stackStartFn: failure,
  });
}

const count = (times: number) => (times === 1 ? "once" : `${times} times`);

const inline = (value: unknown) => inspect(value, { depth: 6, breakLength: Number.POSITIVE_INFINITY });

function withOptions(expected: object): string {
  const stated = Object.entries(expected).filter(([, value]) => value !== undefined);
  if (stated.length === 0) return "";
  return ` with ${stated.map(([name, value]) => `${name} ${shownOption(value)}`).join(", ")}`;
}

function shownOption(value: unknown): string {
  if (typeof value !== "function") return inline(value);
  return "taskName" in value ? inline(value.taskName) : "that a function accepts";
}

/** `add(2, 3) countdown 30 workload "default"` */
function shown(sent: SentTask): string {
  const facts = Object.entries({
    kwargs: Object.keys(sent.kwargs).length > 0 ? sent.kwargs : undefined,
    headers: Object.keys(sent.headers).length > 0 ? sent.headers : undefined,
    countdown: sent.countdown || undefined,
    expires: sent.expires,
    workload: sent.workload,
    timeLimit: sent.timeLimit,
    softTimeLimit: sent.softTimeLimit,
    ignoreResult: sent.ignoreResult || undefined,
    link: sent.link.length > 0 ? sent.link : undefined,
    linkError: sent.linkError.length > 0 ? sent.linkError : undefined,
    taskId: sent.id,
  }).filter(([, value]) => value !== undefined);
  const call = `${sent.task}(${sent.args.map(inline).join(", ")})`;
  return [call, ...facts.map(([name, value]) => `${name} ${inline(value)}`)].join(" ");
}

/** The same options of what was sent, so that a framework's diff compares like with like. */
function likeExpected(sent: SentTask, expected: object): object {
  const facts: Record<string, unknown> = { ...sent, taskId: sent.id };
  return Object.fromEntries(Object.keys(expected).map((name) => [name, facts[name]]));
}
