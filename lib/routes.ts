// Where an app's tasks go: what is planned for them asks here.
import type { App } from "./app.ts";
import type { Routes } from "./core/follow-ups.ts";
import { queueName } from "./store/table.ts";

export function routesOf(app: App): Omit<Routes, "now"> {
  return {
    key: app.key,
    maxHops: app.maxHops,
    route: (task, queue) => {
      const settings = app.tasks.get(task)?.settings;
      const asked = queue === undefined ? undefined : workloadOf(app, queue);
      return { workload: asked ?? settings?.workload ?? "default", ignoreResult: settings?.ignoreResult ?? false };
    },
  };
}

/** A name that is neither a queue's nor a workload's stays as it is: the error names it. */
function workloadOf(app: App, queue: string): string {
  return Object.keys(app.workloads).find((workload) => queueName(app.name, workload) === queue) ?? queue;
}
