import type { App } from "../app.ts";
import { deadLetterQueueName, queueName } from "../store/table.ts";
import type { Handle } from "./consumer.ts";
import { handleDeadLetter } from "./dead-letter.ts";
import { execute } from "./execute.ts";
import type { WorkloadLimits } from "./execution.ts";

/** A queue of an app, and how a message of it is handled in this process. */
export interface ServedQueue {
  readonly queue: string;
  /** Where its messages go after `limits.maxReceiveCount` receives; undefined for a dead-letter queue itself, which keeps them. */
  readonly deadLetter: string | undefined;
  readonly limits: WorkloadLimits;
  readonly handle: Handle;
}

/** Both queues of every workload, by name. */
export function servedQueues(app: App): ReadonlyMap<string, ServedQueue> {
  const queues = Object.entries(app.workloads).flatMap(([name, workload]): ServedQueue[] => {
    const { heartbeatVisibilitySeconds: visibilitySeconds, maxReceiveCount } = workload;
    const limits = { name, visibilitySeconds, maxReceiveCount };
    const queue = queueName(app.name, name);
    const deadLetter = deadLetterQueueName(app.name, name);
    return [
      { queue, deadLetter, limits, handle: execute },
      { queue: deadLetter, deadLetter: undefined, limits, handle: handleDeadLetter },
    ];
  });
  return new Map(queues.map((served) => [served.queue, served]));
}
