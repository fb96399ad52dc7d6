// How long recovery may take, in seconds, by the defaults: docs/semantics.md states these bounds, test/behaviour/recovery.test.ts and
// its neighbours keep to them, and test/docs/semantics.test.ts compares the two.
import { heartbeatEveryMs, hiccupDelay, outageDelay, untilTakeover } from "../../lib/core/visibility.ts";
import {
  CLOCK_SKEW_MS,
  LAMBDA_RESERVED_SECONDS,
  LAMBDA_VISIBILITY_FACTOR,
  MAX_DEAD_LETTER_RESENDS,
  MESSAGE_LIFETIME_MS,
  RECORD_LIFETIME_MS,
  RESULT_POLL_MS,
  SEND_DEADLINE_MS,
  UNKNOWN_TASK_PAUSES,
  WORKER_DEFAULTS,
  WORKER_STOP,
  WORKLOAD_DEFAULTS,
} from "../../lib/defaults.ts";
import { onFargate, onLambda } from "../../lib/workload.ts";

const MANY = 1_000;
const { maxReceiveCount } = WORKLOAD_DEFAULTS;
const visibility = onFargate().visibilitySeconds;
const lambda = onLambda();
const timeout = lambda.lambda?.timeoutSeconds ?? 0;
const sumOf = (count: number, seconds: (receive: number) => number) =>
  Array.from({ length: count }, (_, i) => seconds(i + 1)).reduce((sum, one) => sum + one, 0);

export const BOUNDS = {
  /** A process is gone or stands still: until its message is received again and its lease may be taken over. */
  takeover: visibility,
  /** The same on Lambda, where nothing renews a lease. */
  lambdaTakeover: LAMBDA_VISIBILITY_FACTOR * timeout,
  /** A delivery that meets a live lease comes back within this. */
  refused: untilTakeover(1_000, 0, MANY),
  /** Longest that a dead worker's task reads STARTED after its last heartbeat; STALLED from there. */
  stalledAfter: visibility - (2 * CLOCK_SKEW_MS) / 1_000 + CLOCK_SKEW_MS / 1_000,
  /** A message given back because a back end failed, and the pause of the worker's next poll. */
  hiccup: hiccupDelay(MANY) + 30,
  /** Dies with its worker in every delivery: until FAILURE(DeadLettered). */
  deadLetter: maxReceiveCount * visibility,
  lambdaDeadLetter: maxReceiveCount * LAMBDA_VISIBILITY_FACTOR * timeout,
  /** No worker knows the task: until FAILURE(NotRegistered). */
  unknownTask: UNKNOWN_TASK_PAUSES.reduce((sum, pause) => sum + pause, 0),
  /** Reject({ requeue: true }) for ever: until FAILURE(DeadLettered). */
  requeued: sumOf(maxReceiveCount, hiccupDelay),
  /** The payload store is back: until the task runs again. */
  payloadRetry: outageDelay(MANY),
  /** The payload store stays down: until FAILURE(DeadLettered). */
  payloadOutage: (1 + MAX_DEAD_LETTER_RESENDS) * sumOf(maxReceiveCount, outageDelay),
  /** SIGTERM: what runs longer is given back after this. */
  grace: WORKER_DEFAULTS.graceSeconds,
  /** SIGTERM: the process is gone after this. */
  stop: WORKER_DEFAULTS.graceSeconds + WORKER_STOP.settleSeconds + WORKER_STOP.closeSeconds,
  /** A worker that can finish nothing, or hears nothing of SQS, ends after this: it looks every quarter, and at its latest failure. */
  workerStalled: WORKER_DEFAULTS.stallSeconds * 1.25 + hiccupDelay(MANY) + 30,
  /** A revoke of what runs is heard after this, in a container. */
  revoke: heartbeatEveryMs(visibility) / 1_000,
  /** On Lambda: hard limits are cut to this, and nothing runs longer. */
  lambdaRun: timeout - LAMBDA_RESERVED_SECONDS,
  /** A publish is accepted or fails. */
  publish: SEND_DEADLINE_MS / 1_000,
  /** get() over its timeout, where the table does not answer. */
  lastLook: RESULT_POLL_MS.lastLook / 1_000,
  /** No message can be left: LOST. */
  lost: MESSAGE_LIFETIME_MS / 1_000,
  /** The record of an ended task. */
  record: RECORD_LIFETIME_MS / 1_000,
} as const;
