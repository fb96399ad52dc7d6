// A workflow as a tree of lines: what it is, its state, its id, how long it took or what went wrong.
import { isFinal, type State } from "../core/states.ts";
import { printableLine } from "../printable.ts";
import type { TaskInfo } from "../result.ts";
import type { WorkflowGroup, WorkflowNode } from "../workflow-tree.ts";
import { type Style, span } from "./output.ts";

interface Line {
  /** What is drawn before its name. */
  readonly stem: string;
  readonly name: string;
  readonly state?: State;
  readonly facts: string;
  readonly id?: string;
}

/** `now`: epoch ms. */
export function treeText(tree: WorkflowNode, style: Style, now: number): string {
  const lines = linesOf(tree, now);
  const widest = Math.max(...lines.map(({ stem, name }) => stem.length + name.length));
  const states = Math.max(...lines.map(({ state = "" }) => state.length));
  return lines.map((line) => lineText(line, widest, states, style)).join("\n");
}

function lineText({ stem, name, state, id = "", facts }: Line, widest: number, states: number, style: Style): string {
  if (state === undefined) return style.dim(`${stem}${name}`);
  const label = `${style.dim(stem)}${name.padEnd(widest - stem.length)}`;
  return [label, coloured(state, states, style), style.dim(id), facts].join("   ").trimEnd();
}

/** Errors that were told. What did not run has the error of what did. */
type Told = Set<string>;

function linesOf(node: WorkflowNode, now: number, name?: string, told: Told = new Set()): readonly Line[] {
  const { state, id } = node;
  const shown = name ?? nameOf(node);
  const line = { stem: "", name: printableLine(shown), state, id: printableLine(id) };
  if (node.kind === "task") {
    const replaced = node.replacedBy && linesOf(node.replacedBy, now, `replaced by ${nameOf(node.replacedBy)}`, told);
    return [{ ...line, facts: taskFacts(node, now, told) }, ...below(replaced ? [replaced] : [])];
  }
  if (node.kind === "chain") {
    const steps = node.steps.map((step) => linesOf(step, now, undefined, told));
    return [{ ...line, facts: "" }, ...below(steps)];
  }
  const { body } = node;
  const facts = countsText(node);
  if (body === undefined)
    return [
      { ...line, facts: [facts, unitFacts(node, told)].filter(Boolean).join(", ") },
      ...below(memberLines(node, now, told)),
    ];
  const header = { stem: "", name: "group", state: headerState(node), facts, id: printableLine(id) };
  const members = below(memberLines(node, now, told));
  return [
    { ...line, facts: "", id: printableLine(body.id) },
    ...below([[header, ...members], linesOf(body, now, undefined, told)]),
  ];
}

function nameOf(node: WorkflowNode): string {
  if (node.kind === "task") return node.task ?? "(a task)";
  return node.kind === "chain" || node.body === undefined ? node.kind : "chord";
}

function memberLines(node: WorkflowGroup, now: number, told: Told): readonly (readonly Line[])[] {
  const all = node.members.length === node.size;
  const shown = node.members.map(({ index, node: member }) =>
    linesOf(member, now, all ? undefined : `[${index}] ${nameOf(member)}`, told),
  );
  const others = (node.size ?? sum(node.states)) - node.members.length;
  return others > 0
    ? [...shown, [{ stem: "", name: `${others} ${shown.length > 0 ? "others" : "members"}`, facts: "" }]]
    : shown;
}

/** Branches of a tree. */
function below(branches: readonly (readonly Line[])[]): readonly Line[] {
  return branches.flatMap((lines, i) => {
    const last = i === branches.length - 1;
    return lines.map((line, k) => ({
      ...line,
      stem: (k === 0 ? (last ? "└─ " : "├─ ") : last ? "   " : "│  ") + line.stem,
    }));
  });
}

function headerState({ states, size, state }: WorkflowGroup): State {
  const ended = Object.keys(states).every((one) => isFinal(one as State)) && sum(states) === size; // its own keys
  if (ended)
    return Object.keys(states).every((one) => one === "SUCCESS" || one === "UNTRACKED") ? "SUCCESS" : "FAILURE";
  return isFinal(state) ? "STARTED" : state;
}

/** "238 SUCCESS, 12 FAILURE", or "3 of 5 ended" where its members are shown. */
function countsText({ states, size, members }: WorkflowGroup): string {
  const counts = Object.entries(states) as [State, number][]; // its own keys
  if (members.length !== size) return counts.map(([state, count]) => `${count} ${state}`).join(", ");
  const ended = counts.reduce((all, [state, count]) => all + (isFinal(state) ? count : 0), 0);
  return `${ended} of ${size} ended`;
}

function sum(states: WorkflowGroup["states"]): number {
  return Object.values(states).reduce((all, count) => all + count, 0);
}

/** What waits for it has ended otherwise than its members. */
function unitFacts({ unit }: WorkflowGroup, told: Told): string {
  return unit === undefined ? "" : errorOf(unit, told);
}

function taskFacts(info: TaskInfo, now: number, told: Told): string {
  const { state, startedAt, endedAt, retryAt, retries, revokeRequested, progress } = info;
  const ran = startedAt && endedAt && span((endedAt.getTime() - startedAt.getTime()) / 1_000);
  const since = startedAt && !endedAt && span(Math.max(0, now - startedAt.getTime()) / 1_000);
  const unlived = (state === "FAILURE" || state === "REVOKED") && startedAt === undefined;
  const facts = [
    unlived ? "did not run" : undefined,
    ran,
    (state === "STARTED" || state === "STALLED") && since ? `for ${since}` : undefined,
    progress === undefined || isFinal(state) ? undefined : JSON.stringify(progress),
    state === "RETRY" && retryAt
      ? `retry ${retries} in ${span(Math.max(0, retryAt.getTime() - now) / 1_000)}`
      : undefined,
    revokeRequested && !isFinal(state) ? "asked to stop" : undefined,
    errorOf(info, told),
  ];
  return printableLine(facts.filter((fact) => fact !== undefined && fact !== "").join(", "));
}

/** "RangeError: no 2": its first line. */
function errorOf({ failure, state, startedAt }: TaskInfo, told: Told): string {
  if (failure === undefined || state === "REVOKED") return "";
  const text = `${failure.type}: ${failure.message}`.split("\n")[0] ?? "";
  if (startedAt === undefined && told.has(text)) return "";
  told.add(text);
  return printableLine(text);
}

function coloured(state: State, width: number, { green, red, bold, dim }: Style): string {
  const text = state.padEnd(width);
  if (state === "SUCCESS") return green(text);
  if (state === "FAILURE" || state === "LOST") return red(text);
  return state === "PENDING" ? dim(text) : bold(text);
}
