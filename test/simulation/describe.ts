// Messages, writes and answers in the words of a history.
import type { Change } from "../../lib/core/changes.ts";
import { DecodeError } from "../../lib/errors.ts";
import type { WriteAnswer } from "../../lib/ports/result-store.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import { decode, type Envelope } from "../../lib/wire/envelope.ts";

const known = new Map<string, Envelope | DecodeError>();

/** Reads a message: the same text over and over, by everybody who checks it. */
export function decoded(body: string): Envelope | DecodeError {
  const before = known.get(body);
  if (before !== undefined) return before;
  let read: Envelope | DecodeError;
  try {
    read = decode(body);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    read = error;
  }
  if (known.size > 2_000) known.clear(); // worlds that are over
  known.set(body, read);
  return read;
}

export function messageText(body: string): string {
  const read = decoded(body);
  if (read instanceof DecodeError) return read.id === undefined ? "an unreadable message" : `unreadable ${read.id}`;
  const resends = read.resends === undefined ? "" : ` (sent again ${read.resends} times)`;
  return `${read.id} attempt ${read.retries}${resends}`;
}

export function changeText({ kind, id, set }: Change): string {
  const attempt = set.attempt === undefined ? "" : ` attempt ${set.attempt}`;
  return `writes ${kind} of ${id}${attempt}${set.token === undefined ? "" : ` token ${set.token.slice(0, 6)}`}`;
}

const recordText = (record: TaskRecord | undefined) =>
  record === undefined
    ? "no record"
    : `${record.state} attempt ${record.attempt}${record.token === undefined ? "" : ` token ${record.token.slice(0, 6)}`}`;

export const answerText = (answer: WriteAnswer): string =>
  answer.applied ? `applied: ${recordText(answer.record)}` : `refused: ${recordText(answer.existing)}`;
