// What a task that has ended came to: its value, or why there is none.
import type { Clock } from "./clock.ts";
import type { Backends } from "./connection.ts";
import type { IdKey } from "./core/ids.ts";
import type { State } from "./core/states.ts";
import { ResultExpired, TaskFailed, TaskLost, TaskRevoked, TaskUnknown } from "./errors.ts";
import { fetchValue } from "./payloads.ts";
import type { TaskRecord } from "./store/record.ts";
import { storedJson } from "./store/stored.ts";
import { unbundled } from "./unbundled.ts";
import type { GroupRef } from "./wire/envelope.ts";
import { toError } from "./wire/failure.ts";
import type { JsonValue } from "./wire/serializer.ts";

/** What reading values needs. */
export interface ValueDeps {
  readonly key: IdKey;
  readonly clock: Clock;
  open(): Promise<Pick<Backends, "joins" | "payloads">>;
  /** Reads the results of a group. @default - members.ts, which is in the bundles of those alone who make groups */
  resultsOf?(group: GroupRef, deps: ValueDeps): Promise<JsonValue>;
}

/** Of a state that is final, or UNKNOWN. Undefined where the task returned nothing. @throws as `AsyncResult.get` */
export async function endingOf(
  id: string,
  state: State,
  record: TaskRecord | undefined,
  deps: ValueDeps & { readonly app: string },
): Promise<JsonValue | undefined> {
  if (state === "UNKNOWN") throw new TaskUnknown(id, deps.app);
  if (state === "LOST") throw new TaskLost(id);
  if (state === "UNTRACKED") return undefined; // what `ignoreResult` promises
  if (record?.forgotten) throw new ResultExpired(id, "it was forgotten");
  if (state === "REVOKED") throw new TaskRevoked(id, record?.failure?.message ?? "revoked");
  if (state === "FAILURE") {
    const failure = record?.failure ?? { type: "Error", message: "no failure was recorded" };
    throw new TaskFailed(id, failure, toError(failure));
  }
  if (record === undefined || (record.result ?? record.resultRef ?? record.members) === undefined) return undefined;
  const { resultExpiresAt: until } = record;
  if (until !== undefined && until <= deps.clock.now())
    throw new ResultExpired(id, `it expired at ${new Date(until).toISOString()} (resultExpires)`);
  return await recordedValue(record, deps);
}

const MEMBERS: string = "./members.ts"; // in a variable, so that bundlers leave it out
const load = (): Promise<typeof import("./members.ts")> => import(MEMBERS);
const NOT_BUNDLED = "its result is a group's; import groupResult to read it";

/** The value that a record has, or leads to. @throws as fetchValue, and what reading a group's results throws */
export async function recordedValue(
  { id, result, resultRef, members }: TaskRecord,
  deps: ValueDeps,
): Promise<JsonValue> {
  if (members) return await (deps.resultsOf ?? (await unbundled(load, NOT_BUNDLED)).resultsOf)(members, deps);
  if (resultRef) return await fetchValue(resultRef, `the result of task ${id}`, (await deps.open()).payloads);
  return storedJson(id, "result", result ?? "null");
}
