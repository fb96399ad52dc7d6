// One failed task, with what a person needs to understand it: arguments, error, stack, and what it was sent again as.
import type { Backends } from "../connection.ts";
import type { IdKey } from "../core/ids.ts";
import { redriveId } from "../core/redrive.ts";
import { DecodeError, InvalidOption, LovageError } from "../errors.ts";
import { fetchArgs } from "../payloads.ts";
import { printableLine } from "../printable.ts";
import type { TaskRecord } from "../store/record.ts";
import { decode, type Envelope } from "../wire/envelope.ts";
import { ago, stackBelow } from "./outcome.ts";
import { facts, type Style } from "./output.ts";

export interface FailureOutcome {
  readonly record: TaskRecord;
  /** Absent where no message was kept. */
  readonly envelope?: Envelope;
  /** Why its arguments, or its message, cannot be shown. */
  readonly hidden?: string;
  /** Ids of the tasks it was sent again as, the latest 100. */
  readonly redrivenAs: readonly string[];
}

/** The latest so many: their ids follow from a count, which is what its record says. */
const SHOWN_REDRIVES = 100;

/** Longest text of arguments on a screen. */
const SHOWN_ARGUMENTS = 2_000;

/** Throws InvalidOption where the task did not fail. */
export async function failureOf(id: string, { store, payloads }: Backends, key: IdKey): Promise<FailureOutcome> {
  const record = await store.read(id);
  if (record?.state !== "FAILURE") {
    const why = record === undefined ? "has no record" : `is ${record.state}`;
    throw new InvalidOption(`task ${id} ${why}, and no FAILURE; "lovage result" says what is known of it`);
  }
  if (record.forgotten) return { record, hidden: "forgotten", redrivenAs: [] };
  if (record.body === undefined) return { record, hidden: "its message was not kept", redrivenAs: [] };
  let envelope: Envelope;
  try {
    envelope = decode(record.body);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { record, hidden: error.message, redrivenAs: [] };
  }
  const { redrives = 0 } = record;
  const first = Math.max(0, redrives - SHOWN_REDRIVES);
  const redrivenAs = Array.from({ length: redrives - first }, (_, i) =>
    redriveId(key, record, first + i, envelope.ignoreResult),
  );
  if (envelope.argsRef === undefined) return { record, envelope, redrivenAs };
  try {
    const given = await fetchArgs(envelope.argsRef, `the arguments of task ${id}`, payloads);
    return { record, envelope: { ...envelope, ...given }, redrivenAs };
  } catch (error) {
    if (!(error instanceof LovageError)) throw error;
    return { record, envelope, hidden: error.message, redrivenAs };
  }
}

export function failureJson({ record, envelope, hidden, redrivenAs }: FailureOutcome): object {
  const { id, task, workload, attempt, runs, failure, startedAt, endedAt, owner, redrivenFrom } = record;
  const known = hidden === undefined ? envelope : undefined;
  return {
    ...{ id, task, workload, retries: attempt, runs, worker: owner, failure },
    startedAt: startedAt === undefined ? undefined : new Date(startedAt),
    endedAt: endedAt === undefined ? undefined : new Date(endedAt),
    args: known?.args,
    kwargs: known?.kwargs,
    hidden,
    headers: envelope?.headers,
    rootId: envelope?.rootId,
    parentId: envelope?.parentId,
    redrivenFrom,
    redrivenAs,
  };
}

export function failureText(
  { record, envelope, hidden, redrivenAs }: FailureOutcome,
  style: Style,
  now: number,
): string {
  const { id, task, workload, attempt, runs, failure, endedAt, owner, redrivenFrom } = record;
  const kwargs = envelope && Object.keys(envelope.kwargs).length > 0 ? JSON.stringify(envelope.kwargs) : undefined;
  const lines = facts(
    {
      task,
      error: failure && `${failure.type}: ${failure.message}`,
      arguments: hidden ?? (envelope && cut(JSON.stringify(envelope.args))),
      named: hidden === undefined && kwargs !== undefined ? cut(kwargs) : undefined,
      failed:
        endedAt === undefined
          ? undefined
          : `${new Date(endedAt).toISOString()} (${ago(Math.round((now - endedAt) / 1_000))} ago)`,
      retries: String(attempt),
      runs: runs === undefined ? undefined : String(runs),
      workload,
      worker: owner,
      parent: envelope?.parentId,
      "redriven from": redrivenFrom,
      "redriven as": redrivenAs.length === 0 ? undefined : redrivenAs.join("\n"),
      stack: failure && stackBelow(failure),
    },
    style,
  );
  return `${style.red("FAILURE")}   ${printableLine(id)}\n${lines}`;
}

function cut(json: string): string {
  if (json.length <= SHOWN_ARGUMENTS) return json;
  return `${json.slice(0, SHOWN_ARGUMENTS)}… (${json.length.toLocaleString("en")} characters; --json shows all)`;
}
