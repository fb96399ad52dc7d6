import type { Command } from "commander";
import { FAILURES_SHOWN } from "../defaults.ts";
import type { FailureSummary } from "../store/failures.ts";
import { eachOf, worst } from "./each-id.ts";
import { EXIT } from "./exit-codes.ts";
import { type FailureFilters, hasFilters, queryOf, withFilters } from "./failure-filters.ts";
import { failureJson, failureOf, failureText } from "./failure-outcome.ts";
import { Output, type OutputOptions, type Style, span, table } from "./output.ts";
import type { Verb } from "./program.ts";
import { type TargetOptions, target, withTarget } from "./target.ts";
import { taskIds } from "./values.ts";

interface Options extends TargetOptions, OutputOptions, FailureFilters {}

/** Characters of a message in the list. */
const SHOWN_MESSAGE = 60;

const HELP = `
Every task that ended as FAILURE, also one sent with ignoreResult, newest first: thrown, killed by a limit, dead-lettered, unknown to
its worker. With ids: each of them with its arguments, error, stack and what it was sent again as.
Records are kept for 15 days, or for the task's resultExpires where that is longer (--since 30d looks further back).

Examples:
  $ lovage failures                                   the newest ${FAILURES_SHOWN}
  $ lovage failures --task charge --since 2h
  $ lovage failures --dead-letters --json | jq -r '.failures[].id'
  $ lovage failures 019a7c5e-...                      arguments, error, stack
  $ lovage redrive --task charge --since 2h           sends them again`;

export const failuresVerb: Verb = (program, done) => {
  withFilters(withTarget(program.command("failures")), String(FAILURES_SHOWN))
    .description("list what failed, by task, error and age; or show one with its arguments")
    .argument("[ids...]", "show these", taskIds)
    .addHelpText("after", HELP)
    .action(async (ids: readonly string[] = [], _options: object, command: Command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      if (ids.length > 0 && (hasFilters(options) || options.limit !== undefined))
        command.error("error: ids and filters exclude each other: an id names one task");
      const output = new Output(options);
      await using found = await target(command, options);
      const { app } = found;
      const now = app.clock.now();
      const backends = await app.backends();
      if (ids.length > 0) {
        const show = async (id: string) => {
          const failure = await failureOf(id, backends, app.key);
          output.show(failureJson(failure), (style) => failureText(failure, style, now));
          return EXIT.ok;
        };
        return done(worst(await eachOf(ids, show, output)));
      }
      const limit = options.limit ?? FAILURES_SHOWN;
      const failures: FailureSummary[] = [];
      const query = { ...queryOf(command, options, now), limit: limit + 1 };
      for await (const failure of backends.store.failures(query)) failures.push(failure);
      const shown = failures.slice(0, limit);
      const more = failures.length > limit;
      const value = { app: app.name, failures: shown.map(summaryJson), more };
      output.show(value, (style) =>
        shown.length === 0 ? style.dim("no failures that match") : listText(shown, style, now),
      );
      if (more) output.remark(({ dim }) => dim(`the newest ${limit}; --limit shows more`));
      done(EXIT.ok);
    });
};

function summaryJson({ endedAt, ...facts }: FailureSummary): object {
  return { ...facts, endedAt: new Date(endedAt) };
}

function listText(failures: readonly FailureSummary[], style: Style, now: number): string {
  const head = ["age", "task", "error", "message", "id", "redriven"];
  const rows = failures.map(({ endedAt, task, errorType, errorMessage, id, redrives }) => [
    span(Math.max(0, Math.round((now - endedAt) / 1_000))),
    task ?? "-",
    errorType,
    errorMessage.length > SHOWN_MESSAGE ? `${errorMessage.slice(0, SHOWN_MESSAGE - 1)}…` : errorMessage,
    id,
    redrives === 0 ? "-" : String(redrives),
  ]);
  return table(head, rows, style, ["age", "redriven"]);
}
