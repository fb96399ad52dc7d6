// What executing a message needs, and the words it is spoken of in.
import { decideDeadLetter } from "../core/dead-letter.ts";
import * as decisions from "../core/decide.ts";
import { type Circumstances, claimOf, type Mode, type Received } from "../core/decision.ts";
import { certify } from "../core/ids.ts";
import { decidePurged } from "../core/purge.ts";
import { decideRedrive } from "../core/redrive.ts";
import { TASK_DEFAULTS } from "../defaults.ts";
import type { Events } from "../events.ts";
import type { Delivery } from "../ports/broker.ts";
import type { TaskSettings } from "../settings.ts";
import type { JsonObject } from "../wire/serializer.ts";
import { type ApplyDeps, apply } from "./apply.ts";
import type { Ended, Run, StopSignal } from "./job.ts";
import type { TaskMetrics } from "./metrics.ts";
import { sendAndCount } from "./redrive.ts";

/** The decisions, so that the simulation can take one away and see what breaks. */
export const protocol = {
  ...decisions,
  ...{ claimOf, decideDeadLetter, decidePurged, decideRedrive, apply, sendAndCount },
};
export type Protocol = typeof protocol;

/** What deciding about messages needs, where none is run. */
export interface DecisionDeps extends ApplyDeps {
  readonly protocol: Protocol;
  /** Settings of a registered task. `kwargs` say which one a map calls. */
  task(name: string, kwargs?: JsonObject): TaskSettings | undefined;
}

export interface ExecuteDeps extends DecisionDeps {
  readonly owner: string;
  taskNames(): readonly string[];
  run: Run;
  /** Tells hooks and listeners of an ending that has been recorded. Never rejects. */
  announce(ended: Ended): Promise<void>;
  readonly events: Events;
  /** Aborts when hooks and listeners are not waited for any more: the worker has to end. @default - they get their time */
  readonly hurry?: AbortSignal;
  /** @default - nobody measures */
  readonly metrics?: TaskMetrics;
}

export interface WorkloadLimits {
  readonly name: string;
  readonly visibilitySeconds: number;
  /** Of the workload's queue. Its dead-letter queue has none. */
  readonly maxReceiveCount: number;
}

/** A message in hand. `stop` may be called from outside (shutdown). */
export interface Execution {
  readonly delivery: Delivery;
  readonly stop: StopSignal;
  /** Resolves with the row of docs/protocol.md that settled it. */
  readonly done: Promise<string>;
}

export function newToken({ clock }: Pick<ApplyDeps, "clock">): string {
  return Buffer.from(clock.randomBytes(12)).toString("base64url");
}

/** The moment of a decision. Asked for anew each time: writes lie between two of them. */
export function circumstancesOf({
  clock,
  routes,
  payloads,
}: Pick<DecisionDeps, "clock" | "routes" | "payloads">): Circumstances {
  const now = clock.now();
  return { now, random: clock.random(), routes: { ...routes, now }, payloads: payloads?.limits };
}

/** What the task asks for, as far as it is known here. */
export function modeOf(
  { envelope }: Received,
  settings: TaskSettings | undefined,
  { routes }: Pick<ExecuteDeps, "routes">,
): Mode {
  // Only an id that says so itself may go without a record: a reader has nothing else to tell by.
  if (envelope.ignoreResult && certify(envelope.id, routes.key).untracked) return "untracked";
  return settings?.claim === false ? "unclaimed" : "tracked";
}

export const UNKNOWN_TASK_POLICY = {
  maxRetries: TASK_DEFAULTS.maxRetries,
  defaultRetryDelay: TASK_DEFAULTS.defaultRetryDelaySeconds,
  retryBackoff: false,
  retryBackoffMax: TASK_DEFAULTS.retryBackoffMaxSeconds,
  retryJitter: TASK_DEFAULTS.retryJitter,
  resultExpires: TASK_DEFAULTS.resultExpiresSeconds,
} as const;
