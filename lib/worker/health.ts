// What /healthz and /readyz answer. Values in, values out: health-thread.ts serves it, so that code which blocks the main thread
// cannot keep anybody from learning of it.

/** What the main thread says of itself, once a second. */
export interface HealthReport {
  readonly phase: "starting" | "running" | "draining";
  readonly inHand: number;
  /** Milliseconds without progress, and what has not happened. */
  readonly standstill: { readonly ms: number; readonly why: string };
  /** Polls whose latest try failed. */
  readonly failing: readonly { readonly queue: string; readonly error: string }[];
}

export interface HealthLimits {
  readonly app: string;
  /** It ends itself after this long without progress. */
  readonly stallMs: number;
}

export interface Answer {
  readonly status: 200 | 404 | 405 | 503;
  readonly body: object;
}

/** Of the stall limit: at the whole of it the worker ends itself, and nobody would be there to answer. */
const UNHEALTHY_AT = 0.5;
/** A main thread that has said nothing for this long is not working: it cannot poll either. */
const BLOCKED_MS = 10_000;

/** `ageMs`: how long ago the main thread made its report. */
export function answer(
  method: string,
  path: string,
  report: HealthReport,
  ageMs: number,
  { app, stallMs }: HealthLimits,
): Answer {
  const known = path === "/healthz" || path === "/readyz";
  if (!known) return { status: 404, body: { error: `no ${path} here; there are /healthz and /readyz` } };
  if (method !== "GET" && method !== "HEAD") return { status: 405, body: { error: `${method} is not GET` } };
  const unhealthy = unhealthyCause(report, ageMs, stallMs * UNHEALTHY_AT);
  const causes =
    path === "/healthz" ? unhealthy : [...unhealthy, ...unreadyCauses(report, ageMs, unhealthy.length > 0)];
  return {
    status: causes.length === 0 ? 200 : 503,
    body: {
      status: causes.length === 0 ? "ok" : path === "/healthz" ? "unhealthy" : "not ready",
      causes,
      app,
      phase: report.phase,
      in_hand: report.inHand,
      seconds_without_progress: inSeconds(report.standstill.ms + ageMs),
    },
  };
}

/** One cause: a blocked main thread makes no progress either. */
function unhealthyCause({ standstill }: HealthReport, ageMs: number, limitMs: number): readonly string[] {
  if (ageMs >= limitMs) return [blocked(ageMs)];
  const still = standstill.ms + ageMs;
  return still >= limitMs ? [`no progress for ${inSeconds(still)} s: ${standstill.why}`] : [];
}

function unreadyCauses({ phase, failing }: HealthReport, ageMs: number, unhealthy: boolean): readonly string[] {
  return [
    ...(phase === "starting" ? ["it is starting: table and queues are being checked"] : []),
    ...(phase === "draining" ? ["it is stopping: nothing more is received"] : []),
    ...(ageMs >= BLOCKED_MS && !unhealthy ? [blocked(ageMs)] : []),
    ...failing.map(({ queue, error }) => `queue ${queue} cannot be polled: ${error}`),
  ];
}

function blocked(ms: number): string {
  return `the main thread has been blocked for ${inSeconds(ms)} s by code that never yields`;
}

const inSeconds = (ms: number) => Math.round(ms / 1_000);
