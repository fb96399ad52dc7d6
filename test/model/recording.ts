// Which rules were asked what while the model was explored, and what they answered: every distinct question once.
import { type Guard, RULES, type Rules } from "./rules.ts";

type Of<F> = F extends (...of: infer A) => infer R ? { readonly of: A; readonly answer: R } : never;
type Decisions = Pick<Rules, "place" | "refused" | "outcome" | "writeRefused" | "deadLetter" | "purge" | "redrive">;

export interface Met {
  readonly guards: Of<Guard>[];
  readonly written: Of<Rules["written"]>[];
  readonly decisions: { readonly [K in keyof Decisions]: Of<Decisions[K]>[] };
}

export class Recording {
  readonly met: Met = {
    guards: [],
    written: [],
    decisions: { place: [], refused: [], outcome: [], writeRefused: [], deadLetter: [], purge: [], redrive: [] },
  };
  readonly rules: Rules;
  readonly #asked = new Set<string>();
  readonly #texts = new WeakMap<object, string>();

  constructor() {
    const { guards, written } = RULES;
    const { place, refused, outcome, writeRefused, deadLetter, purge, redrive } = RULES;
    const { decisions } = this.met;
    const kinds = Object.keys(guards) as (keyof typeof guards)[]; // its keys
    this.rules = {
      ...RULES,
      guards: Object.fromEntries(
        kinds.map((kind) => [kind, this.#recorded(`guard ${kind}`, guards[kind], this.met.guards)]),
      ) as typeof guards, // of the same keys
      written: this.#recorded("written", written, this.met.written),
      place: this.#recorded("place", place, decisions.place),
      refused: this.#recorded("refused", refused, decisions.refused),
      outcome: this.#recorded("outcome", outcome, decisions.outcome),
      writeRefused: this.#recorded("writeRefused", writeRefused, decisions.writeRefused),
      deadLetter: this.#recorded("deadLetter", deadLetter, decisions.deadLetter),
      purge: this.#recorded("purge", purge, decisions.purge),
      redrive: this.#recorded("redrive", redrive, decisions.redrive),
    };
  }

  #recorded<A extends readonly unknown[], R>(name: string, rule: (...of: A) => R, met: { of: A; answer: R }[]) {
    return (...of: A): R => {
      const answer = rule(...of);
      const question = `${name} ${of.map((one) => this.#text(one)).join(" ")}`;
      if (!this.#asked.has(question)) {
        this.#asked.add(question);
        met.push({ of, answer });
      }
      return answer;
    };
  }

  /** Records, messages and limits are met again and again. */
  #text(one: unknown): string {
    if (typeof one !== "object" || one === null) return String(one);
    let text = this.#texts.get(one);
    if (text === undefined) {
      text = JSON.stringify(one);
      this.#texts.set(one, text);
    }
    return text;
  }
}
