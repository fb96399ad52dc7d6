// Counts the members of a group, and says when all of them have ended. What to do then is for the caller to know: it is told
// at least once, whoever was stopped wherever, and every time the same.
import {
  type Count,
  checkSize,
  childOf,
  climb,
  countOf,
  type Join,
  lowestFailed,
  nodeOf,
  rootOf,
  sealsOf,
} from "../core/join.ts";
import { WorkflowLost } from "../errors.ts";
import type { JoinStore } from "../ports/join-store.ts";
import type { Place, Shard } from "../store/join.ts";

/** All members of a group have ended. */
export interface Completion {
  readonly join: string;
  /** Members. */
  readonly size: number;
  /** Index of the first member, in the group's order, that failed. @default - none did */
  readonly failed?: number;
}

/**
 * Counts a member that has ended. To be done again whenever its message comes again: a count that was repeated goes up where the
 * first one was stopped. Throws InvalidOption for a member that the group does not have, WorkflowLost, and what the store throws.
 */
export async function countMember(
  store: JoinStore,
  join: Join,
  index: number,
  failed: boolean,
): Promise<Completion | undefined> {
  return await countUp(store, join, countOf(join, index, failed));
}

/**
 * Says, once all members have been sent, how many they are: of a group whose size nobody knew. Those that have ended meanwhile may
 * be all of them. To be done again where it was stopped. Throws InvalidOption, WorkflowLost, and what the store throws.
 */
export async function sealJoin(store: JoinStore, id: string, members: number): Promise<Completion | undefined> {
  const head = await store.sealHead(id, checkSize(id, members));
  if (head?.size === undefined) throw new WorkflowLost(`what waits for group ${id}`);
  const { size } = head; // of two publishers that counted differently the first is right
  if (size === 0) return { join: id, size };
  let completion: Completion | undefined;
  for (const seal of sealsOf(size)) {
    completion = (await goUp(store, { id }, seal.place, await store.sealShard(id, seal))) ?? completion;
  }
  return completion;
}

async function countUp(store: JoinStore, join: Join, count: Count): Promise<Completion | undefined> {
  return await goUp(store, join, count.place, await store.count(join.id, count));
}

/** From a shard that was just written to the root, as far as shards are full. */
export async function goUp(store: JoinStore, join: Join, place: Place, shard: Shard): Promise<Completion | undefined> {
  const next = climb(join, place, shard);
  switch (next.kind) {
    case "open":
      return undefined;
    case "count":
      return await countUp(store, join, next.count);
    case "complete": {
      const size = join.size ?? (await sizeOf(store, join));
      if (size === undefined) return undefined; // as many as there can be; their publisher seals the root, and goes on from here
      return { join: join.id, size, ...(next.failed && { failed: await firstFailed(store, join, shard) }) };
    }
    default:
      return next satisfies never;
  }
}

async function sizeOf(store: JoinStore, { id }: Join): Promise<number | undefined> {
  const head = await store.head(id);
  if (head === undefined) throw new WorkflowLost(`what waits for group ${id}`);
  return head.size;
}

/** Down the failed bits, from a root that has some: a read for each level below. */
async function firstFailed(store: JoinStore, join: Join, root: Shard): Promise<number> {
  let place = rootOf(join);
  let shard: Shard | undefined = root;
  for (;;) {
    const bit: number | undefined = shard && lowestFailed(join, place, shard);
    if (bit === undefined) throw new WorkflowLost(`which member of group ${join.id} failed`);
    if (place.level === 0) return nodeOf(place.shard, bit);
    place = childOf(place, bit);
    [shard] = await store.shards(join.id, [place]);
  }
}
