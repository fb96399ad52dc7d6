// Sends a call for every line: bounded in flight, in requests of ten, and with the line number of what went wrong.
import type { Line } from "./lines.ts";

export interface BatchOptions {
  readonly lines: AsyncIterable<Line>;
  /** Lines before it are not sent. */
  readonly fromLine: number;
  /** Resolves with the id. */
  readonly send: (line: Line) => Promise<string>;
  /** Never rejects. */
  readonly onSent: (line: Line, id: string) => Promise<void>;
  /** Never rejects. */
  readonly onFailed: (line: Line, error: unknown) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface BatchSummary {
  readonly sent: number;
  /** Calls that are wrong: nothing was sent, and sending them again would end the same way. */
  readonly refused: number;
  /** Calls whose back end failed: whether they were sent is not known. */
  readonly failed: number;
  /** First line that was not tried. */
  readonly nextLine: number;
  /** First line whose back end failed. */
  readonly firstFailed: number | undefined;
  /** The end of the file was reached. */
  readonly complete: boolean;
  /** What the back end failed with, first. */
  readonly failure: unknown;
}

/** 8 requests of 10 under way, and as many calls waiting to fill the next ones. */
const IN_FLIGHT = 160;

/** These are not about one call: the next one would fail, too. */
const BACK_END = new Set([
  "LOVAGE_BROKER_UNAVAILABLE",
  "LOVAGE_STORE_UNAVAILABLE",
  "LOVAGE_QUEUE_NOT_FOUND",
  "LOVAGE_TABLE_NOT_FOUND",
  "LOVAGE_ACCESS_DENIED",
  "LOVAGE_PAYLOAD_STORE_UNAVAILABLE",
  "LOVAGE_BUCKET_NOT_FOUND",
]);

/** Reads until the end, until `signal` aborts, or until a back end fails; what is in flight is waited for. */
export async function sendBatch(options: BatchOptions): Promise<BatchSummary> {
  const { lines, fromLine, send, onSent, onFailed, signal } = options;
  let [sent, refused, failed, inFlight, nextLine] = [0, 0, 0, 0, fromLine];
  let firstFailed: number | undefined;
  let failure: unknown;
  let settled = Promise.withResolvers<void>();
  const fail = async (line: Line, error: unknown) => {
    if (isBackEnd(error)) {
      failed++;
      failure ??= error;
      firstFailed = Math.min(firstFailed ?? line.number, line.number);
    } else refused++;
    await onFailed(line, error);
  };
  const perform = async (line: Line) => {
    inFlight++;
    await send(line).then(
      (id) => {
        sent++;
        return onSent(line, id);
      },
      (error: unknown) => fail(line, error),
    );
    inFlight--;
    settled.resolve();
    settled = Promise.withResolvers();
  };
  let complete = true;
  for await (const line of lines) {
    if (line.number < fromLine) continue;
    if (signal.aborted || failure !== undefined) {
      complete = false;
      break;
    }
    nextLine = line.number + 1;
    void perform(line);
    while (inFlight >= IN_FLIGHT) await settled.promise;
  }
  while (inFlight > 0) await settled.promise;
  complete &&= !signal.aborted && failure === undefined;
  return { sent, refused, failed, nextLine, firstFailed, complete, failure };
}

function isBackEnd(error: unknown): boolean {
  return error instanceof Error && "code" in error && BACK_END.has(String(error.code));
}
