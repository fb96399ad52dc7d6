// Starts a frozen canvas: the messages that can be sent now, the joins that count their members, and the units that have ended
// already because there was nothing to do. What comes later travels in the messages:
//
//   the rest of a chain       `chain`, in Celery's order: the last is next
//   what waits for a group    `chord` of each member, with `chord_size`; `group` and `groupIndex` say which member it is
//   values                    as first arguments; a group's results by reference (`results`): their reader collects them
//
// A join's next steps of more than STORED_BODY_BYTES are not repeated in each member's message: they are stored once with the join.
import { STORED_BODY_BYTES } from "../defaults.ts";
import { InvalidOption } from "../errors.ts";
import type { PayloadRef } from "../store/payload.ts";
import type { Envelope, GroupRef } from "../wire/envelope.ts";
import { signature } from "../wire/fields.ts";
import type { JsonObject, JsonValue } from "../wire/serializer.ts";
import { type WireSignature, wireSignature } from "../wire/signature.ts";
import { planned } from "./canvas-freeze.ts";
import { message } from "./canvas-message.ts";
import { normalise } from "./canvas-normal.ts";
import {
  bodyOf,
  CHAIN,
  CHORD,
  chainOf,
  finalId,
  GROUP,
  headerOf,
  idOf,
  isCanvas,
  JOIN,
  listOption,
  STORED,
  tasksOf,
  withFinal,
} from "./canvas-shape.ts";
import type { Publication, Routes } from "./follow-ups.ts";
import { derivedId } from "./ids.ts";

/** A group that is begun. Its head is written before its first member is sent. */
export interface Begun {
  readonly group: string;
  /** @default - a stream: whoever publishes it says so at the end */
  readonly size?: number;
  /** Groups that it is a part of a member of, as in a publication. */
  readonly within?: readonly string[];
}

/** A group whose members are counted. Its watchdog is sent before its first member is, too. */
export interface Join extends Begun {
  /** What follows the last member: frozen, its first unit takes the results. */
  readonly next: WireSignature;
  /** `next` is stored with the join, because its members do not carry it. */
  readonly stored: boolean;
}

/** Where a unit stands in a group that is counted. */
export interface Membership {
  readonly group: string;
  readonly index: number;
  /** Unknown where a Python worker published the group. */
  readonly size?: number;
  /** `next` of the join, or in its place what says that it is stored. */
  readonly next: WireSignature;
}

/** A unit that waited for a group, and has succeeded with it: its result is the members'. */
export interface Waited {
  readonly id: string;
  readonly members: GroupRef;
}

/** What is to be done, in this order: joins and the units that waited are durable before messages leave, and counts come last. */
export interface Wave {
  readonly joins: readonly (Join | Begun)[];
  readonly waited: readonly Waited[];
  readonly publish: readonly Publication[];
  readonly counts: readonly (Membership & { readonly failed: boolean })[];
}

/** What is handed to the first units, before their own arguments: values, a group's results, or a result that lies elsewhere. */
export type Handed = readonly JsonValue[] | GroupRef | PayloadRef;

/** Whom the messages of a wave belong to: their root, who sends them, and how many messages stand before them. */
export interface Line extends Pick<Envelope, "rootId" | "parentId"> {
  readonly hops: number;
}

export const NOTHING: Wave = { joins: [], waited: [], publish: [], counts: [] };

export function together(waves: readonly Wave[]): Wave {
  return {
    joins: waves.flatMap(({ joins }) => joins),
    waited: waves.flatMap(({ waited }) => waited),
    publish: waves.flatMap(({ publish }) => publish),
    counts: waves.flatMap(({ counts }) => counts),
  };
}

/** Starts a frozen canvas in normal form; `chain` is what follows it, the last is next. */
export function start(
  sig: WireSignature,
  handed: Handed,
  line: Line,
  routes: Routes,
  chain: readonly WireSignature[] = [],
): Wave {
  switch (sig.task) {
    case CHAIN: {
      const [first, ...rest] = tasksOf(sig);
      return start(first as WireSignature, handed, line, routes, [...chain, ...rest.toReversed()]); // no chain is empty here
    }
    case GROUP: {
      const group = idOf(sig) as string; // it is frozen
      const members = tasksOf(sig).map((member, i) => inGroup(member, group, i));
      const waves = members.map((member) => start(member, handed, line, routes));
      return together([{ ...NOTHING, joins: [{ group, size: members.length }] }, within(group, together(waves))]);
    }
    case CHORD:
      return startChord(sig, handed, line, routes, chain);
    case JOIN:
      return complete(sig, handed as GroupRef, line, routes, chain); // only the end of a group starts it
    default:
      return { ...NOTHING, publish: [message(sig, handed, line, routes, chain)] };
  }
}

function startChord(
  sig: WireSignature,
  handed: Handed,
  line: Line,
  routes: Routes,
  chain: readonly WireSignature[],
): Wave {
  const body = bodyOf(sig);
  const next = chain.length === 0 ? body : chainOf([...unchained(body), ...chain.toReversed()]);
  const members = tasksOf(headerOf(sig));
  const join = joinOf(idOf(headerOf(sig)) as string, members.length, next); // it is frozen
  if (members.length === 0) return start(next, { group: join.group, size: 0 }, line, routes);
  const waves = members.map((member, i) => startMember(member, i, join, handed, line, routes));
  return together([{ ...NOTHING, joins: [join] }, within(join.group, together(waves))]);
}

/** What starts the members of a group, which are all sent, or not yet. */
function within(group: string, wave: Wave): Wave {
  const part = <T extends { readonly within?: readonly string[] }>(one: T): T => ({
    ...one,
    within: [group, ...(one.within ?? [])],
  });
  return { ...wave, joins: wave.joins.map(part), publish: wave.publish.map(part) };
}

/** The join of `size` members, whatever they are. `next` is frozen. */
export function joinOf(group: string, size: number, next: WireSignature): Join {
  return { group, size, next, stored: size > 1 && JSON.stringify(next).length > STORED_BODY_BYTES };
}

/** Starts one member of a join: what is streamed is started one by one. */
export function startMember(
  member: WireSignature,
  index: number,
  join: Join,
  handed: Handed,
  line: Line,
  routes: Routes,
): Wave {
  return start(
    placed(member, { chord: carriedNext(join), group_id: join.group, group_index: index }),
    handed,
    line,
    routes,
  );
}

/** What follows the join, as its members carry it. */
export function carriedNext({ next, stored, size }: Join): JsonObject {
  const carried = stored ? wireSignature(STORED, { options: { task_id: finalId(next) as string } }) : next; // it is frozen
  return { ...carried, ...(size !== undefined && { chord_size: size }) } as unknown as JsonObject; // JSON, interfaces only have no index
}

/** The unit that waited has succeeded: what follows it is handed the results. */
function complete(
  unit: WireSignature,
  members: GroupRef,
  line: Line,
  routes: Routes,
  chain: readonly WireSignature[],
): Wave {
  const id = idOf(unit) as string; // it is frozen
  const from = { ...line, parentId: id };
  const next = chain.at(-1);
  const counted = membershipOf(unit.options);
  return together([
    { ...NOTHING, waited: [{ id, members }] },
    ...listOption(unit, "link").map((link, i) => startAt(link, `link:${i}`, members, from, routes)),
    next ? start(next, members, from, routes, chain.slice(0, -1)) : NOTHING,
    { ...NOTHING, counts: counted && !next ? [{ ...counted, failed: false }] : [] },
  ]);
}

/** Starts what is not frozen, such as a callback: its ids follow from its parent's, and its place there. */
export function startAt(
  sig: WireSignature,
  place: string,
  handed: Handed,
  line: Line & { readonly parentId: string },
  routes: Routes,
): Wave {
  const root = (untracked: boolean) => derivedId(routes.key, line.parentId, place, untracked);
  return start(planned(routes.key, asItsTaskSays(normalise(sig), routes), root), handed, line, routes);
}

/** A task that is called alone is sent with its own `ignoreResult`, where nobody has said more. */
function asItsTaskSays(sig: WireSignature, { route }: Routes): WireSignature {
  if (isCanvas(sig) || sig.options.ignore_result !== undefined || !route(sig.task).ignoreResult) return sig;
  return { ...sig, options: { ...sig.options, ignore_result: true } };
}

function unchained(sig: WireSignature): readonly WireSignature[] {
  return sig.task === CHAIN ? tasksOf(sig) : [sig];
}

/** A member of a group that nobody counts; where a Python worker counts it for another one, it stays that one's. */
function inGroup(member: WireSignature, group: string, index: number): WireSignature {
  return withFinal(member, (last) => ({
    ...last,
    options: { group_id: group, group_index: index, ...last.options },
  }));
}

/** A member says at its end where it stands. */
function placed(member: WireSignature, place: JsonObject): WireSignature {
  return withFinal(member, (last) => ({ ...last, options: { ...last.options, ...place } }));
}

/** Where the unit with these options stands, if it is counted. */
export function membershipOf({ chord, group_id, group_index }: JsonObject): Membership | undefined {
  if (typeof group_id !== "string" || typeof group_index !== "number" || !chord) return undefined;
  const next = signature("chord", chord, (problem) => new InvalidOption(`a group cannot be counted: ${problem}`));
  const { chord_size: size } = next;
  return { group: group_id, index: group_index, next, ...(size !== undefined && { size }) };
}
