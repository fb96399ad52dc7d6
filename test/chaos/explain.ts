// Why a task ran again: the recorded fault that lies between two runs of one attempt.
import { SEND_DEADLINE_MS } from "../../lib/defaults.ts";
import type { Run } from "./histories.ts";
import type { FaultLine, Mode } from "./lines.ts";

/** Clocks are the same, the order in which two processes write is not. */
const SLACK_MS = 2_000;

/** Faults after which a request has not done what it was to do, or nobody knows whether it has. */
const NOT_DONE: ReadonlySet<string> = new Set([
  ...["drop_before", "drop_after", "late", "error_500", "throttle", "cut", "partial", "refused", "unanswered"],
]);
/** Faults after which a message may have been sent twice: by the proxy, or by who was not told that it was sent. */
const SENT_TWICE: ReadonlySet<string> = new Set(["duplicate", "drop_after", "late", "cut", "unanswered"]);

const TO_WORKERS: ReadonlySet<string> = new Set(["kill", "stop", "terminate", "ended_by_itself"]);
const TO_DYNAMODB: ReadonlySet<string> = new Set(["outage_dynamodb", "restart_dynamodb"]);
const TO_SQS: ReadonlySet<string> = new Set(["outage_sqs", "restart_sqs"]);

export class Explanations {
  readonly #byId = new Map<string, FaultLine[]>();
  readonly #byPid = new Map<number, FaultLine[]>();
  readonly #lasting: FaultLine[] = [];

  constructor(faults: readonly FaultLine[]) {
    for (const fault of faults) {
      for (const id of fault.ids ?? []) push(this.#byId, id, fault);
      if (fault.pid !== undefined) push(this.#byPid, fault.pid, fault);
      if (TO_DYNAMODB.has(fault.kind) || TO_SQS.has(fault.kind)) this.#lasting.push(fault);
    }
  }

  /**
   * The fault behind `further`, which came after `before`, or undefined. What has a claim runs again only where the holder of the
   * claim was hurt, or DynamoDB was not there for its end; what has none also for each message that came twice, be it because
   * the process of an `earlier` attempt was hurt while it sent this one.
   */
  of(before: Run, further: Run, mode: Mode, earlier: readonly Run[]): FaultLine | undefined {
    const between = (fault: FaultLine) =>
      fault.at <= further.at + SLACK_MS && (fault.until ?? fault.at) >= before.at - SLACK_MS;
    const claimed = mode === "tracked";
    const hurt = [before, further].flatMap((run) => this.#toProcessOf(run));
    const named = this.#byId.get(further.id) ?? [];
    return (
      hurt.find(between) ??
      (claimed ? undefined : earlier.map((run) => this.#whileSending(run)).find((fault) => fault !== undefined)) ??
      named.find((fault) => fault.service === "dynamodb" && NOT_DONE.has(fault.kind) && between(fault)) ??
      // A message that was doubled, or not deleted, may come at any time after that.
      (claimed ? undefined : named.find((fault) => bringsAgain(fault) && fault.at <= further.at + SLACK_MS)) ??
      this.#lasting.find((fault) => between(fault) && (!claimed || TO_DYNAMODB.has(fault.kind)))
    );
  }

  #toProcessOf({ pid, worker }: Run): readonly FaultLine[] {
    return [
      ...(this.#byPid.get(worker) ?? []).filter(({ kind }) => TO_WORKERS.has(kind)),
      ...(pid === worker ? [] : (this.#byPid.get(pid) ?? [])),
    ];
  }

  /** From its beginning until the latest moment at which it may have sent its next attempt. */
  #whileSending(run: Run): FaultLine | undefined {
    const until = (run.end ?? run).at + SEND_DEADLINE_MS + SLACK_MS;
    return this.#toProcessOf(run).find((fault) => fault.at <= until && (fault.until ?? fault.at) >= run.at - SLACK_MS);
  }
}

/** Whether its task's message may be delivered once more. */
function bringsAgain({ service, operation = "", kind }: FaultLine): boolean {
  if (service !== "sqs") return false;
  if (operation.startsWith("SendMessage")) return SENT_TWICE.has(kind);
  return operation !== "ReceiveMessage" && NOT_DONE.has(kind);
}

function push<K>(to: Map<K, FaultLine[]>, key: K, fault: FaultLine): void {
  const list = to.get(key);
  if (list) list.push(fault);
  else to.set(key, [fault]);
}
