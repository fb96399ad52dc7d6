import type { Logger } from "./log.ts";

/** The resources that are open in one scope, in the order of their opening. */
export class OpenResources {
  readonly #open = new Map<
    object,
    { readonly value: Promise<unknown>; close(value: unknown, error: unknown): unknown }
  >();

  take<T>(resource: object, open: () => T | Promise<T>, close: (value: T, error: unknown) => unknown): Promise<T> {
    const there = this.#open.get(resource);
    if (there) return there.value as Promise<T>; // put there by the same resource
    const value = (async () => open())();
    this.#open.set(resource, { value, close: close as (value: unknown, error: unknown) => unknown }); // it gets its own value
    value.catch(() => this.#open.delete(resource)); // a failure is not kept
    return value;
  }

  /** Closes all, the last first. Resolves with what closing threw first, if anything did. */
  async close(error: unknown, log: Logger): Promise<{ readonly error: unknown } | undefined> {
    const open = [...this.#open.values()].reverse();
    this.#open.clear();
    let failed: { readonly error: unknown } | undefined;
    for (const { value, close } of open) {
      const opened = await value.then(
        (it) => ({ it }),
        () => undefined,
      ); // its user has heard why it could not open
      if (opened === undefined) continue;
      try {
        await close(opened.it, failed?.error ?? error);
      } catch (thrown) {
        log.error({ error: String(thrown) }, "a resource could not be closed");
        failed ??= { error: thrown };
      }
    }
    return failed;
  }

  get size(): number {
    return this.#open.size;
  }
}
