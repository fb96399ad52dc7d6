// Says what became of a run's promises. Pure: evidence in, verdict out; it has never spoken to Lovage.
//
//   lost             accepted, or owed by an ending (a callback), and without an end
//   finished twice   two endings were recorded, or the record is not the one that was seen first, or a callback got another result
//                    than the record has
//   unexplained      a second run of one attempt with no recorded fault that could have caused it
import { derivedId, type IdKey } from "../../lib/core/ids.ts";
import type { Evidence } from "./evidence.ts";
import { Explanations } from "./explain.ts";
import { type History, histories } from "./histories.ts";
import type { Accepted, Mode } from "./lines.ts";
import { type Recovery, recoveries } from "./recovery.ts";
import { isOver, type StoredTask } from "./table.ts";

/** What is wrong with which task. */
export interface Problem {
  readonly kind: "lost" | "finished twice" | "unexplained" | "left" | "wrong";
  readonly id: string;
  readonly what: string;
}

export interface Verdict {
  readonly accepted: number;
  /** Of those. */
  readonly terminal: number;
  /** Callbacks that endings owed. */
  readonly owed: number;
  readonly ranMoreThanOnce: number;
  /** Further runs by mode and the kind of fault behind them. */
  readonly explainedBy: Readonly<Record<string, number>>;
  /** Tasks by how they ended, failures by the type of their error. */
  readonly endings: Readonly<Record<string, number>>;
  readonly recovery: readonly Recovery[];
  readonly problems: readonly Problem[];
}

const MODE_OF_TASK: Readonly<Record<string, Mode>> = { light: "unclaimed", ignored: "untracked" };

export function check(evidence: Evidence, key: IdKey): Verdict {
  return new Check(evidence, key).verdict();
}

class Check {
  readonly #evidence: Evidence;
  readonly #key: IdKey;
  readonly #histories: ReadonlyMap<string, History>;
  readonly #accepted: ReadonlyMap<string, Accepted>;
  readonly #unconfirmed: ReadonlySet<string>;
  readonly #explanations: Explanations;
  readonly #problems: Problem[] = [];
  readonly #explainedBy: Record<string, number> = {};
  readonly #endings: Record<string, number> = {};
  #terminal = 0;
  #owed = 0;
  #ranMoreThanOnce = 0;

  constructor(evidence: Evidence, key: IdKey) {
    this.#evidence = evidence;
    this.#key = key;
    this.#histories = histories(evidence.effects);
    this.#accepted = new Map(evidence.accepted.map((one) => [one.id, one]));
    this.#unconfirmed = new Set(evidence.unconfirmed.map(({ id }) => id));
    this.#explanations = new Explanations(evidence.faults);
  }

  verdict(): Verdict {
    for (const one of this.#accepted.values()) this.#endOf(one);
    // What was never confirmed may not be there; what is there has to end.
    for (const { id } of this.#evidence.unconfirmed)
      if (this.#isThere(id)) this.#demandEnd(id, "was sent, unconfirmed,");
    for (const record of this.#evidence.records.values()) this.#count(record);
    for (const history of this.#histories.values()) this.#historyOf(history);
    for (const [id, seen] of this.#evidence.sightings) this.#stillAs(id, seen);
    this.#left();
    return {
      accepted: this.#accepted.size,
      terminal: this.#terminal,
      owed: this.#owed,
      ranMoreThanOnce: this.#ranMoreThanOnce,
      explainedBy: this.#explainedBy,
      endings: this.#endings,
      recovery: recoveries(this.#evidence, this.#histories, this.#accepted),
      problems: this.#problems,
    };
  }

  #problem(kind: Problem["kind"], id: string, what: string): void {
    this.#problems.push({ kind, id, what });
  }

  /** A chosen id is recorded before its message is sent: PENDING alone is not a task that anybody was told is there. */
  #isThere(id: string): boolean {
    const record = this.#evidence.records.get(id);
    return this.#histories.has(id) || (record !== undefined && record.state !== "PENDING");
  }

  #modeOf(id: string): Mode {
    return this.#accepted.get(id)?.mode ?? MODE_OF_TASK[this.#histories.get(id)?.runs[0]?.task ?? ""] ?? "tracked";
  }

  /** A terminal record; for one whose result nobody wants, a run that returned will do. */
  #hasEnded(id: string): boolean {
    const record = this.#evidence.records.get(id);
    if (record !== undefined && isOver(record)) return true;
    return this.#modeOf(id) === "untracked" && this.#returned(id);
  }

  #returned(id: string): boolean {
    return this.#histories.get(id)?.runs.some(({ end }) => end?.how === "value") ?? false;
  }

  #demandEnd(id: string, what: string): boolean {
    if (this.#hasEnded(id)) return true;
    const state = this.#evidence.records.get(id)?.state ?? "no record";
    const runs = this.#histories.get(id)?.runs.length ?? 0;
    this.#problem("lost", id, `${what} and has not ended: ${state}, ${runs} runs`);
    return false;
  }

  #endOf(one: Accepted): void {
    const { id, task, mode } = one;
    if (task === "unreadable, no id") {
      this.#keptAside(id);
      return;
    }
    if (!this.#demandEnd(id, `${task} (${mode}) was accepted`)) return;
    this.#terminal++;
    const record = this.#evidence.records.get(id);
    if (record === undefined || record.state === "SUCCESS") {
      if (one.link) this.#demandCallback(id, "link:0");
    } else if (record.state === "FAILURE" && one.linkError) this.#demandCallback(id, "link_error:0");
  }

  #demandCallback(id: string, path: string): void {
    this.#owed++;
    this.#demandEnd(derivedId(this.#key, id, path), `the callback ${path} of ${id} is owed`);
  }

  /** A message without an id ends on the dead-letter queue, where somebody can look at it. */
  #keptAside(id: string): void {
    const kept = this.#evidence.queues.some(
      ({ name, messages }) => name.endsWith("-dead") && messages.some(({ body }) => body.startsWith(`${id}:`)),
    );
    if (kept) this.#terminal++;
    else this.#problem("lost", id, "nobody can read it, and it is not on the dead-letter queue");
  }

  #count({ id, state, failure }: StoredTask): void {
    const ending = state === "FAILURE" ? `FAILURE ${failure ?? "without a type"}` : state;
    this.#endings[ending] = (this.#endings[ending] ?? 0) + 1;
    const judged = this.#accepted.has(id) || this.#unconfirmed.has(id);
    if (!isOver({ state }) && !judged) this.#problem("lost", id, `its record is left in ${state}`);
  }

  #historyOf({ id, runs, recorded }: History): void {
    const mode = this.#modeOf(id);
    const record = this.#evidence.records.get(id);
    if (mode !== "untracked") {
      if (recorded.length > 1) {
        const endings = recorded.map(({ state, run = "" }) => `${state} ${run}`.trim());
        this.#problem("finished twice", id, `${recorded.length} endings were recorded: ${endings.join(", ")}`);
      }
      if (record !== undefined) this.#ofOneRun(record, runs);
    }
    if (!this.#accepted.has(id) && record === undefined) this.#demandEnd(id, "ran");
    this.#callbackOf(id, runs);
    this.#furtherRuns(id, runs, mode);
  }

  /** The value of a SUCCESS is that of one of its runs, which returned it. */
  #ofOneRun({ id, state, run }: StoredTask, runs: History["runs"]): void {
    if (state !== "SUCCESS" || run === undefined) return;
    const how = runs.find((one) => one.run === run)?.end?.how;
    if (how !== "value")
      this.#problem("wrong", id, `its result is of run ${run}, which ended with ${how ?? "nothing"}`);
  }

  /** Every callback of an ending gets what the record has. */
  #callbackOf(parent: string, runs: History["runs"]): void {
    if (this.#modeOf(parent) === "untracked" || runs.length === 0) return;
    const record = this.#evidence.records.get(parent);
    if (record?.state !== "SUCCESS" || record.run === undefined) return;
    for (const { got } of this.#histories.get(derivedId(this.#key, parent, "link:0"))?.runs ?? [])
      if (got !== record.run)
        this.#problem(
          "finished twice",
          parent,
          `its record has the result of ${record.run}, its callback got that of ${got}`,
        );
  }

  #furtherRuns(id: string, runs: History["runs"], mode: Mode): void {
    const byAttempt = Map.groupBy(runs, ({ attempt }) => attempt);
    for (const [attempt, ofAttempt] of byAttempt) {
      if (ofAttempt.length > 1) this.#ranMoreThanOnce++;
      for (const [i, further] of ofAttempt.entries()) {
        const before = ofAttempt[i - 1];
        if (before === undefined) continue;
        const earlier = runs.filter((run) => run.attempt < attempt);
        const cause = this.#explanations.of(before, further, mode, earlier);
        if (cause === undefined) {
          const times = `${before.run} at ${before.at}, ${further.run} at ${further.at}`;
          this.#problem("unexplained", id, `attempt ${attempt} (${mode}) ran again and no fault says why: ${times}`);
          continue;
        }
        const by = `${mode}: ${cause.kind}`;
        this.#explainedBy[by] = (this.#explainedBy[by] ?? 0) + 1;
      }
    }
  }

  #stillAs(id: string, seen: StoredTask): void {
    const now = this.#evidence.records.get(id);
    const same =
      now !== undefined && (["state", "token", "endedAt", "run"] as const).every((field) => now[field] === seen[field]);
    if (same) return;
    this.#problem("finished twice", id, `it was seen as ${ending(seen)}, and is now ${now ? ending(now) : "gone"}`);
  }

  #left(): void {
    for (const { name, messages } of this.#evidence.queues)
      for (const { messageId, body } of messages)
        if (!(name.endsWith("-dead") && body.startsWith("unreadable-")))
          this.#problem("left", messageId, `it is still on ${name}: ${body.slice(0, 120)}`);
  }
}

function ending({ state, token, endedAt, run = "no value" }: StoredTask): string {
  return `${state} at ${endedAt} by ${token} (${run})`;
}
