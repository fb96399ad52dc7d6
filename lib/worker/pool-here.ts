// Runs jobs in the worker's own process: for tasks that wait more than they compute.
import type { App } from "../app.ts";
import { NotRegistered } from "../errors.ts";
import { toFailure } from "../wire/failure.ts";
import { calledTask } from "../wire/signature.ts";
import { announceHere } from "./announce.ts";
import { invoke } from "./invoke.ts";
import type { Runner } from "./job.ts";
import { taskOf } from "./mapped.ts";
import { streamsOf } from "./results.ts";
import { traced } from "./traced.ts";

/** A run resolves when its handler has ended and what it sent has been accepted; other runs are not waited for. */
export function runHere(app: App): Runner {
  return {
    run: async (job) => {
      const task = taskOf(app, job.envelope);
      if (task === undefined) {
        const failure = toFailure(new NotRegistered(calledTask(job.envelope), [...app.tasks.keys()]));
        return { kind: "failure", failure, expected: false };
      }
      return traced(app, job, () => invoke({ ...task, events: app.events, streams: streamsOf(app) }, job, app.clock));
    },
    announce: (ended) => announceHere(app, ended),
  };
}
