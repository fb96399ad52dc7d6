// Everything a fuzzed input is made of follows from (seed, target, number of the input): any one can be made again alone.
import { seededRandom } from "../../lib/testing/fake-clock.ts";

export class Rng {
  readonly #next: () => number;

  constructor(seed: string) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193);
    this.#next = seededRandom(hash);
    this.#next(); // seeds that differ in little begin alike
  }

  /** 0 to `below` - 1. */
  int(below: number): number {
    return Math.floor(this.#next() * below);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(from.length)] as T; // callers hand in a list that is not empty
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.int(most + 1) }, make);
  }
}
