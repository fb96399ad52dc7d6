import { expect, test } from "vitest";
import { createApp } from "../../lib/app.ts";
import { NotSupported } from "../../lib/errors.ts";
import { inMemory } from "../../lib/testing/index.ts";

test("a chain made with pipe() is sent wherever canvases are loaded, and says what to do where they are not", async () => {
  const app = createApp("duckling");
  const add = app.task("add", (x: number, y: number) => x + y);
  const both = add.s(1, 2).pipe(add.s(3));
  await using test = inMemory(app);
  await expect(both.delay()).rejects.toThrow(NotSupported);
  await import("../../lib/canvas.ts");
  const result = await both.delay();
  await test.drain();
  expect(await result.get()).toBe(6);
});
