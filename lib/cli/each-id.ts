// Verbs that take several ids.
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Output } from "./output.ts";

/** Of several ids one may be wrong: the others are answered all the same. */
export async function eachOf(
  ids: readonly string[],
  one: (id: string) => Promise<ExitCode>,
  output: Output,
): Promise<readonly ExitCode[]> {
  const ended = await Promise.allSettled(ids.map(one));
  return ended.map((end) => {
    if (end.status === "fulfilled") return end.value;
    if (ids.length === 1) throw end.reason;
    output.error(end.reason);
    return EXIT.failed;
  });
}

const BY_WEIGHT: readonly ExitCode[] = [EXIT.failed, EXIT.taskFailed, EXIT.timedOut];

/** The one exit code of several answers: an error before a failed task, that before one that was not in time. */
export function worst(codes: readonly ExitCode[]): ExitCode {
  return BY_WEIGHT.find((code) => codes.includes(code)) ?? EXIT.ok;
}
