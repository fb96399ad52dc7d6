// What the simulated tasks are, and what becomes of each run.
import { freshId, idKey } from "../../lib/core/ids.ts";
import type { Envelope } from "../../lib/wire/envelope.ts";
import { randomOf } from "./faults.ts";
import { APP, DAY, MAX_HOPS, MINUTE, SECOND } from "./names.ts";
import type { Weather } from "./weather.ts";

export const TASKS = 8;
export const LARGE = "x".repeat(3_000);

export type Step = "success" | "failure" | "retry" | "requeue" | "kill";

/** What one simulated task does. */
export interface Spec {
  readonly mode: "tracked" | "unclaimed" | "untracked" | "chosen" | "unreadable";
  /** Outcome of each attempt; the last one repeats. */
  readonly plan: readonly Step[];
  readonly seconds: number;
  /** Its arguments and its result travel by reference. */
  readonly large: boolean;
  readonly workload: "default" | "functions";
  readonly envelope: Envelope;
  readonly delaySeconds: number;
  readonly publishAt: number;
  /** Only of a chosen id: the publisher says it again. */
  readonly publishAgainAt: number | undefined;
  readonly revokeAt: number | undefined;
  readonly forgetAt: number | undefined;
}

const PLANS: readonly (readonly Step[])[] = [
  ["success"],
  ["success"],
  ["failure"],
  ["retry", "success"],
  ["retry", "retry", "failure"],
  ["requeue", "success"],
  ["retry"],
];
/** Where two executions meet, or one is left behind. */
const RACING_PLANS: typeof PLANS = [
  ["success"],
  ["success"],
  ["retry", "success"],
  ["retry", "retry", "failure"],
  ["retry"],
];
const MODES = ["tracked", "tracked", "tracked", "tracked", "chosen", "unclaimed", "unclaimed", "untracked"] as const;

/** Task `index` of a world, whatever else is in it. */
export function specOf(index: number, seed: number, now: number, weather: Weather): Spec {
  const random = randomOf(seed, `task ${index}`);
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const mode = weather.unclaimed && random() < 0.7 ? "unclaimed" : pick(MODES);
  const publishAt = now + publishedAfter(index, random, weather);
  const untracked = mode === "untracked";
  const key = idKey(APP);
  const bytes = Uint8Array.from({ length: 10 }, () => random() * 256);
  const id = mode === "chosen" ? `chosen-${index}` : freshId(key, publishAt, bytes, untracked);
  const countdown = pick([0, 0, 0, 7, 40]);
  const seconds = pick(
    weather.pausing ? [2, 5, 20] : weather.purging || weather.outages.length > 0 ? [3, 45, 100] : [0, 0.2, 3, 45, 100],
  );
  const large = weather.pausing || (seed + index) % 4 === 0;
  const workload = weather.functions && random() < 0.5 ? "functions" : "default";
  const task = mode === "unclaimed" ? "unclaimed" : strange(random(), weather);
  return {
    mode,
    workload,
    plan: task === "poison" ? ["kill"] : pick(weather.pausing || weather.abandoned ? RACING_PLANS : PLANS),
    large,
    seconds,
    publishAt,
    delaySeconds: countdown,
    publishAgainAt: mode === "chosen" && random() < 0.5 ? publishAt + random() * 2 * MINUTE : undefined,
    revokeAt: random() < 0.3 && !untracked ? revokeAt(publishAt, countdown + seconds, random) : undefined,
    forgetAt: random() < 0.2 && !untracked ? publishAt + random() * 5 * MINUTE : undefined,
    envelope: {
      id,
      task,
      args: large ? [index, LARGE] : [index],
      kwargs: {},
      rootId: id,
      ...(index % 4 === 1 ? { hops: MAX_HOPS } : {}), // its callbacks are one too far
      retries: 0,
      ...(countdown === 0 ? {} : { eta: publishAt + countdown * SECOND }),
      ...(random() < 0.1 ? { expires: publishAt + random() * 2 * MINUTE } : {}),
      ignoreResult: untracked,
      lang: "js",
      headers: {},
      link: random() < 0.5 ? [callback(random(), weather)] : [],
      linkError: random() < 0.5 ? [callback(random(), weather)] : [],
      chain: [],
    },
  };
}

/** Where nobody consumes for two weeks, every other task is sent when nobody does, the others not long before. */
function publishedAfter(index: number, random: () => number, { abandoned }: Weather): number {
  if (!abandoned) return random() * 3 * MINUTE;
  return index % 2 === 1 ? ([0.1, 3, 11.8][Math.floor(random() * 3)] as number) * DAY : (3 + random() * 2.9) * MINUTE;
}

/** While it runs, more likely than not, or some time else. */
const revokeAt = (publishAt: number, lasts: number, random: () => number): number =>
  publishAt + random() * (random() < 0.6 ? lasts * SECOND : 2 * MINUTE);

/** Few tasks are poison, or unknown to all workers or to some. */
function strange(draw: number, { calm, deploying }: Weather): string {
  if (deploying && draw < 0.4) return ["newcomer", "retired", "changing"][Math.floor(draw * 1_000) % 3] as string;
  if (draw < 0.06) return "unknown";
  if (draw < 0.12 && !calm) return "poison";
  return "task";
}

function callback(draw: number, { functions }: Weather): Envelope["link"][number] {
  const options = functions && draw < 0.5 ? { queue: "functions" } : {};
  return { task: "callback", args: [], kwargs: {}, options, subtask_type: null, immutable: false };
}

/** What nobody can read, and perhaps what it is about. */
export function unreadable(index: number, id: string | undefined): string {
  const headers = id === undefined ? { lang: "py" } : { lang: "py", task: "task", id };
  return JSON.stringify({
    body: `nothing ${index} that is JSON`,
    "content-type": "application/json",
    "content-encoding": "utf-8",
    headers,
    properties: {},
  });
}
