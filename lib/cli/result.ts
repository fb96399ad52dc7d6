import type { Duration } from "../duration.ts";
import { exitCodeOf, outcomeJson, outcomeOf, outcomeText } from "./outcome.ts";
import { Output, type OutputOptions } from "./output.ts";
import type { Verb } from "./program.ts";
import { type TargetOptions, target, withTarget } from "./target.ts";
import { time } from "./values.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly wait?: boolean;
  readonly timeout?: Duration;
}

const HELP = `
States: PENDING, STARTED, RETRY; SUCCESS, FAILURE, REVOKED, LOST (ended); STALLED (its worker is gone),
UNTRACKED (sent with ignoreResult), UNKNOWN (not made by this app).
Without --wait the exit code is 0 whatever the state. With it: 0 SUCCESS, 3 FAILURE, REVOKED or LOST, 4 not in time.

Examples:
  $ lovage result 019a7c5e-...                     what is known now
  $ lovage result 019a7c5e-... --wait --timeout 1m
  $ lovage result 019a7c5e-... --name duckling --json | jq .value`;

export const resultVerb: Verb = (program, done) => {
  withTarget(program.command("result"))
    .description("show a task's state, value, failure, times and runs")
    .argument("<id>", "the id that send printed, or delay() returned")
    .option("--wait", "until it has ended")
    .option("--timeout <time>", "longest wait, such as 30s (default: without end)", time)
    .addHelpText("after", HELP)
    .action(async (id: string, _options: object, command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      const wait = options.wait ?? false;
      if (options.timeout !== undefined && !wait) command.error("error: --timeout goes with --wait");
      await using found = await target(command, options);
      const outcome = await outcomeOf(found.app.result(id), wait, options.timeout);
      const output = new Output(options);
      output.show(outcomeJson(outcome), (style) => outcomeText(outcome, style, found.app.clock.now()));
      if (outcome.timedOut)
        output.remark(
          ({ red }) =>
            `${red("error:")} it has not ended within ${options.timeout}; it goes on, only the waiting ended`,
        );
      done(exitCodeOf(outcome, wait));
    });
};
