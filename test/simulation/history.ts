// What happened in a world, line by line, for people: when, who, what, and what came of it.
import { SECOND } from "./names.ts";

interface Event {
  readonly at: number;
  readonly who: string;
  readonly what: string;
}

export class History {
  readonly #events: Event[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  note(who: string, what: string): void {
    this.#events.push({ at: this.#now(), who, what });
  }

  get length(): number {
    return this.#events.length;
  }

  /** One line each; ids are replaced by names, and everything after `until` (ms) is left out. */
  print(names: ReadonlyMap<string, string> = new Map(), until = Number.POSITIVE_INFINITY): string {
    const width = Math.max(0, ...this.#events.map(({ who }) => who.length));
    let text = this.#events
      .filter(({ at }) => at <= until)
      .map(({ at, who, what }) => `${(at / SECOND).toFixed(3).padStart(12)} s  ${who.padEnd(width)}  ${what}`)
      .join("\n");
    for (const [id, name] of names) text = text.replaceAll(id, name);
    return text;
  }
}
