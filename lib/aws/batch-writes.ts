// Writes made in the same turn of the event loop share a BatchExecuteStatement: one request instead of up to 25. A batch only
// ever says "done"; whatever else it answers, or fails to answer, is settled by the single write, which tells the record.
import { BatchExecuteStatementCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Clock } from "../clock.ts";
import type { Change } from "../core/changes.ts";
import { DYNAMODB } from "../defaults.ts";
import { StoreUnavailable } from "../errors.ts";
import { Coalescer, type Fate } from "./coalesce.ts";
import { type Statement, toStatement } from "./statements.ts";

/** "unknown": refused, or nobody knows. The single write will tell. */
export type BatchAnswer = "done" | "unknown";

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

export class BatchWrites {
  readonly #table: string;
  readonly #client: () => DynamoDBClient;
  readonly #coalescer: Coalescer<Entry, BatchAnswer>;
  #available = true;
  /** Statements this DynamoDB does not understand: never tried again. */
  readonly #unsupported = new Set<string>();

  constructor(table: string, client: () => DynamoDBClient, clock: Clock) {
    this.#table = table;
    this.#client = client;
    this.#coalescer = new Coalescer<Entry, BatchAnswer>({
      clock,
      maxEntries: DYNAMODB.maxBatchStatements,
      maxBytes: Number.POSITIVE_INFINITY,
      maxRequests: REQUESTS,
      deadlineMs: DEADLINE_MS,
      attempt: (entries) => this.#attempt(entries),
      overdue: async (cause) => new StoreUnavailable("the batch took too long", { cause }),
    });
  }

  async write(change: Change): Promise<BatchAnswer> {
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
      const command = new BatchExecuteStatementCommand({ Statements: batch.map(({ statement }) => statement) });
      const { Responses = [] } = await this.#client().send(command);
      return batch.map(({ statement }, i) => {
        const error = Responses[i]?.Error;
        if (error?.Code === "AccessDenied") this.#available = false;
        // An item over its limit is a fault of this one write, not of the statement.
        if (error?.Code === "ValidationError" && !/item size/i.test(error.Message ?? ""))
          this.#unsupported.add(statement.Statement);
        return Responses[i] !== undefined && error === undefined ? "done" : "unknown";
      });
    } catch (error) {
      if (NOT_AVAILABLE.has((error as Error).name)) this.#available = false; // whatever the SDK throws is an Error
      return batch.map(() => "unknown"); // it may have been applied, in whole or in part
    }
  }
}
