// Writes made in the same turn of the event loop share a BatchExecuteStatement: one request instead of up to 25. A batch only
// ever says "done"; whatever else it answers, or fails to answer, is settled by the single write, which tells the record.
import type { Clock } from "../clock.ts";
import { applied, type Change } from "../core/changes.ts";
import { DYNAMODB } from "../defaults.ts";
import { StoreUnavailable } from "../errors.ts";
import type { WriteAnswer } from "../ports/result-store.ts";
import { Coalescer, type Fate } from "./coalesce.ts";
import { type Statement, toStatement } from "./statements.ts";

/** Why a statement was not applied, in DynamoDB's words. */
export interface StatementError {
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
}

/**
 * Executes statements, each for itself, at most 25 and no two on one item. Answers for each in their order: "done", or why not.
 * An answer that is missing says nothing. Where it rejects, each of them may have been applied, or not.
 */
export type ExecuteStatements = (
  statements: readonly Statement[],
) => Promise<readonly ("done" | StatementError | undefined)[]>;

/** "unknown": refused, or nobody knows. The single write will tell. */
type BatchAnswer = "done" | "unknown";

interface Entry {
  readonly id: string;
  readonly statement: Statement;
}

/** Requests under way at once. */
const REQUESTS = 8;
/** A batch is tried once: after this the single writes take over. */
const DEADLINE_MS = 10_000;

/** No permission for PartiQL, or no PartiQL at all: single writes from now on, instead of both for ever. */
const NOT_AVAILABLE: ReadonlySet<string> = new Set(["AccessDeniedException", "UnknownOperationException"]);

export interface BatchWritesOptions {
  readonly table: string;
  readonly execute: ExecuteStatements;
  readonly clock: Clock;
  /** Calls back when what belongs together has been written. @default - setImmediate */
  readonly endOfTurn?: (callback: () => void) => void;
}

export class BatchWrites {
  readonly #table: string;
  readonly #execute: ExecuteStatements;
  readonly #coalescer: Coalescer<Entry, BatchAnswer>;
  #available = true;
  /** Statements this DynamoDB does not understand: never tried again. */
  readonly #unsupported = new Set<string>();

  constructor({ table, execute, clock, endOfTurn }: BatchWritesOptions) {
    this.#table = table;
    this.#execute = execute;
    this.#coalescer = new Coalescer<Entry, BatchAnswer>({
      clock,
      ...(endOfTurn && { endOfTurn }),
      maxEntries: DYNAMODB.maxBatchStatements,
      maxBytes: Number.POSITIVE_INFINITY,
      maxRequests: REQUESTS,
      deadlineMs: DEADLINE_MS,
      attempt: (entries) => this.#attempt(entries),
      overdue: async (cause) => new StoreUnavailable("the batch took too long", { cause }),
    });
  }

  /** Writes the change in a batch, or by `alone` where a batch cannot, would not or did not say. */
  async write(change: Change, alone: (change: Change) => Promise<WriteAnswer>): Promise<WriteAnswer> {
    // What is known of the record: all of it after a claim, what was set after an ending.
    if ((await this.#batched(change)) === "done") return { applied: true, record: applied(change, undefined) };
    return alone(change);
  }

  async #batched(change: Change): Promise<BatchAnswer> {
    const statement = this.#available ? toStatement(this.#table, change) : undefined;
    if (statement === undefined || this.#unsupported.has(statement.Statement)) return "unknown";
    return this.#coalescer.add({ id: change.id, statement }).catch(() => "unknown");
  }

  async #attempt(entries: readonly Entry[]): Promise<readonly Fate<BatchAnswer>[]> {
    // Two statements on one item make DynamoDB refuse the whole batch; the second waits for the single write.
    const ids = new Set<string>();
    const first = entries.map(({ id }) => !ids.has(id) && ids.add(id) !== undefined);
    const batch = entries.filter((_, i) => first[i]);
    const answers = await this.#send(batch);
    let next = 0;
    return first.map((sent) => ({ kind: "done", answer: sent ? (answers[next++] ?? "unknown") : "unknown" }));
  }

  async #send(batch: readonly Entry[]): Promise<readonly BatchAnswer[]> {
    try {
      const answers = await this.#execute(batch.map(({ statement }) => statement));
      return batch.map(({ statement }, i) => {
        const answer = answers[i];
        if (answer === "done") return "done";
        if (answer?.Code === "AccessDenied") this.#available = false;
        // An item over its limit is a fault of this one write, not of the statement.
        if (answer?.Code === "ValidationError" && !/item size/i.test(answer.Message ?? ""))
          this.#unsupported.add(statement.Statement);
        return "unknown";
      });
    } catch (error) {
      if (NOT_AVAILABLE.has((error as Error).name)) this.#available = false; // whatever the SDK throws is an Error
      return batch.map(() => "unknown"); // it may have been applied, in whole or in part
    }
  }
}
