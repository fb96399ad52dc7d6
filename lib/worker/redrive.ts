// Sends failed tasks again: read the record, decide, send the new task, then count it on the old record. A crash between the last
// two leaves a task that was sent and not counted; doing it again sends the same id, which changes nothing.
import type { RedriveDecision, RedriveOptions } from "../core/redrive.ts";
import { MessageTooLarge, PayloadLost, QueueNotFound } from "../errors.ts";
import { fetchPayload } from "../payloads.ts";
import { argsNeededUntil } from "../store/payload.ts";
import type { Envelope } from "../wire/envelope.ts";
import { seal } from "../wire/seal.ts";
import type { DecisionDeps } from "./execution.ts";
import { kept } from "./payloads.ts";
import { writeSurely } from "./write-surely.ts";

/** What became of one. `would send`: in a dry run. */
export type Redriven =
  | { readonly kind: "sent" | "would send"; readonly id: string; readonly task: string; readonly redrivenAs: string }
  | { readonly kind: "skipped"; readonly id: string; readonly redrives: number; readonly redrivenAs: string }
  | { readonly kind: "refused"; readonly id: string; readonly reason: string };

export interface RedriveTaskOptions extends RedriveOptions {
  /** Reads, and sends nothing. */
  readonly dryRun: boolean;
}

/** One task. Rejects where a back end fails: then it was sent, or not, and doing it again is safe. */
export async function redriveTask(id: string, options: RedriveTaskOptions, deps: DecisionDeps): Promise<Redriven> {
  const record = await deps.store.read(id);
  const decision = deps.protocol.decideRedrive(id, record, options, deps.routes.key);
  switch (decision.kind) {
    case "refused":
      return { kind: "refused", id, reason: decision.reason };
    case "redriven before":
      return { kind: "skipped", id, redrives: decision.redrives, redrivenAs: decision.redrivenAs };
    case "send": {
      const { envelope } = decision;
      const reason = await (options.dryRun ? unsendable : deps.protocol.sendAndCount)(decision, deps);
      if (reason !== undefined) return { kind: "refused", id, reason };
      return { kind: options.dryRun ? "would send" : "sent", id, task: envelope.task, redrivenAs: envelope.id };
    }
    /* v8 ignore next -- @preserve the compiler proves that nothing comes here */
    default:
      return decision satisfies never;
  }
}

type Send = Extract<RedriveDecision, { kind: "send" }>;

/** Why it cannot be sent, or undefined once it has been sent and counted. */
export async function sendAndCount(decision: Send, deps: DecisionDeps): Promise<string | undefined> {
  const refusal = await send(decision, deps);
  if (refusal !== undefined) return refusal;
  // Refused: somebody else has counted this very redrive, or the task was forgotten. Sent it is.
  await writeSurely(decision.count, deps);
  return undefined;
}

async function send({ envelope, workload }: Send, deps: DecisionDeps): Promise<string | undefined> {
  const refusal = unknownStore(envelope, deps);
  if (refusal !== undefined) return refusal;
  const now = deps.clock.now();
  try {
    const queue = deps.queue(workload);
    const whole = await kept(envelope, now, deps);
    const { body, payload } = seal(whole, queue, deps.payloads?.limits, now, now);
    if (payload) await deps.payloads?.store.put(payload);
    await deps.broker.send(queue, { body, delaySeconds: 0 });
    return undefined;
  } catch (error) {
    return ofThisTask(error);
  }
}

/** What `send` would say. Arguments that may be gone are fetched: their store has no other way to tell. */
async function unsendable({ envelope, workload }: Send, deps: DecisionDeps): Promise<string | undefined> {
  const refusal = unknownStore(envelope, deps);
  if (refusal !== undefined) return refusal;
  const { argsRef: ref } = envelope;
  const { payloads } = deps;
  const now = deps.clock.now();
  try {
    if (ref !== undefined && payloads !== undefined && ref.keptUntil <= now)
      await fetchPayload(ref, `the arguments of task ${envelope.redrivenFrom}`, payloads.store);
    seal(envelope, deps.queue(workload), payloads?.limits, now, now);
    return undefined;
  } catch (error) {
    return ofThisTask(error);
  }
}

/** Without the store nobody can see whether the arguments are still there, or have them kept until the task has run. */
function unknownStore({ argsRef }: Envelope, { payloads, clock }: DecisionDeps): string | undefined {
  if (payloads !== undefined || argsRef === undefined || argsRef.keptUntil >= argsNeededUntil(clock.now()))
    return undefined;
  const until = new Date(argsRef.keptUntil).toISOString();
  return `its arguments lie in the payload store, where they are kept until ${until} only; name the app's module (--app), which knows the store and has them kept for longer`;
}

/** The reason, where this task alone cannot be sent. Throws what would go wrong with others, too. */
function ofThisTask(error: unknown): string {
  // Kept within the limit, it may be over it as we write it: escaped, and with all digits of its numbers.
  const alone = [MessageTooLarge, PayloadLost, QueueNotFound].some((type) => error instanceof type);
  if (alone) return (error as Error).message; // one of these
  throw error;
}

export interface RedriveRun extends RedriveTaskOptions {
  readonly ids: AsyncIterable<string> | Iterable<string>;
  /** Tasks a second. */
  readonly rate: number;
  /** Begins no more once it aborts; what is in hand is finished. */
  readonly signal: AbortSignal;
  readonly onTask: (redriven: Redriven) => void;
}

/** Under way at once: a rate is kept where a task takes some milliseconds. */
const IN_FLIGHT = 20;

/** Many, at a steady rate. Rejects with the first failure of a back end, once what is under way has ended. */
export async function redriveTasks(run: RedriveRun, deps: DecisionDeps): Promise<void> {
  const { ids, rate, onTask } = run;
  const { clock } = deps;
  const underWay = new Set<Promise<void>>();
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    failed.abort();
  };
  const one = async (id: string) => {
    try {
      onTask(await redriveTask(id, run, deps));
    } catch (error) {
      fail(error);
    }
  };
  let due = clock.monotonic();
  try {
    for await (const id of ids) {
      if (signal.aborted) break;
      if (!run.dryRun) {
        await clock.sleep(Math.max(0, due - clock.monotonic()), signal).catch(() => {}); // aborted: the next line ends it
        if (signal.aborted) break;
        due = Math.max(due, clock.monotonic() - 1_000) + 1_000 / rate; // after a pause it does not catch up on more than a second
      }
      const task = one(id).finally(() => underWay.delete(task));
      underWay.add(task);
      if (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
    }
  } catch (error) {
    fail(error); // the list of them cannot be read on
  }
  await Promise.all(underWay);
  await deps.broker.flush();
  if (failure !== undefined) throw failure.error;
}
