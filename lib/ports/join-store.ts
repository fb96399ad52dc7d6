import type { Count, Seal } from "../core/join.ts";
import type { Definition, DefinitionRef } from "../store/definition.ts";
import type { JoinHead, Place, Shard } from "../store/join.ts";
import type { TaskRecord } from "../store/record.ts";

/**
 * Keeps what a workflow shares: joins, and definitions. On AWS they lie in the table of the records. It is apart from the
 * ResultStore, because who sends and reads single tasks needs none of it.
 *
 * Contract (test/conformance/join-store.ts runs it on every adapter):
 * - Every write is atomic, and safe to repeat: done twice, at any time and by anybody, it changes nothing more. So whoever got
 *   StoreUnavailable, after which it may or may not have happened, does it again.
 * - `count` adds one bit to a shard and answers with all of the shard after it. The first count of a bit says whether it
 *   failed; later ones change nothing.
 * - `sealShard` and `sealHead` set a size once: the first that was said stays, and is the answer.
 * - `open` makes a head once, and answers with the one that is there then. `checkpoint` never goes back.
 * - Nothing is ever removed but by its time to live, 90 days after its latest write. What is left over after that is treated as
 *   absent: a read does not see it, and a write begins anew.
 * - Reads are strongly consistent, and answer in the order in which they were asked, with undefined for what is not there.
 * - All of them may reject with StoreUnavailable, TableNotFound, AccessDenied or RequestRefused.
 */
export interface JoinStore {
  open(head: JoinHead): Promise<JoinHead>;
  head(join: string): Promise<JoinHead | undefined>;
  /** Notes at `at` (epoch ms) that the first `published` members have been sent. Nothing where there is no such join. */
  checkpoint(join: string, published: number, at: number): Promise<void>;
  /** Says how many members there are, where that was not known from the start. Undefined where there is no such join. */
  sealHead(join: string, size: number): Promise<JoinHead | undefined>;
  /** Notes that what follows has been carried out. Nothing where there is no such join. */
  complete(join: string): Promise<void>;

  count(join: string, count: Count): Promise<Shard>;
  /** Says how many bits a shard will have. */
  sealShard(join: string, seal: Seal): Promise<Shard>;
  shards(join: string, places: readonly Place[]): Promise<readonly (Shard | undefined)[]>;

  /** Resolves once every part is durable. */
  define(definition: Definition): Promise<void>;
  /** Throws WorkflowLost where a part is missing, or is not what it was. */
  definition(ref: DefinitionRef): Promise<string>;

  /** Keeps what a workflow is (JSON, at most 7 KB), by the id of the whole. What was there is written over. */
  keepWorkflow(id: string, text: string): Promise<void>;
  workflows(ids: readonly string[]): Promise<readonly (string | undefined)[]>;

  /** Records of tasks, such as a group's members. An id may be there twice. All of them are held in memory: ask for pages. */
  records(ids: readonly string[]): Promise<readonly (TaskRecord | undefined)[]>;
  close(): Promise<void>;
}
