import type { Command } from "commander";
import { REDRIVES_PER_SECOND } from "../defaults.ts";
import { LovageError } from "../errors.ts";
import { silentLogger } from "../log.ts";
import type { ResultStore } from "../ports/result-store.ts";
import { printableLine } from "../printable.ts";
import type { FailureQuery } from "../store/failures.ts";
import { decisionDeps } from "../worker/deps.ts";
import { type Redriven, redriveTasks } from "../worker/redrive.ts";
import { canAsk, confirmed } from "./confirm.ts";
import { EXIT } from "./exit-codes.ts";
import { type FailureFilters, hasFilters, queryOf, withFilters } from "./failure-filters.ts";
import { Interruption } from "./interruption.ts";
import { Output, type OutputOptions, span } from "./output.ts";
import type { Verb } from "./program.ts";
import { showProgress } from "./progress.ts";
import { lineOf, RedriveCount, redrivenJson } from "./redrive-count.ts";
import { type TargetOptions, target, withTarget } from "./target.ts";
import { rate, taskIds } from "./values.ts";

interface Options extends TargetOptions, OutputOptions, FailureFilters {
  readonly again?: boolean;
  readonly dryRun?: boolean;
  readonly rate?: number;
  readonly yes?: boolean;
  readonly quiet?: boolean;
}

const HELP = `
Each becomes a new task with an id of its own, the arguments it failed with and its callbacks; the old one stays FAILURE and counts
that it was sent again. Sending the same one twice at once, or again after a crash, sends one task. What was redriven before is left alone;
--again sends it once more, as another task. A chord whose member failed is not reopened.

With filters it asks before it starts on a terminal; elsewhere it takes --yes. --dry-run shows what would be sent.
Ctrl-C: finishes what it has in hand, says how far it got, and ends with 130; the same command goes on from there, but for
--again, which would send once more what has just been sent.
Exit code 1 where some could not be sent: their message was not kept, or their arguments are gone.

Examples:
  $ lovage redrive 019a7c5e-...
  $ lovage redrive --task charge --error PaymentTimeout --since 2h --dry-run
  $ lovage redrive --task charge --error PaymentTimeout --since 2h --rate 100/m
  $ lovage redrive --dead-letters --workload renders --yes --json`;

export const redriveVerb: Verb = (program, done) => {
  withFilters(withTarget(program.command("redrive")), "all")
    .description("send failed tasks again, as new tasks: by id, or by task, error and age")
    .argument("[ids...]", "send these again", taskIds)
    .option("--again", "also what was redriven before")
    .option("--dry-run", "show what would be sent, and send nothing")
    .option("--rate <rate>", `at most so many, such as 100/m (default: ${REDRIVES_PER_SECOND}/s)`, rate)
    .option("-y, --yes", "do not ask")
    .option("-q, --quiet", "show no progress")
    .addHelpText("after", HELP)
    .action(async (given: readonly string[] = [], _options: object, command: Command) => {
      const ids = [...new Set(given)];
      const options = command.optsWithGlobals() as Options; // the options declared above
      const { again = false, dryRun = false } = options;
      const output = new Output(options);
      const named = ids.length > 0;
      if (named && (hasFilters(options) || options.limit !== undefined))
        command.error("error: ids and filters exclude each other: an id names one task");
      if (!named && !hasFilters(options))
        command.error(
          "error: redrive takes ids, or what to look for: --task, --error, --workload, --since, --until or --dead-letters",
        );
      const asks = !named && !dryRun && !options.yes;
      if (asks && !canAsk(output))
        command.error(
          "error: redrive sends tasks: pass --yes, or --dry-run to see which, or run it on a terminal without --json, where it asks",
        );
      await using found = await target(command, options);
      const app = found.module ?? found.app;
      const backends = await found.app.backends();
      const now = app.clock.now();
      // Up to now, so that what fails again meanwhile is not sent once more.
      const query = named ? {} : { until: now, ...queryOf(command, options, now) };
      const count = new RedriveCount();
      const chosen = () =>
        matching(backends.store, query, { again, limit: options.limit, onSkipped: () => count.skipped++ });
      const perSecond = options.rate ?? REDRIVES_PER_SECOND;
      const total = named ? ids.length : asks ? await countOf(chosen()) : undefined;
      if (asks && total === 0) {
        output.remark(({ dim }) => dim("no failures that match, or all of them were redriven before (--again)"));
        return done(EXIT.ok);
      }
      if (asks && !(await confirmed(question(total ?? 0, app.name, perSecond)))) {
        output.remark(() => "nothing was sent");
        return done(EXIT.ok);
      }
      count.skipped = 0;

      using interruption = new Interruption(() =>
        output.remark(({ dim }) => dim("stopping: finishing what is in hand; again to stop at once")),
      );
      const progress = await showProgress(output, total, (options.quiet ?? false) || named || dryRun);
      const onTask = (redriven: Redriven) => {
        count.add(redriven);
        progress.update(count.handled, `${count.handled.toLocaleString("en")} tasks`);
        if (named || dryRun || output.json) output.show(redrivenJson(redriven), () => printableLine(lineOf(redriven)));
      };
      const work = { again, dryRun, rate: perSecond, signal: interruption.signal, onTask };
      let failure: unknown;
      try {
        await redriveTasks({ ...work, ids: named ? ids : chosen() }, decisionDeps(app, backends, silentLogger));
      } catch (error) {
        if (!(error instanceof LovageError)) throw error;
        failure = error;
      } finally {
        progress.stop();
      }
      const complete = failure === undefined && interruption.code === undefined;
      const { sent, skipped, refused } = count;
      if (!named && !dryRun && refused > 0) output.remark((style) => count.refusalsText(style));
      if (!named || output.json) {
        const summary = { [dryRun ? "wouldSend" : "sent"]: sent, skipped, refused, complete };
        output.show({ summary }, (style) => count.summaryText(dryRun, style));
      }
      if (!complete) output.remark(({ dim }) => dim(`it stopped before the end; ${howToGoOn(again, named)}`));
      if (failure !== undefined) throw failure;
      done(interruption.code ?? (refused > 0 ? EXIT.failed : EXIT.ok));
    });
};

/** What was counted is left alone, but where that is not wanted. */
function howToGoOn(again: boolean, named: boolean): string {
  if (!again) return "the same command goes on: what was sent is left alone";
  const rest = named ? "the ids that are left" : "--until, for the newest go first";
  return `--again would send once more what has just been sent: go on with ${rest}`;
}

interface Choice {
  readonly again: boolean;
  readonly limit: number | undefined;
  readonly onSkipped: () => void;
}

/** Ids of what is to be sent. The index says what was redriven before; the record, which is read later, has the last word. */
async function* matching(
  store: ResultStore,
  query: FailureQuery,
  { again, limit = Number.POSITIVE_INFINITY, onSkipped }: Choice,
): AsyncGenerator<string> {
  let left = limit;
  for await (const { id, redrives } of store.failures(query)) {
    if (redrives > 0 && !again) {
      onSkipped();
      continue;
    }
    yield id;
    left--;
    if (left <= 0) return;
  }
}

async function countOf(ids: AsyncIterable<string>): Promise<number> {
  let count = 0;
  for await (const _ of ids) count++;
  return count;
}

function question(count: number, app: string, perSecond: number): string {
  const tasks = count === 1 ? "1 failed task" : `${count.toLocaleString("en")} failed tasks`;
  return `send ${tasks} of ${app} again, in about ${span(Math.ceil(count / perSecond))}?`;
}
