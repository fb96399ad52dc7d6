// One world, and the words in which its next steps are said: what becomes of an execution that does something, or is gone.
import type { Bound } from "./bounds.ts";
import type { Rules } from "./rules.ts";
import type { Call, Effect, Execution, Message, Mode, Plan, Rec, World, WriteKind } from "./world.ts";

export interface Step {
  readonly kind: string;
  /** Rows of docs/protocol.md that it carries out. */
  readonly rows: string;
  /** What a system without faults does by itself, sooner or later. Faults and callers are not. */
  readonly fair: boolean;
  /** Taken only because time has not passed: it cannot go on for ever. */
  readonly waits: boolean;
  /** Who acts: an execution's uid, or 0. */
  readonly uid: number;
  readonly id: string;
  /** The write that was applied. */
  readonly wrote: WriteKind | undefined;
  readonly to: World;
  readonly says: () => string;
}

export type Facts = Partial<Pick<Step, "rows" | "fair" | "waits" | "uid" | "wrote">>;

export const FIRST_MESSAGE: Message = { id: "t", kind: "plain", attempt: 0, receives: 0, resends: 0, dead: false };

export class Moment {
  readonly steps: Step[] = [];
  readonly world: World;
  readonly bound: Bound;
  readonly rules: Rules;

  constructor(world: World, bound: Bound, rules: Rules) {
    this.world = world;
    this.bound = bound;
    this.rules = rules;
  }

  add(kind: string, id: string, to: World, says: () => string, facts: Facts = {}): void {
    const { rows = "", fair = true, waits = false, uid = 0, wrote } = facts;
    this.steps.push({ kind, id, to, says, rows, fair, waits, uid, wrote });
  }

  /** As `add`, where a fault is left to strike. */
  addFault(kind: string, id: string, to: World, says: () => string, facts: Facts = {}): void {
    if (this.world.left.faults === 0) return;
    this.add(kind, id, { ...to, left: this.spent("faults") }, says, { ...facts, fair: false });
  }

  spent(what: "faults" | Call): World["left"] {
    return { ...this.world.left, [what]: this.world.left[what] - 1 };
  }

  modeOf(id: string): Mode {
    return id === "t" ? this.bound.mode : "tracked";
  }

  newUid(): number {
    let uid = 1;
    while (this.world.executions.some((one) => one.uid === uid)) uid++;
    return uid;
  }

  withRecord(id: string, rec: Rec): Pick<World, "records"> {
    return { records: { ...this.world.records, [id]: rec } };
  }

  replaced(one: Execution, change: Partial<Execution>, rest: Partial<World> = {}): World {
    const executions = this.world.executions.map((other) => (other === one ? { ...one, ...change } : other));
    return { ...this.world, ...rest, executions };
  }

  /** It is gone: nobody holds its token any more. */
  gone({ uid }: Execution, rest: Partial<World> = {}): World {
    const { records = this.world.records, executions = this.world.executions } = rest;
    const left: Record<string, Rec> = {};
    for (const [id, rec] of Object.entries(records)) {
      const { token, by } = rec;
      const held = token === uid || by === uid;
      left[id] = held ? { ...rec, token: token === uid ? 0 : token, by: by === uid ? 0 : by } : rec;
    }
    return { ...this.world, ...rest, records: left, executions: executions.filter((other) => other.uid !== uid) };
  }

  /** It has done the first of its effects, and leaves with the last. */
  past(one: Execution, rest: Partial<World> = {}): World {
    const todo = one.todo.slice(1);
    return todo.length > 0 ? this.replaced(one, { todo }, rest) : this.gone(one, rest);
  }

  carryingOut(plan: Plan, one: Pick<Execution, "message" | "who">): Pick<Execution, "does" | "plan" | "todo"> {
    const has: Record<Effect, boolean> = {
      write: plan.write !== undefined,
      publish: plan.publish !== undefined || this.following(plan, one.message) !== undefined,
      settle: plan.settle !== "none",
    };
    const order = one.who === "operator" ? this.rules.redriveOrder : this.rules.order;
    return { does: "carry out", plan, todo: order.filter((effect) => has[effect]) };
  }

  /** The callback that a plan sends. Those of callbacks and redrives are left out: they are as any other task's. */
  following({ follow }: Plan, { id }: Message): string | undefined {
    return follow && id === "t" ? this.rules.derivedId(id, follow, this.world.accepted) : undefined;
  }
}

export const nameOf = ({ who, uid }: Execution): string =>
  who === "worker" ? `worker ${String.fromCharCode(64 + uid)}` : `the ${who}`;
