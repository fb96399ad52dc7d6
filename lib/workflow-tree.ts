// A workflow as a tree of nodes, each with its state.
import type { ChainUnit, GroupUnit, TaskUnit, Unit } from "./core/canvas-units.ts";
import { isFinal, type State } from "./core/states.ts";
import { WORKFLOWS } from "./defaults.ts";
import type { TaskInfo } from "./result.ts";
import type { UnitStates } from "./workflow-states.ts";

export type WorkflowNode = WorkflowTask | WorkflowChain | WorkflowGroup;

/** A task, with what is known about it. One that has not been sent yet is PENDING too. */
export interface WorkflowTask extends TaskInfo {
  readonly kind: "task";
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
  /** How many of its members are in which state. */
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

/** A group, and how many members it has now. */
interface Sized {
  readonly unit: GroupUnit;
  readonly members: readonly Made[];
  readonly size: number;
  readonly body?: Made;
}
type Made = TaskUnit | { readonly unit: ChainUnit; readonly steps: readonly Made[] } | Sized;

export class WorkflowTree {
  readonly #states: UnitStates;

  constructor(states: UnitStates) {
    this.#states = states;
  }

  async of(unit: Unit): Promise<WorkflowNode> {
    const made = await this.#made(unit);
    return await this.#node(made, await this.#states.read(idsIn(made)));
  }

  /** Its units down to the last, but not the members of large groups. */
  async #made(unit: Unit): Promise<Made> {
    if (unit.kind === "task") return unit;
    if (unit.kind === "chain") return { unit, steps: await Promise.all(unit.steps.map((step) => this.#made(step))) };
    const size = await this.#states.sizeOf(unit);
    const shown = size > WORKFLOWS.membersShown ? 0 : size;
    const members = Array.from({ length: shown }, (_, index) => this.#made(unit.member(index)));
    const body = unit.body && (await this.#made(unit.body));
    return { unit, size, members: await Promise.all(members), ...(body && { body }) };
  }

  async #node(made: Made, infos: ReadonlyMap<string, TaskInfo>): Promise<WorkflowNode> {
    if ("kind" in made) return taskNode(made, infos.get(made.id));
    if ("steps" in made) {
      const steps = await Promise.all(made.steps.map((step) => this.#node(step, infos)));
      return { kind: "chain", id: made.unit.id, state: stateAfter(steps), steps };
    }
    return await this.#group(made, infos);
  }

  async #group(made: Sized, infos: ReadonlyMap<string, TaskInfo>): Promise<WorkflowGroup> {
    const { unit, size } = made;
    const all = made.members.length === size;
    const tally = all ? undefined : await this.#states.tally(unit, size);
    const members = tally
      ? await Promise.all(tally.failed.map(async (index) => ({ index, node: await this.of(unit.member(index)) })))
      : await Promise.all(made.members.map(async (one, index) => ({ index, node: await this.#node(one, infos) })));
    const states = tally?.states ?? countsOf(members);
    const body = made.body && (await this.#node(made.body, infos));
    const waits = made.body && "kind" in made.body && made.body.waits ? body : undefined;
    const end = body ? [body.state] : [];
    return {
      kind: "group",
      id: unit.id,
      state: end[0] !== undefined && isFinal(end[0]) ? end[0] : groupState(states, unit.size, body !== undefined),
      size: unit.size,
      states,
      members,
      ...(waits ? { unit: withoutKind(waits as WorkflowTask) } : body && { body }), // it is one: it waits
    };
  }
}

function idsIn(made: Made): readonly string[] {
  if ("kind" in made) return [made.id];
  if ("steps" in made) return made.steps.flatMap(idsIn);
  return [...made.members.flatMap(idsIn), ...(made.body ? idsIn(made.body) : [])];
}

function taskNode({ id, task }: TaskUnit, info: TaskInfo | undefined): WorkflowTask {
  return { kind: "task", ...(task !== undefined && { task }), ...(info ?? { id, state: "PENDING" }) };
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
