// What kind of world a seed makes: what goes wrong in it, how often, and who takes part.
import { type BatchFault, type Fault, randomOf } from "./faults.ts";
import { FAULTS_MS, MINUTE } from "./names.ts";

export type Service = "DynamoDB" | "SQS" | "S3";

/** Every call to it fails meanwhile. Milliseconds since the start. */
export interface Outage {
  readonly service: Service;
  readonly from: number;
  readonly until: number;
}

export interface Weather {
  /** Duplicates, reordering and clocks that are wrong, and nothing else: no claim may ever be taken over. */
  readonly calm: boolean;
  /** Probability of each fault, where it could happen. */
  readonly rates: Readonly<Partial<Record<Fault | BatchFault, number>>>;
  readonly outages: readonly Outage[];
  /** Most calls take a moment, before and after their effect. */
  readonly slow: boolean;
  /** Half of the work goes to Lambda functions. */
  readonly functions: boolean;
  /** Somebody empties the queue. */
  readonly purging: boolean;
  /** Somebody sends failed tasks again. */
  readonly redriving: boolean;
  /** Also what was sent again before. */
  readonly redrivesAgain: boolean;
  /** Other code and other settings are deployed in the middle. */
  readonly deploying: boolean;
  /** Payloads are large, copies many, and workers stand still in the middle of a run for longer than a lease. */
  readonly pausing: boolean;
  /** Most tasks have no claim: executions overtake each other. */
  readonly unclaimed: boolean;
  /** Nobody consumes for two weeks. */
  readonly abandoned: boolean;
  /** Two clocks differ by this much at most, in milliseconds. */
  readonly skewMs: number;
}

export function weatherOf(seed: number): Weather {
  const random = randomOf(seed, "weather");
  const abandoned = seed % 12 === 9;
  const calm = seed % 3 === 0 && !abandoned;
  const stormy = !calm && !abandoned;
  const unclaimed = stormy && seed % 7 === 2;
  const pausing = unclaimed || (stormy && seed % 7 > 4);
  const burn = abandoned ? (seed % 24 === 9 ? 0.97 : 0.6) : seed % 5 === 1 ? 0.85 : 0;
  const storm = calm ? 0 : pausing ? 0.01 : 0.002 + random() * 0.058;
  const purging = seed % 4 === 2;
  const outages = stormy && seed % 7 < 2 ? outagesOf(random) : [];
  const late = pausing ? 0.05 : outages.some(({ service }) => service === "SQS") ? 0.25 : storm;
  return {
    calm,
    outages,
    pausing,
    unclaimed,
    abandoned,
    slow: seed % 2 === 1,
    functions: seed % 5 === 2 || seed % 5 === 4,
    purging,
    redriving: seed % 4 === 3,
    redrivesAgain: seed % 8 === 7,
    deploying: stormy && seed % 7 === 3,
    skewMs: calm ? 10_000 : 5_000,
    rates: {
      "killed before a call": storm / 2,
      "killed after a call": abandoned ? 0.05 : storm / 2,
      "killed in user code": storm * 2,
      "killed between calls": storm * 5,
      "child out of memory": storm * 2,
      pause: pausing ? 0.02 : storm / 2,
      "worker shut down": storm * 5,
      "Lambda batch response lost": storm * 4,
      "Lambda batch entry kept": storm * 4,
      "DynamoDB throttled": storm,
      "SQS call failed": pausing ? 0.05 : storm,
      "S3 call failed": storm,
      "lost answer": storm,
      "late answer": late,
      "late effect": storm / 2,
      "lost delete": abandoned ? 0.5 : storm * 3,
      "stale delete took effect": calm ? 0 : 0.3,
      "sdk retry": 0.1,
      duplicate: pausing ? 0.3 : purging ? 0.5 : 0.05,
      "late delivery after delete": 0.05,
      "throttled delivery": burn,
      "batch answer lost": storm,
      "batch applied in part": storm,
      "batch failed": storm,
      "batch heard twice": 0.1,
      "batch late": storm,
      "statement refused": storm,
    },
  };
}

function outagesOf(random: () => number): readonly Outage[] {
  const services: readonly Service[] = ["DynamoDB", "DynamoDB", "SQS", "S3"];
  return Array.from({ length: 1 + Math.floor(random() * 2) }, () => {
    const from = random() * (FAULTS_MS - MINUTE);
    const until = Math.min(FAULTS_MS, from + 20_000 + random() * 3 * MINUTE);
    return { service: services[Math.floor(random() * services.length)] as Service, from, until };
  });
}
