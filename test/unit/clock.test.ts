import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../lib/clock.ts";

/** Longer than setTimeout can wait: Node fires such a timer at once. */
const MONTH_MS = 30 * 86_400_000;

describe("a time beyond what setTimeout takes", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("fires a timer when it is over, and not before", async () => {
    const fire = vi.fn();
    systemClock.timer(MONTH_MS, fire);
    await vi.advanceTimersByTimeAsync(MONTH_MS - 1);
    expect(fire).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(fire).toHaveBeenCalledOnce();
  });

  test("ends a sleep when it is over, and not before", async () => {
    const woken = vi.fn();
    void systemClock.sleep(MONTH_MS).then(woken);
    await vi.advanceTimersByTimeAsync(MONTH_MS - 1);
    expect(woken).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(woken).toHaveBeenCalledOnce();
  });

  test("is cancelled, or aborted, at any time", async () => {
    const fire = vi.fn();
    const cancel = systemClock.timer(MONTH_MS, fire);
    const abort = new AbortController();
    const slept = systemClock.sleep(MONTH_MS, abort.signal).catch((reason: unknown) => reason);
    await vi.advanceTimersByTimeAsync(MONTH_MS - 1);
    cancel();
    abort.abort("enough");
    expect(await slept).toBe("enough");
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(MONTH_MS);
    expect(fire).not.toHaveBeenCalled();
  });
});
