import type { App } from "../app.ts";
import type { Backends } from "../connection.ts";
import type { Logger } from "../log.ts";
import { storeOf } from "../payloads.ts";
import type { Broker } from "../ports/broker.ts";
import { routesOf } from "../routes.ts";
import { deadLetterQueueName, queueName } from "../store/table.ts";
import { isHeard } from "./announce.ts";
import { type DecisionDeps, type ExecuteDeps, protocol } from "./execution.ts";
import type { Runner } from "./job.ts";
import { logRuns } from "./log-runs.ts";
import { taskOf } from "./mapped.ts";
import type { TaskMetrics } from "./metrics.ts";
import { withLostSpans } from "./traced.ts";

/** What executing an app's tasks needs, whoever receives the messages. */
export function executeDeps(
  app: App,
  backends: Pick<Backends, "broker" | "store" | "joins" | "payloads">,
  owner: string,
  log: Logger,
  runner: Runner,
  metrics?: TaskMetrics,
): ExecuteDeps {
  return {
    ...decisionDeps(app, backends, log),
    owner,
    taskNames: () => [...app.tasks.keys()],
    run: logRuns(withLostSpans(runner.run, app), app.clock),
    announce: async (ended) => {
      if (isHeard(app, ended)) await runner.announce(ended);
    },
    events: app.events,
    ...(metrics && {
      metrics,
      // By the workload that recorded it: the one it was for may come from a message.
      unsent: (task, from, failure) =>
        metrics.ended(
          from,
          app.tasks.has(task) ? task : undefined,
          { kind: "failure", failure, expected: false },
          undefined,
        ),
    }),
  };
}

/** What deciding about an app's messages needs, where none is run. */
export function decisionDeps(
  app: App,
  backends: Pick<Backends, "broker" | "store" | "joins" | "payloads">,
  log: Logger,
): DecisionDeps {
  const { broker, store, joins } = backends;
  return {
    broker,
    store,
    ...(joins && { joins }),
    ...(app.payloads && { payloads: { store: storeOf(backends), limits: app.payloads } }),
    ...(app.tracing && { tracing: app.tracing }),
    clock: app.clock,
    log,
    protocol,
    routes: routesOf(app),
    queue: (workload) => queueName(app.name, workload),
    deadLetterQueue: (workload) => deadLetterQueueName(app.name, workload),
    task: (task, kwargs = {}) => taskOf(app, { task, kwargs })?.settings,
  };
}

/** A broker with some of its methods replaced. */
export function withOverrides(broker: Broker, overrides: Partial<Broker>): Broker {
  return {
    send: (queue, message) => broker.send(queue, message),
    receive: (queue, options) => broker.receive(queue, options),
    delete: (delivery) => broker.delete(delivery),
    changeVisibility: (delivery, seconds) => broker.changeVisibility(delivery, seconds),
    depth: (queue) => broker.depth(queue),
    check: (queue) => broker.check(queue),
    flush: () => broker.flush(),
    close: () => broker.close(),
    ...overrides,
  };
}
