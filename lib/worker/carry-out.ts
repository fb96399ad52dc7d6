// What follows an ending, carried out: for whoever ended a task, and for whoever calls a canvas. All of it may be done again, by
// anybody, and changes nothing then; so who was stopped in the middle begins anew with the redelivery.
//
//  1. joins      a head, and the watchdog's first message, before a member is sent
//  2. records    of units that end without having run
//  3. messages
//  4. counts     the last: the count that completes a group carries out what follows it, from 1. on
import { memberId } from "../core/canvas-freeze.ts";
import { joined, joinFailed } from "../core/canvas-plan.ts";
import { STORED } from "../core/canvas-shape.ts";
import type { Begun, Join, Membership, Waited } from "../core/canvas-start.ts";
import * as changes from "../core/changes.ts";
import { chordError } from "../core/chord-error.ts";
import {
  type Following,
  following,
  type Publication,
  type Routes,
  type UnlivedEnding,
  type Workflow,
} from "../core/follow-ups.ts";
import { newHead } from "../core/join.ts";
import { watchMessage } from "../core/watchdog.ts";
import { TASK_DEFAULTS } from "../defaults.ts";
import { InvalidOption, WorkflowLost } from "../errors.ts";
import { joinsOf } from "../joins.ts";
import type { JoinStore } from "../ports/join-store.ts";
import { followAll } from "../replacement.ts";
import { type DefinitionRef, definition } from "../store/definition.ts";
import type { JoinHead } from "../store/join.ts";
import { type Failure, isTerminal, type TaskRecord } from "../store/record.ts";
import type { WireSignature } from "../wire/signature.ts";
import { type Completion, countMember } from "./join.ts";
import { type WriteDeps, writeSurely } from "./write-surely.ts";

export interface CarryOutDeps extends WriteDeps {
  readonly routes: Omit<Routes, "now">;
  /** @default - these back ends keep no workflows */
  joins?(): Promise<JoinStore>;
}

export type Send = (publication: Publication) => Promise<void>;

/** Messages that are on their way at a time. */
const LANES = 500;

/** Resolves when all of it is durable. Rejects with what the back ends throw; it is to be done again then. */
export async function carryOut({ publish, workflow }: Following, send: Send, deps: CarryOutDeps): Promise<void> {
  if (workflow === undefined) return await sendAll(publish, send);
  const { joins, waited, ended, counts, line, ending } = workflow;
  const sent = new Set<string>(); // groups whose members were all sent before
  const begun: Begun[] = [];
  const isOpen = ({ within = [] }: { readonly within?: readonly string[] }) =>
    within.every((group) => !sent.has(group));
  for (const join of joins.filter(isOpen)) {
    const head = await begin(join, publish[0]?.workload, line, send, deps);
    if (head.published >= (head.size ?? Number.POSITIVE_INFINITY)) sent.add(join.group);
    else begun.push(join);
  }
  if (ending) await Promise.all(ended.map((unit) => end(unit, ending, deps)));
  for (const unit of waited) await succeed(unit, deps);
  await sendAll(publish.filter(isOpen), send);
  for (const { group, size } of begun) if (size) await (await joinsOf(deps)).checkpoint(group, size, deps.clock.now());
  for (const { failed, ...membership } of counts) await count(membership, failed, line, send, deps);
}

/** Counts a member that has ended, and goes on where it was the last. What can never be counted is logged, and left. */
async function count(
  membership: Membership,
  failed: boolean,
  line: Workflow["line"],
  send: Send,
  deps: CarryOutDeps,
): Promise<void> {
  const { group: id, index, size, next } = membership;
  // A Python worker that counts by polling says no size, and counts its members where we cannot.
  if (size === undefined && next.task !== STORED) return;
  try {
    const completion = await countMember(await joinsOf(deps), { id, size }, index, failed);
    if (completion) await complete(completion, next, line, send, deps);
  } catch (error) {
    if (!(error instanceof WorkflowLost || error instanceof InvalidOption)) throw error;
    deps.log.error({ group: id, member: index, error: error.message }, "cannot count a member of a group");
  }
}

/** All members of a group have ended: what follows it begins, or fails as they did. */
export async function complete(
  { join: group, size, failed }: Completion,
  carried: WireSignature,
  line: Workflow["line"],
  send: Send,
  deps: CarryOutDeps,
): Promise<void> {
  const joins = await joinsOf(deps);
  const head = await joins.head(group);
  if (head?.completed) return; // every redelivery of every member comes here
  await followGroup({ join: group, size, ...(failed !== undefined && { failed }) }, carried, head, line, send, deps);
  await joins.complete(group);
}

async function followGroup(
  { join: group, size, failed }: Completion,
  carried: WireSignature,
  head: JoinHead | undefined,
  line: Workflow["line"],
  send: Send,
  deps: CarryOutDeps,
): Promise<void> {
  const joins = await joinsOf(deps);
  const next = await nextOf(group, carried, head, joins);
  const routes = { ...deps.routes, now: deps.clock.now() };
  const from = { ...line, parentId: group };
  if (failed !== undefined) {
    const failure = chordError(
      failed,
      memberId(routes.key, group, failed),
      await failureOf(group, failed, joins, deps),
    );
    return await failNext({ group, next }, failure, line, send, deps);
  }
  const goesOn = joined({ group, size, next }, from, routes);
  for (const unit of goesOn.waited) {
    // Whoever waited may have been revoked meanwhile: what follows it is told so, and not that it has succeeded.
    const refusal = await succeed(unit, deps);
    if (refusal === undefined) continue;
    const { publish: _, ...stops } = joinFailed({ group, next }, from, routes);
    return await carryOut(following({ ...stops, publish: [] }, line, refusal), send, deps);
  }
  await carryOut(following({ ...goesOn, ended: [] }, line), send, deps);
}

/** What would have followed a group fails instead; but for what was revoked meanwhile, which has no error callbacks then. */
export async function failNext(
  join: { readonly group: string; readonly next: WireSignature },
  failure: Failure,
  line: Workflow["line"],
  send: Send,
  deps: CarryOutDeps,
): Promise<void> {
  const routes = { ...deps.routes, now: deps.clock.now() };
  const from = { ...line, parentId: join.group };
  const ending = { state: "FAILURE", failure } as const;
  const revoked = new Set<string>();
  const fail = async (unit: Workflow["ended"][number]) => {
    if ((await end(unit, ending, deps))?.state === "REVOKED") revoked.add(unit.id);
  };
  await Promise.all(joinFailed(join, from, routes).ended.map(fail));
  const fails = joinFailed(join, from, routes, revoked);
  await carryOut(following({ ...fails, ended: [] }, line, ending), send, deps);
}

/** A head, where there is none, and the watchdog. `workload`: whose workers will look after it. */
export async function begin(
  join: Join | Begun,
  workload: string | undefined,
  line: Workflow["line"],
  send: Send,
  deps: CarryOutDeps,
): Promise<JoinHead> {
  const { clock, routes } = deps;
  const joins = await joinsOf(deps);
  const counted = "next" in join ? join : undefined;
  const text = counted?.stored ? await keepNext(counted, line.rootId, joins) : undefined;
  const head = await joins.open(newHead({ id: join.group, size: join.size }, clock.now(), text));
  if (counted && head.published < (head.size ?? Number.POSITIVE_INFINITY))
    await send(watchMessage(counted, 0, workload ?? routes.route("").workload, line, routes.key));
  return head;
}

/** What follows a group, as its head keeps it: the text itself, or where that lies. */
async function keepNext({ next }: Join, root: string, joins: JoinStore): Promise<string> {
  const text = JSON.stringify(next);
  const whole = definition(root, text);
  if (whole.parts.length === 1) return text;
  await joins.define(whole);
  return JSON.stringify({ stored: whole.ref });
}

/** What follows a group, where its members carry it and where it is stored. Throws WorkflowLost. */
export async function nextOf(
  group: string,
  carried: WireSignature,
  head: JoinHead | undefined,
  joins: JoinStore,
): Promise<WireSignature> {
  if (carried.task !== STORED) return carried;
  const follows = head?.follows;
  if (follows === undefined) throw new WorkflowLost(`what follows group ${group}`);
  const read = JSON.parse(follows) as WireSignature | { readonly stored: DefinitionRef }; // written by keepNext()
  return "stored" in read ? JSON.parse(await joins.definition(read.stored)) : read;
}

async function failureOf(group: string, index: number, joins: JoinStore, { routes }: CarryOutDeps) {
  const [member] = await followAll([memberId(routes.key, group, index)], (ids) => joins.records(ids));
  return member?.record?.failure;
}

/** Undefined, or what is there in its place. */
async function end(
  unit: Workflow["ended"][number],
  { state, failure }: UnlivedEnding,
  deps: CarryOutDeps,
): Promise<TaskRecord | undefined> {
  const claim = { ...unit, attempt: 0, token: unit.id };
  const { resultExpiresSeconds } = TASK_DEFAULTS;
  const write = state === "FAILURE" ? changes.failUnheld : changes.revokeUnheld;
  const answer = await writeSurely(write(claim, deps.clock.now(), failure, resultExpiresSeconds), deps);
  return answer.applied ? undefined : answer.existing;
}

/** Undefined, or the ending that was there before. */
async function succeed({ id, members }: Waited, deps: CarryOutDeps): Promise<UnlivedEnding | undefined> {
  const { resultExpiresSeconds } = TASK_DEFAULTS;
  const answer = await writeSurely(
    changes.succeedWaited({ id }, members, deps.clock.now(), resultExpiresSeconds),
    deps,
  );
  return answer.applied ? undefined : endingOf(answer.existing);
}

function endingOf(record: TaskRecord | undefined): UnlivedEnding | undefined {
  if (record === undefined || !isTerminal(record.state) || record.state === "SUCCESS") return undefined;
  const failure = record.failure ?? { type: "Error", message: "no failure was recorded" };
  return { state: record.state === "FAILURE" ? "FAILURE" : "REVOKED", failure };
}

async function sendAll(publish: readonly Publication[], send: Send): Promise<void> {
  for (let at = 0; at < publish.length; at += LANES) await Promise.all(publish.slice(at, at + LANES).map(send));
}
