// A run in numbers, for people and as one line of JSON.
import type { Verdict } from "./checker.ts";
import { percentile } from "./recovery.ts";
import type { Outcome } from "./run.ts";

export interface Summary {
  /** Tasks that SQS said it had taken. */
  readonly accepted: number;
  /** Of those, the ones that have ended. */
  readonly terminal: number;
  readonly lost: number;
  readonly finished_twice: number;
  /** Attempts that ran more than once. */
  readonly ran_more_than_once: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly recovery_s_p50: number;
  readonly recovery_s_max: number;
  /** Further runs that no recorded fault explains. */
  readonly unexplained: number;
  /** Further runs by mode and the kind of fault behind them. */
  readonly explained_by: Readonly<Record<string, number>>;
  /** Messages on queues at the end that somebody could read. */
  readonly left: number;
  /** Results that are of no run. */
  readonly wrong: number;
  /** Callbacks that endings owed: they count for `lost`, too. */
  readonly owed: number;
  /** Publishes nobody confirmed. */
  readonly unconfirmed: number;
  /** Tasks that a fault hit and that then ended: what the recovery is of. */
  readonly hit: number;
  readonly endings: Readonly<Record<string, number>>;
  readonly publish_s: number;
  readonly quiet_after_s: number;
  readonly ended_by_themselves: number;
  readonly seed: number;
}

export function summary(
  { evidence, seconds, quietAfter, endedByThemselves }: Omit<Outcome, "memory">,
  verdict: Verdict,
  { seed }: { readonly seed: number },
): Summary {
  const of = (kind: Verdict["problems"][number]["kind"]) =>
    verdict.problems.filter((problem) => problem.kind === kind).length;
  const recovered = verdict.recovery.map((one) => one.seconds);
  return {
    accepted: verdict.accepted,
    terminal: verdict.terminal,
    lost: of("lost"),
    finished_twice: of("finished twice"),
    ran_more_than_once: verdict.ranMoreThanOnce,
    faults: counted([...evidence.faults.map(({ kind }) => kind), ...outOfMemory(evidence)]),
    recovery_s_p50: percentile(recovered, 0.5),
    recovery_s_max: percentile(recovered, 1),
    unexplained: of("unexplained"),
    explained_by: verdict.explainedBy,
    left: of("left"),
    wrong: of("wrong"),
    owed: verdict.owed,
    unconfirmed: evidence.unconfirmed.length,
    hit: recovered.length,
    endings: verdict.endings,
    publish_s: Math.round(seconds),
    quiet_after_s: Math.round(quietAfter),
    ended_by_themselves: endedByThemselves,
    seed,
  };
}

/** A fault that the tasks bring themselves. */
function outOfMemory({ accepted, effects }: Outcome["evidence"]): readonly string[] {
  const hungry = new Set(accepted.filter(({ work }) => work?.ends === "out of memory").map(({ id }) => id));
  return effects.flatMap((effect) => (effect.what === "begin" && hungry.has(effect.id) ? ["out_of_memory"] : []));
}

function counted(kinds: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort());
}

const SHOWN = 50;

/** What went wrong first, then the numbers. */
export function readable(result: Summary, { problems, recovery }: Verdict): string {
  const worst = recovery.toSorted((a, b) => b.seconds - a.seconds).slice(0, 3);
  const list = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([name, n]) => `${name} ${n}`)
      .join(", ");
  return [
    ...problems.slice(0, SHOWN).map(({ kind, id, what }) => `${kind}: ${id}: ${what}`),
    ...(problems.length > SHOWN ? [`and ${problems.length - SHOWN} more`] : []),
    `accepted ${result.accepted}, terminal ${result.terminal}, callbacks owed ${result.owed}, unconfirmed ${result.unconfirmed}`,
    `lost ${result.lost}, finished twice ${result.finished_twice}, left on queues ${result.left}, wrong ${result.wrong}`,
    `attempts that ran more than once ${result.ran_more_than_once}, unexplained ${result.unexplained}; behind them: ${list(result.explained_by)}`,
    `faults: ${list(result.faults)}`,
    `endings: ${list(result.endings)}`,
    `recovery of ${result.hit} tasks: median ${result.recovery_s_p50} s, longest ${worst.map(({ id, fault, seconds }) => `${seconds} s (${id}, ${fault})`).join(", ")}`,
    `published in ${result.publish_s} s, quiet ${result.quiet_after_s} s later`,
    "",
  ].join("\n");
}
