// What a redrive has done, as numbers and as words.
import { printableLine } from "../printable.ts";
import type { Redriven } from "../worker/redrive.ts";
import type { Style } from "./output.ts";

/** Reasons shown one by one; with --json all are. */
const SHOWN_REFUSALS = 20;

export class RedriveCount {
  sent = 0;
  /** Redriven before. */
  skipped = 0;
  refused = 0;
  readonly #refusals: string[] = [];

  get handled(): number {
    return this.sent + this.skipped + this.refused;
  }

  add(redriven: Redriven): void {
    if (redriven.kind === "skipped") this.skipped++;
    else if (redriven.kind !== "refused") this.sent++;
    else {
      this.refused++;
      if (this.#refusals.length < SHOWN_REFUSALS) this.#refusals.push(`${redriven.id}: ${redriven.reason}`);
    }
  }

  /** Why some were not sent, for people. */
  refusalsText({ red }: Style): string {
    const lines = this.#refusals.map((one) => `${red("not sent:")} ${printableLine(one)}`);
    const more = this.refused - this.#refusals.length;
    return [...lines, ...(more > 0 ? [`and ${number(more)} more; --json shows them all`] : [])].join("\n");
  }

  summaryText(dryRun: boolean, { bold }: Style): string {
    const tasks = this.sent === 1 ? "1 task" : `${number(this.sent)} tasks`;
    return [
      dryRun ? `${bold("would send")} ${tasks} again` : `${bold("sent")} ${tasks} again`,
      ...(this.skipped === 0
        ? []
        : [`${number(this.skipped)} left alone: redriven before (--again sends them once more)`]),
      ...(this.refused === 0 ? [] : [`${number(this.refused)} not sent`]),
    ].join("; ");
  }
}

const number = (value: number) => value.toLocaleString("en");

export function lineOf(redriven: Redriven): string {
  switch (redriven.kind) {
    case "sent":
      return `${redriven.id}   sent again as ${redriven.redrivenAs}`;
    case "would send":
      return `${redriven.id}   ${redriven.task}, would be sent again as ${redriven.redrivenAs}`;
    case "skipped":
      return `${redriven.id}   redriven before, as ${redriven.redrivenAs}; --again sends it once more`;
    case "refused":
      return `${redriven.id}   not sent: ${redriven.reason}`;
    default:
      return redriven satisfies never;
  }
}

/** `answer` as `lovage revoke --json` has it. */
export function redrivenJson({ kind: answer, ...facts }: Redriven): object {
  return { ...facts, answer };
}
