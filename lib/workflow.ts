// A workflow that was called earlier, seen as a whole: what its units are is kept when it is called (store/workflow.ts), how they stand
// is in their records.

import type { App } from "./app.ts";
import type { Unit } from "./core/canvas-units.ts";
import { unitOf } from "./core/canvas-units.ts";
import { isFinal } from "./core/states.ts";
import { DYNAMODB, WORKFLOWS } from "./defaults.ts";
import { WorkflowUnknown } from "./errors.ts";
import { joinsOf } from "./joins.ts";
import { type RevokeAnswer, revoke } from "./revoke.ts";
import { findOutline } from "./worker/outlines.ts";
import { UnitStates } from "./workflow-states.ts";
import { type WorkflowNode, WorkflowTree } from "./workflow-tree.ts";

/** What became of the units of a workflow that was revoked. */
export interface WorkflowRevoked {
  /** They had not started, and never will. */
  readonly revoked: number;
  /** They run: their workers are asked to stop them. */
  readonly asked: number;
  /** They had ended already. */
  readonly ended: number;
  /** They were sent with `ignoreResult`: nobody would read that they are revoked. */
  readonly untracked: number;
}

/**
 * The workflow of an id stored earlier, in any process: that of its handle (a chain's last step, a chord's body, a group) or of its first
 * unit. Nothing is read yet.
 */
export function workflow(id: string, app: App): Workflow {
  return new Workflow(id, app);
}

export class Workflow {
  readonly id: string;
  readonly #app: App;
  #opened: Promise<{ readonly unit: Unit; readonly states: UnitStates }> | undefined;

  /** Use `workflow()`. */
  constructor(id: string, app: App) {
    this.id = id;
    this.#app = app;
  }

  /**
   * All of its units as they are now. What is known to have ended is not read again; of a group of more than 64 members how many are in
   * which state, and the first that failed. Reads a record for each unit, 100 at a time.
   * @throws WorkflowUnknown, NotSupported, RecordUnreadable, StoreUnavailable, TableNotFound, AccessDenied
   */
  async tree(): Promise<WorkflowNode> {
    const { unit, states } = await this.#open();
    return new WorkflowTree(states).of(unit);
  }

  /**
   * Cancels it: ends every unit that has not started, beginning with the last ones, so that little is sent in vain meanwhile, and asks the
   * workers of the others to stop them. A group whose members are revoked ends by itself. May be repeated. Callbacks (`link`) are not its units.
   * `terminate`: as of `AsyncResult.revoke`. @throws as `tree`
   */
  async revoke({ terminate = false }: { readonly terminate?: boolean } = {}): Promise<WorkflowRevoked> {
    const { unit, states } = await this.#open();
    const { store } = await this.#app.backends();
    const told = { revoked: 0, requested: 0, ended: 0, untracked: 0 };
    const how = terminate ? "terminate" : "cooperate";
    const revokeOne = (id: string) => revoke(store, id, how, this.#app.clock.now(), "its workflow was revoked");
    await revokeAll(unit, states, revokeOne, told);
    const { requested, ...rest } = told;
    return { ...rest, asked: requested };
  }

  toJSON(): string {
    return this.id;
  }

  #open() {
    this.#opened ??= this.#find().catch((error) => {
      this.#opened = undefined; // the next call tries again
      throw error;
    });
    return this.#opened;
  }

  async #find() {
    const { key, clock } = this.#app;
    const joins = await joinsOf(await this.#app.backends());
    const found = await findOutline(joins, key, this.id);
    if (found === undefined) throw new WorkflowUnknown(this.id, this.#app.name);
    return { unit: unitOf(key, found.outline, found.id, found.first), states: new UnitStates(joins, key, clock) };
  }
}

/** What has ended is left alone; of a task that was replaced what replaced it is revoked. */
async function revokeAll(
  unit: Unit,
  states: UnitStates,
  revokeOne: (id: string) => Promise<RevokeAnswer>,
  told: Record<RevokeAnswer | "untracked", number>,
): Promise<void> {
  for await (const page of pagesOf(tasksFromLast(unit, states))) {
    const known = await states.read(page);
    const left = [...page];
    const lane = async () => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) {
        const { info, replacement } = known.get(id) ?? {};
        if (replacement) await revokeAll(replacement, states, revokeOne, told);
        else if (info?.state === "UNTRACKED") told.untracked++;
        else told[info && isFinal(info.state) ? "ended" : await revokeOne(id)]++;
      }
    };
    await Promise.all(Array.from({ length: WORKFLOWS.lanes }, lane));
  }
}

/** Ids of its tasks, those that come last first. */
async function* tasksFromLast(unit: Unit, states: UnitStates): AsyncGenerator<string> {
  if (unit.kind === "task") yield unit.id;
  else if (unit.kind === "chain") for (const step of unit.steps.toReversed()) yield* tasksFromLast(step, states);
  else {
    if (unit.body) yield* tasksFromLast(unit.body, states);
    for (let index = (await states.sizeOf(unit)).sent - 1; index >= 0; index--)
      yield* tasksFromLast(unit.member(index), states);
  }
}

async function* pagesOf(ids: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let page: string[] = [];
  for await (const id of ids) {
    if (page.push(id) < DYNAMODB.maxBatchGetItems) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
