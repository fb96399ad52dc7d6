// What is kept of a group that something waits for, and where: a head, and the shards of a tree (core/join.ts). They lie in
// the table of the records, and each is an item of its own.
//
//   <group id>·join                 head: how many members, how far its publisher has come, what follows
//   <group id>·<level>.<shard>      a shard: which of its at most 64 members have ended, and which of those failed
//
// "·" (U+00B7) is in no task id, so neither is a record.

/** Which shard of a tree. Level 0 counts members, each further level the shards below it. */
export interface Place {
  readonly level: number;
  readonly shard: number;
}

export interface Shard {
  /** Bits (0 to 63) that are counted. */
  readonly done: ReadonlySet<number>;
  /** Those of them that failed, or below which one failed. */
  readonly failed: ReadonlySet<number>;
  /** Bits it will have, once its publisher has said so. @default - as many as fit, or as the join's size tells */
  readonly size?: number;
}

export interface JoinHead {
  /** Id of the group. */
  readonly id: string;
  /** Members. @default - not known yet: its publisher says so at the end */
  readonly size?: number;
  /** Its publisher said the size at the end: its tree is that of a size nobody knew. */
  readonly sealed?: true;
  /** Epoch ms of its first publish. */
  readonly createdAt: number;
  /** Epoch ms of its latest checkpoint, or of its making. */
  readonly publishedAt: number;
  /** Members that have surely been sent, the first so many: a publish that is repeated goes on there. */
  readonly published: number;
  /** All have ended, and what follows them has been carried out: nobody need do it again. */
  readonly completed?: true;
  /** What to do when all have ended, as JSON. Kept as it is. */
  readonly follows?: string;
}

export const EMPTY_SHARD: Shard = { done: new Set(), failed: new Set() };

export function headKey(join: string): string {
  return `${join}·join`;
}

export function shardKey(join: string, { level, shard }: Place): string {
  return `${join}·${level}.${shard}`;
}
