// `workflow --watch`: the tree again whenever it has changed; on a terminal in the place of the one before.
import { stripVTControlCharacters } from "node:util";
import type { Clock } from "../clock.ts";
import { isFinal, type State } from "../core/states.ts";
import { RESULT_POLL_MS } from "../defaults.ts";
import type { Workflow } from "../workflow.ts";
import type { WorkflowNode } from "../workflow-tree.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import type { Output } from "./output.ts";
import { treeText } from "./workflow-text.ts";

/** Pauses are so many times as long as the reading took: a large workflow is not read all the time. */
const REST = 4;

export interface WatchOptions {
  readonly clock: Clock;
  /** Ends it, quietly. */
  readonly signal: AbortSignal;
  /** Milliseconds. @default - until all of it has ended */
  readonly limitMs?: number | undefined;
}

/** What is known at first, and again after every change; the last one has ended, unless the time was over. */
export async function* changesOf(
  seen: Pick<Workflow, "tree">,
  { clock, signal, limitMs = Number.POSITIVE_INFINITY }: WatchOptions,
): AsyncGenerator<WorkflowNode> {
  const began = clock.monotonic();
  let last: string | undefined;
  let pause: number = RESULT_POLL_MS.first;
  while (!signal.aborted) {
    const asked = clock.monotonic();
    const tree = await seen.tree();
    const took = clock.monotonic() - asked;
    const now = JSON.stringify(tree);
    if (now !== last) {
      last = now;
      pause = RESULT_POLL_MS.first;
      yield tree;
    }
    if (hasEnded(tree)) return;
    const left = limitMs - (clock.monotonic() - began);
    if (left <= 0) return;
    await clock.sleep(Math.min(Math.max(pause, REST * took), left), signal).catch(() => {}); // the loop's condition sees that
    pause = Math.min(pause * RESULT_POLL_MS.factor, RESULT_POLL_MS.longest);
  }
}

/** Every unit of it has ended, not only the last. */
export function hasEnded(node: WorkflowNode): boolean {
  if (node.kind === "task") return node.replacedBy ? hasEnded(node.replacedBy) : isFinal(node.state);
  if (node.kind === "chain") return node.steps.every(hasEnded);
  const { states, size, members, body, unit } = node;
  const counts = Object.entries(states) as [State, number][]; // its own keys
  const ended = counts.reduce((all, [state, count]) => all + (isFinal(state) ? count : 0), 0);
  return (
    ended === size &&
    members.every((member) => hasEnded(member.node)) &&
    (body === undefined || hasEnded(body)) &&
    (unit === undefined || isFinal(unit.state))
  );
}

export async function watchTree(
  seen: Workflow,
  clock: Clock,
  limitMs: number | undefined,
  output: Output,
): Promise<ExitCode> {
  using interruption = new Interruption(() => {});
  let tree: WorkflowNode | undefined;
  let drawn = 0;
  for await (tree of changesOf(seen, { clock, signal: interruption.signal, limitMs })) {
    const now = tree;
    output.show(now, (style) => {
      const text = onScreen(treeText(now, style, clock.now()), hasEnded(now));
      const again = `${drawn > 0 ? `\x1b[${drawn}A\x1b[J` : ""}${text}`;
      drawn = process.stdout.isTTY ? rowsOf(text, process.stdout.columns) : 0;
      return again;
    });
  }
  if (tree !== undefined && hasEnded(tree)) return isWell(tree.state) ? EXIT.ok : EXIT.taskFailed;
  if (interruption.code !== undefined) {
    output.remark(({ dim }) => dim("watched no longer; the workflow goes on"));
    return interruption.code;
  }
  output.remark(({ red }) => `${red("error:")} it has not ended in time; it goes on, only the watching ended`);
  return EXIT.timedOut;
}

const isWell = (state: State) => state === "SUCCESS" || state === "UNTRACKED";

/** Rows of a terminal that a text takes: what is wider is wrapped. */
function rowsOf(text: string, columns: number): number {
  const widths = text.split("\n").map((line) => stripVTControlCharacters(line).length);
  return widths.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / columns)), 0);
}

/** As much as a terminal has room for; the last one whole. */
function onScreen(text: string, last: boolean): string {
  const { isTTY, rows, columns } = process.stdout;
  if (!isTTY || last) return text;
  const lines = text.split("\n");
  let shown = lines.length;
  while (shown > 1 && rowsOf(lines.slice(0, shown).join("\n"), columns) > rows - 2) shown--;
  return shown === lines.length ? text : [...lines.slice(0, shown), `… ${lines.length - shown} lines more`].join("\n");
}
