// The app that a simulated process runs: its tasks and settings, by the code that is deployed.
import { type App, createApp } from "../../lib/app.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Backends } from "../../lib/connection.ts";
import type { TaskContext } from "../../lib/context.ts";
import { Reject } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { onFargate, onLambda } from "../../lib/workload.ts";
import { APP, MAX_HOPS } from "./names.ts";
import { LARGE, type Step } from "./specs.ts";

export const FUNCTION_TIMEOUT_SECONDS = 30;

/** A message with large arguments is over the first, its large result over the second; nothing else is. */
export const LIMITS = { argsOver: 2_500, resultsOver: 1_024 };

/** What a run comes to. */
export interface Ran {
  readonly step: Step;
  readonly value: string;
  /** Of a retry, in seconds. */
  readonly countdown: number;
  readonly large: boolean;
}

/** The arguments that the first retry asks for. */
export const changedArgs = (large: boolean): string[] => ["changed by the first retry", ...(large ? [LARGE] : [])];

export type UserCode = (context: TaskContext) => Promise<Ran>;

/** `code`: 0 before the deploy, 1 after it. Containers run nothing by `run`: the world does that in their place. */
export function appOf(
  code: number,
  clock: Clock,
  backends: Pick<Backends, "broker" | "store" | "joins" | "payloads">,
  run: UserCode,
): App {
  const app = createApp(APP, {
    workloads: {
      default: onFargate({ work: "io" }),
      functions: onLambda({ timeout: `${FUNCTION_TIMEOUT_SECONDS}s`, byCall: true }),
    },
    payloads: { bucket: "sim-payloads", ...LIMITS },
    maxHops: MAX_HOPS,
    clock,
    logger: silentLogger,
    connect: async () => ({ ...backends, where: async () => ({ broker: "simulated", store: "simulated" }) }),
    defaults: { defaultRetryDelay: "5s", timeLimit: "5m", maxRetries: 3 },
  });
  const handler = async (context: TaskContext) => handled(await run(context), context);
  const options = { bind: true } as const;
  for (const name of ["task", "callback", "poison", code === 0 ? "retired" : "newcomer"])
    app.task(name, options, handler);
  app.task("unclaimed", { ...options, claim: false }, handler);
  app.task("changing", { ...options, claim: code === 0, maxRetries: code === 0 ? 3 : 1 }, handler);
  return app;
}

function handled({ step, value, countdown, large }: Ran, context: TaskContext): string {
  switch (step) {
    case "success":
      return value;
    case "retry":
      return context.retry({ countdown, ...(context.retries === 0 && { args: changedArgs(large) }) });
    case "requeue":
      throw new Reject({ requeue: true, reason: "as planned" });
    case "failure":
    case "kill":
      throw new Error("as planned");
    default:
      return step satisfies never;
  }
}
