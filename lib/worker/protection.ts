// ECS task scale-in protection: while a worker has anything in hand, neither scaling in nor a deployment stops it.
//
//   something in hand    protect, at once where nothing was asked lately; renew at half of its time
//   nothing in hand      release, once that has lasted for LINGER_MS: at high rates there is always a next message
//   no or a bad answer   ask again, later and later; work goes on meanwhile
//   DEPLOYMENT_BLOCKED   the same: of this service more tasks are protected than are to run, for it scales in or deploys
//   TASK_NOT_VALID       ask no more: the task was started by RunTask, no service has it
//
// Protection is a courtesy. Without it SIGTERM comes in mid-task, and the drain and the lease see to it that nothing is lost.
import { ecsAgent, type ProtectionAgent, type ProtectionAnswer } from "../aws/ecs-agent.ts";
import type { Clock } from "../clock.ts";
import { ECS } from "../defaults.ts";
import type { Fields, Logger } from "../log.ts";

/** Between two requests at least: the agent, and UpdateTaskProtection for the whole account, are throttled. */
const PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 60_000;
/** Without anything in hand for this long it is idle. */
const LINGER_MS = 15_000;
/** The same trouble is not worth more than a line in this time. */
const SAY_AGAIN_MS = 5 * 60_000;

/** What a worker tells. */
export type Protected = Pick<Protection, "look" | "close">;

/** Protects the worker where it runs on ECS. */
export function protectionOf(
  agentUri: string | undefined,
  timeLimits: readonly number[],
  options: Pick<ProtectionOptions, "inHand" | "clock" | "log">,
): Protected {
  if (agentUri === undefined) return { look: () => {}, close: async () => {} };
  return new Protection({
    ...options,
    agent: ecsAgent(agentUri),
    minutes: protectionMinutes(Math.max(0, ...timeLimits)),
  });
}

/** Minutes for which tasks of that time limit, in seconds, are protected: one more than the longest run, as ECS allows. */
export function protectionMinutes(longestSeconds: number): number {
  const { minProtectionMinutes, maxProtectionMinutes } = ECS;
  return Math.min(maxProtectionMinutes, Math.max(minProtectionMinutes, Math.ceil(longestSeconds / 60) + 1));
}

export interface ProtectionOptions {
  readonly agent: ProtectionAgent;
  readonly minutes: number;
  /** Messages in hand, now. */
  readonly inHand: () => number;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Protection {
  readonly #options: ProtectionOptions;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  /** When it was protected last, or may have been; undefined where it is not. */
  #protectedAt: number | undefined;
  #idleSince: number | undefined;
  /** In a row. */
  #failures = 0;
  #saidAt = Number.NEGATIVE_INFINITY;
  #cancel = () => {};
  #over = false;

  constructor(options: ProtectionOptions) {
    this.#options = options;
  }

  /** What is in hand has changed, or may have. Cheap: it is called for every message. */
  readonly look = (): void => {
    const { clock, inHand } = this.#options;
    if (this.#over) return;
    const now = clock.monotonic();
    const busy = inHand() > 0;
    this.#idleSince = busy ? undefined : (this.#idleSince ?? now);
    if (this.#asking) return; // it looks again when the answer is there
    const due = busy ? this.#protectDue() : this.#releaseDue();
    this.#cancel();
    if (due === undefined) return;
    if (due > now) this.#cancel = clock.timer(due - now, this.look);
    else this.#ask(busy);
  };

  /** Ends the protection, if there is one: the worker has nothing in hand any more. */
  async close(): Promise<void> {
    this.#over = true;
    this.#cancel();
    await this.#asking;
    if (this.#protectedAt !== undefined) this.#heard(await this.#options.agent.set(false), false);
  }

  #protectDue(): number {
    const { minutes } = this.#options;
    if (this.#protectedAt === undefined || this.#failures > 0) return this.#askedAt + this.#pause();
    return this.#protectedAt + (minutes * 60_000) / 2;
  }

  #releaseDue(): number | undefined {
    if (this.#protectedAt === undefined || this.#idleSince === undefined) return undefined;
    const expired = this.#options.clock.monotonic() - this.#protectedAt > this.#options.minutes * 60_000;
    if (expired) return undefined;
    return Math.max(this.#idleSince + LINGER_MS, this.#askedAt + this.#pause());
  }

  #pause(): number {
    return Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** Math.min(this.#failures, 10));
  }

  #ask(protect: boolean): void {
    const { agent, minutes, clock } = this.#options;
    this.#askedAt = clock.monotonic();
    this.#asking = agent.set(protect && { minutes }).then((answer) => {
      this.#asking = undefined;
      this.#heard(answer, protect);
      this.look();
    });
  }

  #heard(answer: ProtectionAnswer, protect: boolean): void {
    const { log, minutes, clock } = this.#options;
    if (answer.kind === "set") {
      if (this.#failures > 0) log.info({ protected: protect }, "ECS answers again about scale-in protection");
      this.#failures = 0;
      this.#protectedAt = protect ? this.#askedAt : undefined;
      log.debug({ protected: protect, ...(protect && { minutes }) }, "scale-in protection");
      return;
    }
    if (answer.kind === "refused" && answer.reason === "TASK_NOT_VALID") {
      this.#over = true;
      log.info({}, "this ECS task belongs to no service: nothing scales it in, and it needs no protection");
      return;
    }
    this.#failures++;
    if (protect && answer.kind === "failed" && answer.maybe) this.#protectedAt = this.#askedAt;
    const now = clock.monotonic();
    if (now - this.#saidAt < SAY_AGAIN_MS) return;
    this.#saidAt = now;
    log.warn(fieldsOf(answer), protect ? `not protected: ${whyNot(answer)}` : `still protected: ${whyNot(answer)}`);
  }
}

function fieldsOf(answer: Exclude<ProtectionAnswer, { kind: "set" }>): Fields {
  return answer.kind === "refused"
    ? { reason: answer.reason, detail: answer.detail }
    : { code: answer.code, error: answer.message };
}

const GOES_ON = "work goes on, and it asks again";

function whyNot(answer: Exclude<ProtectionAnswer, { kind: "set" }>): string {
  if (answer.kind === "refused") {
    if (answer.reason === "DEPLOYMENT_BLOCKED")
      return `more tasks of the service are protected than it is to run, for it scales in or deploys; ${GOES_ON}`;
    return `ECS refused; ${GOES_ON}`;
  }
  if (answer.code === "AccessDeniedException")
    return `the task's role needs ecs:UpdateTaskProtection on this cluster's tasks; ${GOES_ON}`;
  return `the ECS agent did not do it; ${GOES_ON}`;
}
