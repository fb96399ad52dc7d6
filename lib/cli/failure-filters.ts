// Which failures a verb is about: the same options for those who look and for those who send again.
import type { Command } from "commander";
import type { FailureQuery } from "../store/failures.ts";
import { type Moment, moment, wholeFrom1 } from "./values.ts";

export interface FailureFilters {
  readonly task?: string;
  readonly error?: string;
  readonly workload?: string;
  readonly since?: Moment;
  readonly until?: Moment;
  readonly deadLetters?: boolean;
  readonly limit?: number;
}

const DEAD_LETTERED = "DeadLettered";

/** `shown`: how many without --limit, in words. */
export function withFilters(command: Command, shown: string): Command {
  return command
    .option("--task <name>", "only of this task")
    .option("--error <type>", "only with this error, by its class name, such as TypeError")
    .option("--workload <name>", "only of this workload")
    .option("--since <time>", "ended since then: 2h ago, or 2026-11-21T06:00Z (default: 15d)", moment)
    .option("--until <time>", "ended until then", moment)
    .option("--dead-letters", `only what nobody brought to an end: --error ${DEAD_LETTERED}`)
    .option("--limit <count>", `the newest so many (default: ${shown})`, wholeFrom1);
}

export function hasFilters({ limit: _, ...filters }: FailureFilters): boolean {
  const { task, error, workload, since, until, deadLetters } = filters;
  return [task, error, workload, since, until, deadLetters].some((one) => one !== undefined);
}

/** What contradicts itself is wrong use. */
export function queryOf(command: Command, filters: FailureFilters, now: number): FailureQuery {
  const { task, workload, since, until, deadLetters } = filters;
  if (deadLetters && filters.error !== undefined)
    return command.error(`error: --dead-letters is --error ${DEAD_LETTERED}; leave one of them out`);
  const range = { ...(since && { since: since(now) }), ...(until && { until: until(now) }) };
  if ((range.since ?? Number.NEGATIVE_INFINITY) > (range.until ?? now))
    return command.error("error: --since is after --until, or in the future; exchange them");
  const errorType = deadLetters ? DEAD_LETTERED : filters.error;
  return {
    ...range,
    ...(task !== undefined && { task }),
    ...(errorType !== undefined && { errorType }),
    ...(workload !== undefined && { workload }),
  };
}
