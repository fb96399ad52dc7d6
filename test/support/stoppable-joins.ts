// A JoinStore whose caller can be stopped at any of its calls, as a process is that dies: before a write, or after it.
import type { JoinStore } from "../../lib/ports/join-store.ts";

export type When = "before" | "after";

/** What a caller is stopped with. */
export class Stopped extends Error {}

/** `at` is asked at each call whether the caller dies there, and when. */
export function stoppable(store: JoinStore, at: (call: keyof JoinStore) => When | undefined): JoinStore {
  return around(store, async (call, work) => {
    const when = at(call);
    if (when === "before") throw new Stopped(`before ${call}`);
    const answer = await work();
    if (when === "after") throw new Stopped(`after ${call}`);
    return answer;
  });
}

/** A store all of whose calls pass through `pass`. */
export function around(
  store: JoinStore,
  pass: <T>(call: keyof JoinStore, work: () => Promise<T>) => Promise<T>,
): JoinStore {
  return {
    open: (head) => pass("open", () => store.open(head)),
    head: (join) => pass("head", () => store.head(join)),
    checkpoint: (...args) => pass("checkpoint", () => store.checkpoint(...args)),
    sealHead: (...args) => pass("sealHead", () => store.sealHead(...args)),
    complete: (join) => pass("complete", () => store.complete(join)),
    count: (...args) => pass("count", () => store.count(...args)),
    sealShard: (...args) => pass("sealShard", () => store.sealShard(...args)),
    shards: (...args) => pass("shards", () => store.shards(...args)),
    define: (definition) => pass("define", () => store.define(definition)),
    definition: (ref) => pass("definition", () => store.definition(ref)),
    keepWorkflow: (...args) => pass("keepWorkflow", () => store.keepWorkflow(...args)),
    workflows: (ids) => pass("workflows", () => store.workflows(ids)),
    records: (ids) => pass("records", () => store.records(ids)),
    close: () => store.close(),
  };
}
