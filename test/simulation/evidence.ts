// What a world holds that an invariant can be checked by: messages on its queues, and objects in its payload store.

import { DecodeError } from "../../lib/errors.ts";
import { mismatch, type PayloadRef } from "../../lib/store/payload.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import type { Envelope } from "../../lib/wire/envelope.ts";
import { decoded } from "./describe.ts";
import { DAY, QUEUES } from "./names.ts";
import type { World } from "./world.ts";

export class Evidence {
  readonly #world: World;
  readonly #violation: (text: string) => void;

  constructor(world: World, violation: (text: string) => void) {
    this.#world = world;
    this.#violation = violation;
  }

  /** Whatever refers to an object must find it, and find what it was. */
  payload(ref: PayloadRef, what: string): unknown {
    if (this.#world.clock.monotonic() > 15 * DAY) return undefined; // longer than a payload is kept
    const json = this.#world.payloads.peek(ref);
    const problem = json === undefined ? "is not there" : mismatch(ref, json);
    if (problem !== undefined) this.#violation(`I3 ${what} refers to ${ref.key}: ${problem}`);
    return JSON.parse(json ?? "null");
  }

  whole(envelope: Envelope): Envelope {
    if (envelope.argsRef === undefined) return envelope;
    const found = this.payload(envelope.argsRef, `the message of ${envelope.id}`) as [Envelope["args"]] | null; // as seal() writes it
    return { ...envelope, args: found?.[0] ?? [] };
  }

  resultOf(record: TaskRecord | undefined): unknown {
    if (record?.resultRef) return this.payload(record.resultRef, `the record of ${record.id}`);
    return record?.result === undefined ? undefined : JSON.parse(record.result);
  }

  messages(): readonly string[] {
    return QUEUES.flatMap((queue) => this.#world.broker.bodies(queue));
  }

  /** Messages of this attempt, or of a later one. */
  messagesOf(id: string, attempt: number): number {
    return this.messages().filter((body) => {
      const other = decoded(body);
      return other.id === id && (other instanceof DecodeError || other.retries >= attempt);
    }).length;
  }
}
