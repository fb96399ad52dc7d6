// What runs.
import { app } from "./app.ts";

export const add = app.task("add", (x: number, y: number) => x + y);

/** Others fail: it is tried again, later each time. */
export const ping = app.task(
  "ping",
  { bind: true, autoRetryFor: ["TypeError"], retryBackoff: true, maxRetries: 5, softTimeLimit: "10s" },
  async (ctx, url: string) => {
    const response = await fetch(url, { signal: ctx.signal }); // a failed connection is a TypeError
    return response.status;
  },
);

/** Keeps a core busy, and tells how far it is: `lovage result <id> --follow` shows it. */
export const primes = app.task("primes", { bind: true, workload: "renders" }, async (ctx, upTo: number) => {
  let found = 0;
  for (let n = 2; n <= upTo; n++) {
    if (isPrime(n)) found++;
    if (n % Math.ceil(upTo / 4) === 0) await ctx.progress({ upTo: n, found });
  }
  return found;
});

function isPrime(n: number): boolean {
  for (let factor = 2; factor * factor <= n; factor++) if (n % factor === 0) return false;
  return true;
}
