// Runs a plan step by step as workers would: messages in any order, as often as they like, with records that are written once and
// joins that count members in sets. Nothing but the values of lib/core/canvas-plan.ts decides what comes next.
import { memberId } from "../../lib/core/canvas-freeze.ts";
import {
  afterFailure,
  afterSuccess,
  type Consequences,
  joined,
  joinFailed,
  type Plan,
  plan,
  replaced,
} from "../../lib/core/canvas-plan.ts";
import { bodyOf, CHAIN, CHORD, final, GROUP, headerOf, idOf, tasksOf } from "../../lib/core/canvas-shape.ts";
import type { Join, Wave } from "../../lib/core/canvas-start.ts";
import type { Publication, Routes } from "../../lib/core/follow-ups.ts";
import { decode } from "../../lib/wire/decode.ts";
import { type Envelope, encode, type GroupRef } from "../../lib/wire/envelope.ts";
import type { JsonValue } from "../../lib/wire/serializer.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";
import { type Call, callOf, FAILED_ID, NOTED, run, SWAP, type TaskTable } from "./direct.ts";

type Record =
  | { readonly value: JsonValue }
  | { readonly members: GroupRef }
  | { readonly replacement: string }
  | "failed";

interface Counting extends Join {
  readonly size: number;
  readonly done: Set<number>;
  readonly failed: Set<number>;
}

export class Interpreter {
  readonly records = new Map<string, Record>();
  readonly joins = new Map<string, Counting>();
  /** Every message by its id, as it was first published. */
  readonly published = new Map<string, string>();
  readonly #calls = new Map<string, Call>();
  readonly #inFlight: Envelope[] = [];
  readonly #tasks: TaskTable;
  readonly #routes: Routes;
  readonly #deliveries: number;

  constructor(tasks: TaskTable, routes: Routes, deliveries = 1) {
    this.#tasks = tasks;
    this.#routes = routes;
    this.#deliveries = deliveries;
  }

  /** What ran, once for each task. */
  get calls(): readonly Call[] {
    return [...this.#calls.values()];
  }

  call(sig: WireSignature, args: readonly JsonValue[], root: string): Plan {
    const planned = plan(sig, { args, root: () => root }, this.#routes);
    this.#perform(planned);
    return planned;
  }

  drain(pick: (n: number) => number = () => 0): void {
    while (this.#inFlight.length > 0) {
      const [next] = this.#inFlight.splice(pick(this.#inFlight.length), 1);
      this.#execute(next as Envelope);
    }
  }

  /** The value of what was called; undefined where it failed. Throws where a unit has no record. */
  outcome({ frozen }: Plan): JsonValue | undefined {
    const last = final(frozen);
    const id = idOf(last) as string;
    return last.task === GROUP ? this.#members({ group: id, size: tasksOf(last).length }) : this.value(id);
  }

  /** Ids of units of a frozen canvas that have no record: there are none once nothing is in flight. */
  silent(sig: WireSignature): readonly string[] {
    if (sig.task === CHORD) return [...this.silent(headerOf(sig)), ...this.silent(bodyOf(sig))];
    if (sig.task === GROUP || sig.task === CHAIN) return tasksOf(sig).flatMap((one) => this.silent(one));
    const id = idOf(sig) as string; // it is frozen
    return this.records.has(id) ? [] : [id];
  }

  value(id: string): JsonValue | undefined {
    const record = this.records.get(id);
    if (record === undefined) throw new Error(`unit ${id} never ended`);
    if (record === "failed") return undefined;
    if ("replacement" in record) return this.value(record.replacement);
    return "members" in record ? this.#members(record.members) : record.value;
  }

  #members({ group, size }: GroupRef): JsonValue | undefined {
    const values = Array.from({ length: size }, (_, i) => this.value(memberId(this.#routes.key, group, i)));
    return values.some((value) => value === undefined) ? undefined : (values as JsonValue[]);
  }

  #execute(task: Envelope): void {
    if (!this.records.has(task.id)) {
      const read = task.results ? [this.#members(task.results) as JsonValue] : [];
      const args = [...read, ...task.args];
      const told = task.task === NOTED ? [FAILED_ID, ...args.slice(1)] : args;
      this.#calls.set(task.id, callOf(task.task, told));
      const swapped = task.task === SWAP && { replacement: this.#replaced(task).id };
      this.#record(task.id, swapped || attempt(() => run(this.#tasks, task, told)));
    }
    const record = this.records.get(task.id) as Record;
    if (task.task === SWAP) this.#perform(this.#replaced(task));
    else if (record === "failed") this.#perform(afterFailure(task, this.#routes));
    else this.#perform(afterSuccess(task, [this.value(task.id) as JsonValue], this.#routes));
  }

  #replaced(task: Envelope) {
    return replaced(task, task.kwargs.by as unknown as WireSignature, this.#routes);
  }

  /** As a worker does: what has ended is recorded before anything is sent, and counting is the last. */
  #perform(wave: Wave & Partial<Consequences>): void {
    for (const join of wave.joins)
      if ("next" in join && !this.joins.has(join.group))
        this.joins.set(join.group, { ...join, size: join.size as number, done: new Set(), failed: new Set() }); // no stream is planned here
    for (const { id } of wave.ended ?? []) this.#record(id, "failed");
    for (const { id, members } of wave.waited) this.#record(id, { members });
    for (const publication of wave.publish) this.#publish(publication);
    for (const { group, index, size, failed: bad } of wave.counts) this.#count(group, index, size, bad);
  }

  #record(id: string, record: Record): void {
    if (!this.records.has(id)) this.records.set(id, record);
  }

  #publish({ envelope, workload }: Publication): void {
    const body = encode(envelope, workload);
    const before = this.published.get(envelope.id);
    if (before === undefined) this.published.set(envelope.id, body);
    else if (before !== body) throw new Error(`published again, and not the same: ${before} and ${body}`);
    const copies = before === undefined ? this.#deliveries : 0;
    for (let i = 0; i < copies; i++) this.#inFlight.push(decode(body));
  }

  #count(group: string, index: number, size: number | undefined, failed: boolean): void {
    const join = this.joins.get(group);
    if (join === undefined) throw new Error(`group ${group} is counted and was never begun`);
    if (size !== join.size) throw new Error(`group ${group} has ${join.size} members, a member says ${size}`);
    join.done.add(index);
    if (failed) join.failed.add(index);
    if (join.done.size < join.size) return;
    const line = { rootId: "root", parentId: group, hops: 1 };
    if (join.failed.size === 0) this.#perform(joined(join, line, this.#routes));
    else this.#perform(joinFailed(join, line, this.#routes));
  }
}

function attempt(body: () => JsonValue): Record {
  try {
    return { value: body() };
  } catch {
    return "failed";
  }
}
