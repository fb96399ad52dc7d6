// One line of `send --batch`: an array of arguments, or an object.
import type { SendOptions } from "../app.ts";
import type { Duration } from "../duration.ts";
import { describe } from "../duration.ts";
import { InvalidOption } from "../errors.ts";
import { check, type Rule, text } from "../options.ts";
import { parseExact } from "./exact-json.ts";

export interface BatchCall {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly options: SendOptions;
}

/** The app checks these itself. */
const asItIs: Rule<never> = (value) => value as never; // whatever it is, sendTask() looks at it

const date: Rule<Date> = (value, name) => {
  const found = new Date(typeof value === "string" ? value : Number.NaN);
  if (Number.isNaN(found.getTime()))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes a time such as "2026-11-21T12:00:00Z"`);
  return found;
};

/** A time span ("1h", 30), or a moment. */
const dateOrDuration: Rule<Date | Duration> = (value, name) =>
  typeof value === "string" && /^\d{4}-/.test(value) ? date(value, name) : (value as Duration); // sendTask() looks at it

const args: Rule<readonly unknown[]> = (value, name) => {
  if (!Array.isArray(value)) throw new InvalidOption(`${name} is ${describe(value)}; it takes an array`);
  return value;
};

const RULES = {
  task: text,
  args,
  kwargs: asItIs,
  id: asItIs,
  countdown: asItIs,
  eta: date,
  expires: dateOrDuration,
  workload: asItIs,
  headers: asItIs,
  timeLimit: asItIs,
  softTimeLimit: asItIs,
  ignoreResult: asItIs,
};

/** Throws InvalidOption. `task` is the command line's, for lines that name none. */
export function batchCall(line: string, task: string | undefined): BatchCall {
  const found = parseExact(line);
  if ("problem" in found) throw new InvalidOption(found.problem);
  const { value } = found;
  if (Array.isArray(value)) return { task: demandTask(task), args: value, options: {} };
  if (typeof value !== "object" || value === null)
    throw new InvalidOption(
      `a call is ${describe(value)}; it takes an array of arguments, or an object such as {"args": [2, 3]}`,
    );
  const { task: own, args = [], id, ...options } = check("a call", value, RULES);
  return {
    task: demandTask(own ?? task),
    args,
    options: { ...options, ...(id === undefined ? {} : { taskId: id }) } as SendOptions, // undefined values are left out by check()
  };
}

function demandTask(task: string | undefined): string {
  if (task !== undefined) return task;
  throw new InvalidOption('a call names no task; write {"task": "add", …}, or name it before --batch');
}
