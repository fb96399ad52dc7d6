import type { Logger } from "./log.ts";
import { toFailure } from "./wire/failure.ts";

interface Open {
  readonly value: Promise<unknown>;
  close(value: unknown, error: unknown): unknown;
}

/** The resources that are open in one scope, in the order of their opening. */
export class OpenResources {
  readonly #open = new Map<object, Open>();
  #ended = false;

  take<T>(resource: object, open: () => T | Promise<T>, close: (value: T, error: unknown) => unknown): Promise<T> {
    const there = this.#open.get(resource);
    if (there) return there.value as Promise<T>; // put there by the same resource
    const value = (async () => open())();
    const opened: Open = { value, close: close as Open["close"] }; // it gets its own value
    this.#open.set(resource, opened);
    // A failure is not kept. It may come late, when another has been opened in its place.
    value.catch(() => this.#open.get(resource) === opened && this.#open.delete(resource));
    return value;
  }

  /** Closes all, the last first, with what is opened meanwhile. Resolves with what closing threw first, if anything did. */
  async close(error: unknown, log: Logger): Promise<{ readonly error: unknown } | undefined> {
    let failed: { readonly error: unknown } | undefined;
    for (let last = this.#takeLast(); last !== undefined; last = this.#takeLast()) {
      const { value, close } = last;
      const opened = await value.then(
        (it) => ({ it }),
        () => undefined,
      ); // its user has heard why it could not open
      if (opened === undefined) continue;
      try {
        await close(opened.it, failed?.error ?? error);
      } catch (thrown) {
        const { type, message } = toFailure(thrown); // String() may throw at what was thrown
        log.error({ error: `${type}: ${message}` }, "a resource could not be closed");
        failed ??= { error: thrown };
      }
    }
    return failed;
  }

  /** Nobody closes it any more: nothing is to be opened in it. */
  end(): void {
    this.#ended = true;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get size(): number {
    return this.#open.size;
  }

  #takeLast(): Open | undefined {
    const last = [...this.#open].at(-1);
    if (last) this.#open.delete(last[0]);
    return last?.[1];
  }
}
