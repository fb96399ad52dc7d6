// A task's state and value, as `send --wait` and `result` print them.

import type { Duration } from "../duration.ts";
import { printable, printableLine } from "../printable.ts";
import type { AsyncResult, TaskInfo } from "../result.ts";
import type { Failure } from "../store/record.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { facts, type Output, type Style } from "./output.ts";

export interface Outcome {
  readonly info: TaskInfo;
  /** Of a SUCCESS. */
  readonly value?: unknown;
  /** Why there is no value though it succeeded: expired, forgotten, in a payload store that this app does not know. */
  readonly gone?: string;
  /** The time to wait was over. */
  readonly timedOut?: boolean;
}

const ENDINGS = new Set([
  "LOVAGE_TASK_FAILED",
  "LOVAGE_TASK_REVOKED",
  "LOVAGE_TASK_LOST",
  "LOVAGE_RESULT_EXPIRED",
  "LOVAGE_PAYLOAD_LOST",
]);

/** Reads once, or waits. Throws what is no answer: an id nobody knows (when waiting), a store that cannot be read. */
export async function outcomeOf(result: AsyncResult, wait: boolean, timeout?: Duration): Promise<Outcome> {
  if (wait) {
    try {
      await result.get(timeout === undefined ? {} : { timeout });
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      if (code === "LOVAGE_RESULT_TIMEOUT") return { info: await result.info(), timedOut: true };
      if (!ENDINGS.has(code)) throw error;
    }
  }
  const info = await result.info();
  if (info.state !== "SUCCESS") return { info };
  try {
    return { info, value: await result.get() };
  } catch (error) {
    return { info, gone: error instanceof Error ? error.message : String(error) };
  }
}

/** 0 without `wait`: it was asked and answered. */
export function exitCodeOf({ info, timedOut }: Outcome, wait: boolean): ExitCode {
  if (!wait) return EXIT.ok;
  if (timedOut) return EXIT.timedOut;
  return info.state === "FAILURE" || info.state === "REVOKED" || info.state === "LOST" ? EXIT.taskFailed : EXIT.ok;
}

export function outcomeJson({ info, value, gone, timedOut }: Outcome): object {
  return { ...info, value, valueGone: gone, timedOut };
}

export function outcomeText({ info, value, gone }: Outcome, style: Style, now: number): string {
  const { failure } = info;
  const state =
    info.state === "SUCCESS"
      ? style.green(info.state)
      : info.state === "FAILURE" || info.state === "LOST"
        ? style.red(info.state)
        : style.bold(info.state);
  const took = info.startedAt && info.endedAt && `${info.endedAt.getTime() - info.startedAt.getTime()} ms`;
  const lines = facts(
    {
      task: info.task,
      value:
        info.state !== "SUCCESS"
          ? undefined
          : (gone ?? (value === undefined ? "nothing" : JSON.stringify(value, undefined, 2))),
      failure: failure && `${failure.type}: ${failure.message}`,
      progress: info.progress === undefined ? undefined : JSON.stringify(info.progress),
      "own state": info.customState,
      started: info.startedAt && moment(info.startedAt, now),
      ended: info.endedAt && `${moment(info.endedAt, now)}${took === undefined ? "" : `, took ${took}`}`,
      "next run": info.retryAt && moment(info.retryAt, now),
      runs: info.runs === undefined ? undefined : String(info.runs),
      retries: info.retries === undefined ? undefined : String(info.retries),
      workload: info.workload,
      worker: info.worker,
      revoke: info.revokeRequested ? "requested" : undefined,
      "replaced by": info.replacement,
      "redriven from": info.redrivenFrom,
      redriven: info.redrives === undefined ? undefined : timesText(info.redrives),
      stack: failure && stackBelow(failure),
    },
    style,
  );
  const meaning = MEANINGS[info.state];
  return [
    `${state}   ${printableLine(info.id)}`,
    ...(meaning === undefined ? [] : [style.dim(`  ${meaning}`)]),
    ...(lines === "" ? [] : [lines]),
  ].join("\n");
}

export const timesText = (times: number) => (times === 1 ? "once" : `${times} times`);

/** A stack repeats the message in its first lines. */
export function stackBelow({ type, message, stack }: Failure): string | undefined {
  const head = `${type}: ${message}\n`;
  return stack?.startsWith(head) ? stack.slice(head.length) : stack;
}

const MEANINGS: Readonly<Record<string, string>> = {
  PENDING: "sent, and not started: nobody has claimed it yet",
  STALLED: "its worker stopped renewing its lease: killed, cut off or paused; it runs again at the next delivery",
  UNKNOWN: "this app did not make the id, and there is no record of it: check the app's name and the id",
  LOST: "older than any message lives, and never ended",
  UNTRACKED: "sent with ignoreResult: nothing is recorded unless it fails",
};

function moment(date: Date, now: number): string {
  const seconds = Math.round((now - date.getTime()) / 1_000);
  const distance = seconds >= 0 ? `${ago(seconds)} ago` : `in ${ago(-seconds)}`;
  return `${date.toISOString()} (${distance})`;
}

export function ago(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** Says on stderr why there is no value to print. */
export function remarkOn({ info, gone, timedOut }: Outcome, output: Output, waited: Duration | undefined): void {
  const { failure } = info;
  output.remark(({ red, dim }) => {
    if (timedOut)
      return `${red("error:")} task ${info.id} is ${info.state} after ${waited}; it goes on, only the waiting ended`;
    if (gone !== undefined) return `${red("note:")} ${indented(gone)}`;
    const head = `${red(`${info.state}:`)} ${failure === undefined ? `task ${info.id}` : indented(`${failure.type}: ${failure.message}`)}`;
    const stack = failure && stackBelow(failure);
    return stack === undefined ? head : `${head}\n${dim(printable(stack))}`;
  });
}

/** Text of several lines, none of which could be taken for one of ours. */
function indented(text: string): string {
  return printable(text).replaceAll("\n", "\n  ");
}
