// Ctrl-C in a verb that has something in hand: the first asks it to finish that and stop, the second ends it at once.
import { EXIT, type ExitCode } from "./exit-codes.ts";

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

export class Interruption implements Disposable {
  readonly #asked = new AbortController();
  readonly #listeners: readonly (readonly [keyof typeof CODES, () => void])[];
  #code: ExitCode | undefined;

  /** `onFirst` tells a person what is still waited for. */
  constructor(onFirst: () => void) {
    this.#listeners = (Object.keys(CODES) as (keyof typeof CODES)[]).map((name) => [
      name,
      () => this.#on(name, onFirst),
    ]); // its own keys
    for (const [name, listener] of this.#listeners) process.on(name, listener);
  }

  /** Aborts at the first signal. */
  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  /** 130 or 143 where it was asked to stop. */
  get code(): ExitCode | undefined {
    return this.#code;
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
  }

  #on(name: keyof typeof CODES, onFirst: () => void): void {
    if (this.#code !== undefined) process.exit(CODES[name]);
    this.#code = CODES[name];
    onFirst();
    this.#asked.abort();
  }
}
