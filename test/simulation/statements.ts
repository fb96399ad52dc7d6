// DynamoDB's BatchExecuteStatement over the in-memory store: reads the statements that lib/aws/statements.ts writes, and
// fails as requests do. It is unknown to the caller of a thrown batch which of its statements were applied, and when.
import type { ExecuteStatements, StatementError } from "../../lib/aws/batch-writes.ts";
import { ATTRIBUTES, FIELDS, type Item, toRecord } from "../../lib/aws/record-item.ts";
import type { Statement } from "../../lib/aws/statements.ts";
import type { Change, ChangeKind } from "../../lib/core/changes.ts";
import type { MemoryResultStore } from "../../lib/memory/result-store.ts";
import type { StoredState, TaskRecord } from "../../lib/store/record.ts";
import type { BatchFault, Dice } from "./faults.ts";
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
  dice: Dice,
  store: MemoryResultStore,
  edit: (change: Change) => Change = (change) => change,
): ExecuteStatements {
  const { clock, weather } = world;
  const roll = (fault: BatchFault) => {
    const size = dice.roll(fault, weather.rates[fault]);
    if (size !== undefined) world.batchTrouble = true;
    return size;
  };
  const execute = async (change: Change): Promise<"done" | StatementError> => {
    if (roll("statement refused") !== undefined) return { Code: "ThrottlingError" };
    const { applied } = await store.write(edit(change));
    return applied ? "done" : { Code: change.kind === "claim" ? "DuplicateItem" : "ConditionalCheckFailed" };
  };
  return async (statements) => {
    world.batches.add(statements.length);
    const batch = statements.map(read);
    if (new Set(batch.map(({ id }) => id)).size < batch.length) throw new Error("a batch holds one id twice");
    if (world.isDown("DynamoDB") || roll("batch failed") !== undefined) throw new Error("nothing happened");
    const late = roll("batch late");
    if (late !== undefined) await clock.sleep(late * 40_000);
    const partly = roll("batch applied in part") ?? 1;
    const answers: ("done" | StatementError)[] = [];
    for (const change of batch.slice(0, Math.ceil(partly * batch.length))) answers.push(await execute(change));
    if (answers.length < batch.length) throw new Error("it broke off");
    if (roll("batch answer lost") !== undefined) throw new Error("the answer was lost");
    if (roll("batch heard twice") === undefined) return answers;
    const again: ("done" | StatementError)[] = [];
    for (const change of batch) again.push(await execute(change));
    return again;
  };
}
