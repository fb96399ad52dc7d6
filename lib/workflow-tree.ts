// A workflow as a tree of nodes, each with its state.
import type { ChainUnit, GroupUnit, TaskUnit, Unit } from "./core/canvas-units.ts";
import { isFinal, type State } from "./core/states.ts";
import { WORKFLOWS } from "./defaults.ts";
import type { TaskInfo } from "./result.ts";
import type { Known, UnitStates } from "./workflow-states.ts";

export type WorkflowNode = WorkflowTask | WorkflowChain | WorkflowGroup;

/** A task, with what is known about it. One that has not been sent yet is PENDING too. */
export interface WorkflowTask extends TaskInfo {
  readonly kind: "task";
  /** What it has put in its place (`ctx.replace`), which has its state. */
  readonly replacedBy?: WorkflowNode;
}

export interface WorkflowChain {
  readonly kind: "chain";
  /** Its last step's. */
  readonly id: string;
  /** Of its last step; STARTED where that has not ended, and an earlier one has started. */
  readonly state: State;
  readonly steps: readonly WorkflowNode[];
}

/** A group; with a body it is a chord. */
export interface WorkflowGroup {
  readonly kind: "group";
  readonly id: string;
  /** Of what ends it: its body, or its members, which have failed where one has. STARTED where it has not ended, and one of them has started. */
  readonly state: State;
  /** Members; undefined where they are a stream that goes on. */
  readonly size: number | undefined;
  /**
   * How many of its members are in which state. Of a group of more than 10,000 that something waits for, what was counted: FAILURE
   * where one has ended and not well, PENDING where it has not ended.
   */
  readonly states: Readonly<Partial<Record<State, number>>>;
  /** All of its members, where they are no more than 64; else the first that have failed. */
  readonly members: readonly WorkflowMember[];
  /** What is handed its results. */
  readonly body?: WorkflowNode;
  /** It is waited for, as a group in another one is: how that stands. */
  readonly unit?: TaskInfo;
}

export interface WorkflowMember {
  readonly index: number;
  readonly node: WorkflowNode;
}

/** A unit with all below it, but for the members of large groups. */
type Spelled = TaskUnit | SpelledChain | SpelledGroup;

interface SpelledChain extends Omit<ChainUnit, "steps"> {
  readonly steps: readonly Spelled[];
}

interface SpelledGroup {
  readonly kind: "group";
  readonly unit: GroupUnit;
  /** Members so far. */
  readonly sent: number;
  readonly size: number | undefined;
  /** None where it is large. */
  readonly members: readonly Spelled[];
  readonly body?: Spelled;
}

export class WorkflowTree {
  readonly #states: UnitStates;

  constructor(states: UnitStates) {
    this.#states = states;
  }

  async of(unit: Unit): Promise<WorkflowNode> {
    const spelled = await this.#spelled(unit);
    return await this.#node(spelled, await this.#states.read(idsIn(spelled)));
  }

  async #spelled(unit: Unit): Promise<Spelled> {
    if (unit.kind === "task") return unit;
    if (unit.kind === "chain")
      return { ...unit, steps: await Promise.all(unit.steps.map((step) => this.#spelled(step))) };
    const { sent, size } = await this.#states.sizeOf(unit);
    const shown = sent > WORKFLOWS.membersShown ? 0 : sent;
    const members = Array.from({ length: shown }, (_, index) => this.#spelled(unit.member(index)));
    const body = unit.body && (await this.#spelled(unit.body));
    return { kind: "group", unit, sent, size, members: await Promise.all(members), ...(body && { body }) };
  }

  async #node(spelled: Spelled, known: ReadonlyMap<string, Known>): Promise<WorkflowNode> {
    if (spelled.kind === "task") return await this.#task(spelled, known.get(spelled.id));
    if (spelled.kind === "group") return await this.#group(spelled, known);
    const steps = await Promise.all(spelled.steps.map((step) => this.#node(step, known)));
    return { kind: "chain", id: spelled.id, state: stateAfter(steps), steps };
  }

  async #task({ id, task }: TaskUnit, known: Known | undefined): Promise<WorkflowTask> {
    const { info = { id, state: "PENDING" } as const, replacement } = known ?? {};
    const node = { kind: "task", ...(task !== undefined && { task }), ...info } as const;
    if (replacement === undefined) return node;
    const replacedBy = await this.of(replacement);
    const state = hasBegun(replacedBy.state) ? replacedBy.state : "STARTED";
    return { ...node, state, replacedBy };
  }

  async #group(
    { unit, sent, size, ...spelled }: SpelledGroup,
    known: ReadonlyMap<string, Known>,
  ): Promise<WorkflowGroup> {
    const tally = spelled.members.length === sent ? undefined : await this.#states.tally(unit, sent);
    const members = tally
      ? tally.failed.map(async (index) => ({ index, node: await this.of(unit.member(index)) }))
      : spelled.members.map(async (one, index) => ({ index, node: await this.#node(one, known) }));
    const all = await Promise.all(members);
    const states = tally?.states ?? countsOf(all);
    const body = spelled.body && (await this.#node(spelled.body, known));
    const waits = spelled.body?.kind === "task" && spelled.body.waits;
    return {
      kind: "group",
      id: unit.id,
      state: body && isFinal(body.state) ? body.state : groupState(states, size, body !== undefined),
      size,
      states,
      members: all,
      ...(waits ? { unit: withoutKind(body as WorkflowTask) } : body && { body }), // it is one: it waits
    };
  }
}

function idsIn(spelled: Spelled): readonly string[] {
  if (spelled.kind === "task") return [spelled.id];
  if (spelled.kind === "chain") return spelled.steps.flatMap(idsIn);
  return [...spelled.members.flatMap(idsIn), ...(spelled.body ? idsIn(spelled.body) : [])];
}

function withoutKind({ kind: _, ...info }: WorkflowTask): TaskInfo {
  return info;
}

function stateAfter(steps: readonly WorkflowNode[]): State {
  const { state = "PENDING" } = steps.at(-1) ?? {};
  return isFinal(state) || !steps.some((step) => hasBegun(step.state)) ? state : "STARTED";
}

/** `followed`: something comes after its members. */
function groupState(states: WorkflowGroup["states"], size: number | undefined, followed: boolean): State {
  const counts = Object.entries(states) as [State, number][]; // its own keys
  const ended = counts.reduce((all, [state, count]) => all + (isFinal(state) ? count : 0), 0);
  if (ended === size && !followed)
    return counts.every(([state]) => state === "SUCCESS" || state === "UNTRACKED") ? "SUCCESS" : "FAILURE";
  return counts.some(([state]) => hasBegun(state)) ? "STARTED" : "PENDING";
}

function hasBegun(state: State): boolean {
  return state !== "PENDING" && state !== "UNKNOWN";
}

function countsOf(members: readonly WorkflowMember[]): WorkflowGroup["states"] {
  const states: Partial<Record<State, number>> = {};
  for (const { node } of members) states[node.state] = (states[node.state] ?? 0) + 1;
  return states;
}
