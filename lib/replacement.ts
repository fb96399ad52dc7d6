// Tasks that have put others in their place (`ctx.replace`): what is asked of one is asked of the one that ends in its place.
import { RecordUnreadable } from "./errors.ts";
import type { ResultStore } from "./ports/result-store.ts";
import type { TaskRecord } from "./store/record.ts";

export interface Followed {
  /** Of the one that was not replaced. */
  readonly id: string;
  readonly record: TaskRecord | undefined;
}

/** Records of many, in the order of `ids`: of each that was replaced, that of the one in its place. Throws what `read` throws, and RecordUnreadable. */
export async function followAll(
  ids: readonly string[],
  read: (ids: readonly string[]) => Promise<readonly (TaskRecord | undefined)[]>,
): Promise<readonly Followed[]> {
  const found: Followed[] = ids.map((id) => ({ id, record: undefined }));
  const been = new Set<string>();
  let asked = [...found.keys()];
  while (asked.length > 0) {
    const records = await read(asked.map((at) => (found[at] as Followed).id)); // asked are keys of it
    const further: number[] = [];
    for (const [i, at] of asked.entries()) {
      const { id } = found[at] as Followed; // as above
      const next = records[i]?.replacement;
      found[at] = next === undefined ? { id, record: records[i] } : { id: next, record: undefined };
      if (next === undefined) continue;
      if (been.has(`${at} ${next}`)) throw new RecordUnreadable(id, "replacement", "leads round in a circle");
      been.add(`${at} ${next}`);
      further.push(at);
    }
    asked = further;
  }
  return found;
}

/** The record of one. Throws as `followAll`. */
export async function follow(id: string, store: Pick<ResultStore, "read">): Promise<Followed> {
  const [followed] = await followAll([id], async ([one = id]) => [await store.read(one)]);
  return followed as Followed; // one for each that was asked
}
