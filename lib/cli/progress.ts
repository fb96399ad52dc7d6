// How far a long verb is: a bar on stderr where that is a terminal, a line now and then where it is not, nothing with --json or
// --quiet.
import { type Clock, systemClock } from "../clock.ts";
import type { Output } from "./output.ts";

export interface Progress {
  /** `done` of the total; `what` says it in words. */
  update(done: number, what: string): void;
  /** The bar goes; what was printed stays. */
  stop(): void;
}

/** Between two lines, where there is no terminal. */
const LINE_EVERY_MS = 10_000;

const SILENT: Progress = { update: () => {}, stop: () => {} };

/** `total` is undefined where it is not known: words only. */
export async function showProgress(
  output: Output,
  total: number | undefined,
  quiet: boolean,
  clock: Clock = systemClock,
): Promise<Progress> {
  if (output.json || quiet) return SILENT;
  return process.stderr.isTTY ? bar(total) : lines(output, clock);
}

async function bar(total: number | undefined): Promise<Progress> {
  const { default: cliProgress } = await import("cli-progress");
  const shown = new cliProgress.SingleBar(
    {
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false, // signals are the verb's
      format: total === undefined ? "  {what}" : "  {bar} {percentage}%   {what}",
    },
    cliProgress.Presets.shades_grey,
  );
  shown.start(total ?? 1, 0, { what: "" });
  return {
    update: (done, what) => shown.update(total === undefined ? 0 : Math.min(done, total), { what }),
    stop: () => shown.stop(),
  };
}

function lines(output: Output, clock: Clock): Progress {
  let last = clock.monotonic();
  return {
    update: (_done, what) => {
      const now = clock.monotonic();
      if (now - last < LINE_EVERY_MS) return;
      last = now;
      output.remark(({ dim }) => dim(what));
    },
    stop: () => {},
  };
}
