// Large payloads in a user's tests and in eager mode: as on AWS, in memory.
import { expect, test } from "vitest";
import { createApp } from "../../lib/index.ts";
import { inMemory } from "../../lib/testing/index.ts";

const TEXT = "x".repeat(400_000);

const make = (options: { readonly eager?: boolean } = {}) => {
  const app = createApp("duckling", { payloads: { bucket: "ducklings" }, ...options });
  return { app, echo: app.task("echo", (text: string) => text) };
};

test("inMemory() carries them, and assertions see the arguments", async () => {
  const { app, echo } = make();
  await using it = inMemory(app);
  const result = await echo.delay(TEXT);
  await it.drain();
  expect(await result.get()).toBe(TEXT);
  expect(it.sentTo(echo)[0]?.args).toEqual([TEXT]);
  it.assertSent(echo, { args: [TEXT], times: 1 });
});

test("eager mode carries them too", async () => {
  const { echo } = make({ eager: true });
  const result = await echo.delay(TEXT);
  expect(await result.get()).toBe(TEXT);
});

test("hooks and listeners see the arguments, not the reference", async () => {
  const { app, echo } = make();
  const seen: unknown[] = [];
  app.on("taskSuccess", ({ ctx }) => void seen.push(ctx.args));
  await using it = inMemory(app);
  await echo.delay(TEXT);
  await it.drain();
  expect(seen).toEqual([[TEXT]]);
});
