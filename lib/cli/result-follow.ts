// `result --follow`: a line for every change of one or more tasks, and what each ended with.
import type { App } from "../app.ts";
import { TaskUnknown } from "../errors.ts";
import { printableLine } from "../printable.ts";
import type { TaskInfo } from "../result.ts";
import { eachOf, worst } from "./each-id.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { follow, hasEnded } from "./follow.ts";
import { Interruption } from "./interruption.ts";
import { exitCodeOf, outcomeJson, outcomeOf, outcomeText } from "./outcome.ts";
import type { Output, Style } from "./output.ts";

export async function followAll(
  app: App,
  ids: readonly string[],
  limitMs: number | undefined,
  output: Output,
): Promise<ExitCode> {
  using interruption = new Interruption(() => {});
  const several = ids.length > 1;
  const followOne = async (id: string): Promise<ExitCode> => {
    const result = app.result(id);
    let last: TaskInfo | undefined;
    for await (const info of follow(result, { clock: app.clock, signal: interruption.signal, limitMs })) {
      last = info;
      if (hasEnded(info)) break;
      output.show(info, (style) => changeText(info, several, app.clock.now(), style));
    }
    if (last !== undefined && hasEnded(last)) {
      if (last.state === "UNKNOWN") throw new TaskUnknown(id, app.name);
      const outcome = await outcomeOf(result, false);
      output.show(outcomeJson(outcome), (style) => outcomeText(outcome, style, app.clock.now()));
      return exitCodeOf(outcome, true);
    }
    if (interruption.code !== undefined) return interruption.code;
    output.remark(({ red }) => `${red("error:")} ${id} has not ended in time; it goes on, only the following ended`);
    return EXIT.timedOut;
  };
  const codes = await eachOf(ids, followOne, output);
  if (interruption.code !== undefined)
    output.remark(({ dim }) =>
      dim(several ? "followed no longer; the tasks go on" : "followed no longer; the task goes on"),
    );
  return interruption.code ?? worst(codes);
}

/** "12:00:01Z   STARTED   run 2, progress {"done":3}" */
function changeText(info: TaskInfo, several: boolean, now: number, { dim, bold }: Style): string {
  const { state, customState, progress, runs, retries, retryAt, failure, revokeRequested, worker } = info;
  const facts = [
    customState,
    progress === undefined ? undefined : JSON.stringify(progress),
    state === "RETRY" && retryAt ? `retry ${retries} at ${retryAt.toISOString()}` : undefined,
    state === "RETRY" && failure ? `${failure.type}: ${failure.message}` : undefined,
    state === "STARTED" && (runs ?? 1) > 1 ? `run ${runs}` : undefined,
    state === "STARTED" && progress === undefined && customState === undefined ? `on ${worker}` : undefined,
    revokeRequested ? "revoke requested" : undefined,
  ].filter((fact) => fact !== undefined);
  const time = `${new Date(now).toISOString().slice(11, 19)}Z`;
  const id = several ? `   ${info.id}` : "";
  return `${dim(time)}${id}   ${bold(state.padEnd(7))}   ${printableLine(facts.join(", ").replaceAll("\n", " "))}`.trimEnd();
}
