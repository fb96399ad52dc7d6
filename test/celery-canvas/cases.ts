// Cases whose whole point is a value, or that an error comes through.
import { expect } from "vitest";
import type { CeleryTasks } from "./tasks.ts";
import type { Callable, Case } from "./world.ts";

/** Of a canvas, Celery's test asserts its value and nothing else. `row`: undefined where no row names it. */
export function gives(
  row: number | undefined,
  name: string,
  canvas: (tasks: CeleryTasks) => Callable,
  expected: unknown,
): Case {
  return {
    ...(row !== undefined && { row }),
    name,
    run: async ({ tasks, value }) => expect(await value(canvas(tasks))).toEqual(expected),
  };
}

/** Of canvases, Celery's test asserts that the error of the task that failed comes out of each. */
export function raises(
  row: number | undefined,
  name: string,
  canvases: (tasks: CeleryTasks) => readonly Callable[],
): Case {
  return {
    ...(row !== undefined && { row }),
    name,
    run: async ({ tasks, error }) => {
      for (const canvas of canvases(tasks)) expect(await error(canvas)).toBe("ExpectedException");
    },
  };
}

export const times = <T>(count: number, make: (i: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => make(i));
