import { expect, test } from "vitest";
import { calledTask, isMapped } from "../../lib/wire/signature.ts";

test.each<[string, string, unknown, string]>([
  ["itself", "add", { task: { task: "other" } }, "add"],
  ["of a map the one it calls", "celery.map", { task: { task: "add" }, it: [] }, "add"],
  ["of a starmap, too", "celery.starmap", { task: { task: "add" } }, "add"],
  ["itself, where a map names none", "celery.map", { task: { task: 7 } }, "celery.map"],
  ["nor null", "celery.map", { task: null }, "celery.map"],
  ["nor anything", "celery.map", {}, "celery.map"],
  ["nor has arguments", "celery.map", null, "celery.map"],
])("the task whose code a call runs is %s", (_which, task, kwargs, called) => {
  expect(calledTask({ task, kwargs })).toBe(called);
});

test("what is mapped is a task by the name of one of two", () => {
  expect(["celery.map", "celery.starmap", "celery.chunks", "map"].map(isMapped)).toEqual([true, true, false, false]);
});
