import type { Command } from "commander";
import { LovageError } from "../errors.ts";
import { silentLogger } from "../log.ts";
import type { QueueDepth } from "../ports/broker.ts";
import { deadLetterQueueName, queueName } from "../store/table.ts";
import { decisionDeps } from "../worker/deps.ts";
import { purge } from "../worker/purge.ts";
import { canAsk, confirmed } from "./confirm.ts";
import { EXIT } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { Output, type OutputOptions } from "./output.ts";
import type { Verb } from "./program.ts";
import { showProgress } from "./progress.ts";
import { PurgeCount, remainText, summaryText } from "./purge-count.ts";
import { type TargetOptions, target, withTarget } from "./target.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly yes?: boolean;
  readonly deadLetters?: boolean;
  readonly unreadable?: boolean;
  readonly quiet?: boolean;
}

const HELP = `
Receives every message that can be received, ends its task as REVOKED ("purged"), then deletes the message: whoever waits for
the task learns of it. SQS's own PurgeQueue is never used: it would leave every task PENDING.

What a worker runs goes on. What has ended stays as it is. Delayed messages, and those a worker has in hand, cannot be
received: how many remain is said at the end. Tasks that are sent meanwhile are purged too: stop who sends them first.
Messages that cannot be read are recorded as FAILURE where they name a task; otherwise they go to the dead-letter queue, or
stay there. --unreadable deletes those.

On a terminal it asks before it starts; elsewhere it takes --yes. Ctrl-C: finishes what it has in hand, says what remains,
and ends with 130.

Examples:
  $ lovage purge renders
  $ lovage purge renders --yes --json
  $ lovage purge renders --dead-letters --unreadable --yes`;

export const purgeVerb: Verb = (program, done) => {
  withTarget(program.command("purge"))
    .description("end every task that waits on a workload's queue as REVOKED")
    .argument("<workload>", "the workload")
    .option("-y, --yes", "do not ask")
    .option("--dead-letters", "its dead-letter queue instead")
    .option("--unreadable", "delete messages that cannot be read and name no task")
    .option("-q, --quiet", "show no progress")
    .addHelpText("after", HELP)
    .action(async (workload: string, _options: object, command: Command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      const output = new Output(options);
      if (!options.yes && !canAsk(output))
        command.error("error: purge drops tasks: pass --yes, or run it on a terminal without --json, where it asks");
      await using found = await target(command, options, [workload]);
      const app = found.module ?? found.app; // its definitions say where callbacks go
      const backends = await found.app.backends();
      const { broker, store } = backends;
      const deadLetters = options.deadLetters ?? false;
      const queue = deadLetters ? deadLetterQueueName(app.name, workload) : queueName(app.name, workload);
      await store.check();
      const before = await broker.depth(queue);
      if (!options.yes && !(await confirmed(question(queue, before)))) {
        output.remark(() => "nothing was changed");
        return done(EXIT.ok);
      }

      const count = new PurgeCount();
      using interruption = new Interruption(() =>
        output.remark(({ dim }) => dim("stopping: finishing what is in hand; again to stop at once")),
      );
      output.remark(({ dim }) => dim(`purging about ${before.visible.toLocaleString("en")} messages of ${queue}`));
      const progress = await showProgress(output, before.visible || undefined, options.quiet ?? false);
      const work = {
        workload,
        queue,
        deadLetters,
        unreadable: options.unreadable ?? false,
        signal: interruption.signal,
        onMessage: (...news: Parameters<PurgeCount["add"]>) => {
          count.add(...news);
          progress.update(count.handled, `${count.handled.toLocaleString("en")} messages`);
        },
      };
      let failure: unknown;
      try {
        await purge(work, decisionDeps(app, backends, silentLogger));
      } catch (error) {
        if (!(error instanceof LovageError)) throw error;
        failure = error;
      } finally {
        progress.stop();
      }
      const remain = await broker.depth(queue).catch(() => undefined); // the summary goes without, what failed is said
      const summary = { app: app.name, workload, queue, ...count.counts, remain };
      output.show(summary, (style) => summaryText(queue, count.counts, style));
      if (remain !== undefined) output.remark(({ dim }) => dim(remainText(remain)));
      if (failure !== undefined) throw failure;
      done(interruption.code ?? EXIT.ok);
    });
};

function question(queue: string, { visible, inFlight, delayed }: QueueDepth): string {
  const about = `about ${visible.toLocaleString("en")} messages wait on ${queue} (${inFlight} in flight and ${delayed} delayed stay)`;
  return `${about}\nend their tasks as REVOKED?`;
}
