// DynamoDB's BatchExecuteStatement over the in-memory store: reads the statements that lib/aws/statements.ts writes, and
// fails as requests do. It is unknown to the caller of a thrown batch which of its statements were applied, and when.
import type { ExecuteStatements, StatementError } from "../../lib/aws/execute-statements.ts";
import { ATTRIBUTES, FIELDS, type Item, toRecord } from "../../lib/aws/record-item.ts";
import type { Statement } from "../../lib/aws/statements.ts";
import type { Change, ChangeKind } from "../../lib/core/changes.ts";
import type { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { StoredState, TaskRecord } from "../../lib/store/record.ts";
import type { World } from "./world.ts";

const INSERT = /^INSERT INTO "[^"]+" VALUE \{(.+)\}$/;
const UPDATE =
  /^UPDATE "[^"]+" SET (.+?)(?: REMOVE (.+?))? WHERE "id"=\? AND "state"=\? AND "token"=\?( AND "revoke_requested" IS MISSING)?$/;
const KINDS: Partial<Record<StoredState, ChangeKind>> = {
  SUCCESS: "succeed",
  FAILURE: "fail",
  REVOKED: "revoke",
  RETRY: "retry",
};

/** What a statement does, as a change. Throws where it is none of ours. */
export function read({ Statement: text, Parameters }: Statement): Change {
  const values = [...Parameters];
  const next = () => {
    const value = values.shift();
    if (value === undefined) throw new Error(`too few parameters for ${text}`);
    return value;
  };
  const take = (names: readonly string[]): Item => Object.fromEntries(names.map((name) => [name, next()]));
  const insert = INSERT.exec(text);
  if (insert !== null) {
    const item = take([...(insert[1] ?? "").matchAll(/'(\w+)': \?/g)].map(([, name = ""]) => name));
    const { id, ...set } = toRecord(item);
    return { kind: "claim", id, when: [{ absent: true }], set };
  }
  const update = UPDATE.exec(text);
  if (update === null) throw new Error(`not a statement of ours: ${text}`);
  const names = (list = "") => [...list.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);
  const item = take(names(update[1]));
  const { id: _, ...all } = toRecord(item);
  const set: { -readonly [F in keyof TaskRecord]?: TaskRecord[F] | undefined } = { ...all };
  if (!("attempt" in item)) delete set.attempt; // toRecord gives every record one
  for (const name of names(update[2])) {
    const field = FIELDS.find((candidate) => ATTRIBUTES[candidate].name === name);
    if (field !== undefined) set[field] = undefined;
  }
  const [id, state, token] = [next().S ?? "", next().S as StoredState, next().S ?? ""]; // a STARTED
  const revoke = update[3] === undefined ? {} : { notRevokeRequested: true as const };
  const kind = KINDS[set.state ?? "PENDING"] ?? "report";
  return { kind, id, when: [{ states: [state], token, ...revoke }], set };
}

/** `edit` takes a condition of the statements away. */
export function simulatedStatements(
  world: World,
  store: MemoryResultStore,
  edit: (change: Change) => Change = (change) => change,
): ExecuteStatements {
  const roll = (rate: number, fault: string) => {
    const hit = world.faulty && world.random() < rate;
    if (hit) world.count(fault);
    return hit;
  };
  const { rates, clock } = world;
  const execute = async (change: Change): Promise<"done" | StatementError> => {
    if (roll(rates.failBefore, "statement refused")) return { Code: "ThrottlingError" };
    const { applied } = await store.write(edit(change));
    return applied ? "done" : { Code: change.kind === "claim" ? "DuplicateItem" : "ConditionalCheckFailed" };
  };
  return async (statements) => {
    world.count(statements.length === 1 ? "batch of one" : "batch of several");
    const batch = statements.map(read);
    if (new Set(batch.map(({ id }) => id)).size < batch.length) throw new Error("a batch holds one id twice");
    if (roll(rates.failBefore, "batch failed")) throw new Error("nothing happened");
    if (roll(rates.late, "batch late")) await clock.sleep(world.random() * 40_000);
    const partly = roll(rates.lostAnswer, "batch applied in part") ? world.random() * batch.length : batch.length;
    const answers: ("done" | StatementError)[] = [];
    for (const change of batch.slice(0, Math.ceil(partly))) answers.push(await execute(change));
    if (answers.length < batch.length) throw new Error("it broke off");
    if (roll(rates.lostAnswer, "batch answer lost")) throw new Error("the answer was lost");
    if (!roll(rates.sdkRetry, "batch heard twice")) return answers;
    const again: ("done" | StatementError)[] = [];
    for (const change of batch) again.push(await execute(change));
    return again;
  };
}
