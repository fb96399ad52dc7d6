// The options of an app as users write them, checked.
import type { Clock } from "./clock.ts";
import type { Connect } from "./connection.ts";
import { MAX_HOPS } from "./defaults.ts";
import { describe } from "./duration.ts";
import { type EagerOptions, eagerOption } from "./eager.ts";
import { InvalidOption } from "./errors.ts";
import type { Logger } from "./log.ts";
import type { OpenTelemetry } from "./opentelemetry.ts";
import { check, type Rule, whole } from "./options.ts";
import { type PayloadOptions, payloadSettings } from "./payloads.ts";
import type { TaskOptions } from "./settings.ts";
import type { Workload } from "./workload.ts";

export interface AppOptions {
  /** Modules with tasks, relative to the app's own: what a worker imports. @default - none */
  readonly include?: readonly string[];
  /** Queues and who works them off. @default - one I/O-bound container workload, `default` */
  readonly workloads?: Readonly<Record<string, Workload>>;
  /** Options of every task that does not say otherwise. @default - Lovage's own */
  readonly defaults?: TaskOptions;
  /** Arguments and results too large for SQS and DynamoDB go through S3. @default - they are refused, with the numbers */
  readonly payloads?: PayloadOptions;
  /**
   * Longest line of tasks that send tasks, 1 to 1,000,000: so many messages may stand before one. Over it a call inside a task is
   * refused with HopLimitExceeded, and a callback recorded as failed with it. `hops: 0` of a call begins a new line. @default 1000
   */
  readonly maxHops?: number;
  /** Where to log: pino's interface. @default - JSON lines on stderr, warnings and errors */
  readonly logger?: Logger;
  /** Other back ends than AWS, for tests. @default - SQS and DynamoDB, by the AWS SDK's own configuration */
  readonly connect?: Connect;
  readonly clock?: Clock;
  /**
   * Traces calls and runs: the module, as in `import * as opentelemetry from "@opentelemetry/api"`. Which SDK collects the spans
   * is that module's business. @default - nothing is traced
   */
  readonly opentelemetry?: OpenTelemetry;
  /** `delay()` runs the task in place instead of sending it (Celery: task_always_eager). Excludes `connect`. @default false */
  readonly eager?: boolean | EagerOptions;
}

const any: Rule<unknown> = (value) => value;

const include: Rule<readonly string[]> = (value, name) => {
  if (!Array.isArray(value) || value.some((path) => typeof path !== "string"))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes an array of module paths`);
  return value;
};

const workloads: Rule<Readonly<Record<string, Workload>>> = (value, name) => {
  const given = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (given.length === 0)
    throw new InvalidOption(
      `${name} is ${describe(value)}; it takes at least one workload, such as { default: onLambda() }`,
    );
  for (const [workload, definition] of given) {
    if (definition?.kind === undefined)
      throw new InvalidOption(
        `workload "${workload}" is ${describe(definition)}; it takes onLambda({...}) or onFargate({...})`,
      );
  }
  return value as Readonly<Record<string, Workload>>;
};

const opentelemetry: Rule<OpenTelemetry> = (value, name) => {
  const { trace, context, propagation, SpanKind } = (value ?? {}) as Partial<OpenTelemetry>; // looked at in the next lines
  const has = [trace?.getTracer, trace?.setSpan, context?.with, propagation?.inject].every(
    (one) => typeof one === "function",
  );
  if (!has || SpanKind === undefined)
    throw new InvalidOption(
      `${name} is ${describe(value)}; it takes the whole module: import * as opentelemetry from "@opentelemetry/api"`,
    );
  return value as OpenTelemetry; // it has what a module of another kind has not
};

/** Throws InvalidOption. Default options of tasks are checked with the first task. */
export function checkApp(name: string, options: AppOptions) {
  const given = check(`app "${name}"`, options, {
    include,
    workloads,
    defaults: any,
    payloads: payloadSettings,
    maxHops: whole(MAX_HOPS.least, MAX_HOPS.most),
    logger: any,
    connect: any,
    clock: any,
    eager: eagerOption,
    opentelemetry,
  });
  if (given.eager && given.connect)
    throw new InvalidOption(`app "${name}" was given eager and connect; an eager app has no other back ends`);
  return given;
}
