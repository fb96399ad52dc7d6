import { deadLetterQueueName, queueName } from "../store/table.ts";
import { EXIT } from "./exit-codes.ts";
import { oldestSentAt } from "./oldest.ts";
import { Output, type OutputOptions, span, table } from "./output.ts";
import type { Verb } from "./program.ts";
import { type TargetOptions, target, withTarget } from "./target.ts";
import { names } from "./values.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly workloads?: readonly string[];
}

interface Row {
  readonly workload: string;
  readonly queue: string;
  readonly waiting: number;
  readonly inFlight: number;
  readonly delayed: number;
  readonly dead: number;
  /** null: not known here. */
  readonly oldestSeconds: number | null;
}

const HELP = `
waiting    messages nobody has received
in flight  received and not acknowledged: running, prefetched, or held by a worker that is gone
delayed    not due yet: a countdown or an eta
dead       on the dead-letter queue
oldest     age of the oldest message that waits or is in flight; "-" where there is none or it cannot be known

Counts are SQS's own and approximate. SQS has no request for a message's age that does not receive the message, and a
receive counts towards the dead-letter queue: on AWS look at the metric ApproximateAgeOfOldestMessage in CloudWatch. The
local SQS of "lovage dev" can be asked, so "oldest" is filled in there only.

Examples:
  $ lovage queues
  $ lovage queues --local
  $ lovage queues --name duckling --workloads default,renders --json`;

export const queuesVerb: Verb = (program, done) => {
  withTarget(program.command("queues"))
    .description("show what waits, runs, is delayed and is dead, for each workload")
    .option("--workloads <names>", "only these, separated by commas (with --name: which there are)", names)
    .addHelpText("after", HELP)
    .action(async (_options: object, command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      await using found = await target(command, options, options.workloads);
      const { app } = found;
      const { broker, where } = await app.backends();
      const place = (await where()).broker;
      const row = async (workload: string): Promise<Row> => {
        const queue = queueName(app.name, workload);
        const [depth, dead, sentAt] = await Promise.all([
          broker.depth(queue),
          broker.depth(deadLetterQueueName(app.name, workload)),
          oldestSentAt(place, queue),
        ]);
        return {
          workload,
          queue,
          waiting: depth.visible,
          inFlight: depth.inFlight,
          delayed: depth.delayed,
          dead: dead.visible + dead.inFlight + dead.delayed,
          oldestSeconds: sentAt === undefined ? null : Math.max(0, Math.round((app.clock.now() - sentAt) / 1_000)),
        };
      };
      const rows = await Promise.all((options.workloads ?? Object.keys(app.workloads)).map(row));
      new Output(options).show({ app: app.name, broker: place, queues: rows }, (style) => {
        const cells = rows.map((one) => [
          one.workload,
          String(one.waiting),
          String(one.inFlight),
          String(one.delayed),
          String(one.dead),
          one.oldestSeconds === null ? "-" : span(one.oldestSeconds),
        ]);
        const head = ["workload", "waiting", "in flight", "delayed", "dead", "oldest"];
        return `${style.bold(app.name)}: ${place}\n\n${table(head, cells, style, head.slice(1))}`;
      });
      done(EXIT.ok);
    });
};
