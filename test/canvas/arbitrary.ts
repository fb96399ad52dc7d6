// Random canvases as somebody might write them, not in normal form: nested, with partial arguments, immutable parts, callbacks.
import fc from "fast-check";
import { CHUNKS, chainOf, chordOf, groupOf, mapOf, starmapOf } from "../../lib/core/canvas-shape.ts";
import type { JsonObject, JsonValue } from "../../lib/wire/serializer.ts";
import { type WireSignature, wireSignature } from "../../lib/wire/signature.ts";
import { NOTED, SWAP, type TaskTable } from "./direct.ts";

/** `echo` says what it was given, so that a value tells its whole history; `boom` fails; `noted` is for errors. */
export const TASKS: TaskTable = {
  echo: (...args) => ["echo", ...args],
  sum: (...args) => args.flat(9).filter((n) => typeof n === "number").length,
  boom: () => {
    throw new RangeError("boom");
  },
  [NOTED]: (...args) => args.length,
};

export interface CanvasOptions {
  /** One task in twenty fails. @default true */
  readonly failing?: boolean;
  /** Deepest nesting. @default 3 */
  readonly depth?: number;
}

export function canvases({ failing = true, depth = 3 }: CanvasOptions = {}): fc.Arbitrary<WireSignature> {
  const names = fc.constantFrom(
    ...Array<string>(12).fill("echo"),
    ...Array<string>(7).fill("sum"),
    failing ? "boom" : "sum",
  );
  const some = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 2 });
  const immutable = fc.integer({ min: 0, max: 5 }).map((n) => n === 0);
  const errback = fc.constant(wireSignature(NOTED, { args: ["link"] }));
  const called = fc
    .tuple(some, fc.constantFrom("echo", "sum"))
    .map(([args, task]) => wireSignature(task, { args: ["called", ...args] }));
  const callback = fc.oneof(
    { weight: 4, arbitrary: called },
    { weight: 1, arbitrary: fc.array(called, { minLength: 1, maxLength: 2 }).map((all) => chainOf(all)) },
    { weight: 1, arbitrary: fc.array(called, { maxLength: 2 }).map((all) => groupOf(all)) },
  );
  const options = fc
    .record({ link: few(callback), link_error: few(errback, 3), onHeader: fc.boolean() })
    .map(({ link, link_error, onHeader }) => ({
      ...(link.length > 0 && { link }),
      ...(link_error.length > 0 && { link_error }),
      ...(onHeader && { errback_on_header: true }),
    })) as unknown as fc.Arbitrary<JsonObject>; // signatures are JSON
  const task = fc
    .record({ task: names, args: some, immutable, options })
    .map(({ task, ...facts }) => wireSignature(task, facts as Partial<WireSignature>));
  const items = fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 5 }) as fc.Arbitrary<readonly JsonValue[]>;
  const mapped = fc.tuple(fc.constantFrom(mapOf, starmapOf), items).map(([of, it]) => of(wireSignature("echo"), it));
  const chunks = fc.tuple(items, fc.integer({ min: 1, max: 3 })).map(([it, n]) =>
    wireSignature(CHUNKS, {
      ...mapOf(wireSignature("sum"), it),
      task: CHUNKS,
      kwargs: { ...mapOf(wireSignature("sum"), it).kwargs, n },
    }),
  );
  const dressed = (bare: fc.Arbitrary<WireSignature>) =>
    fc.record({ bare, args: some, immutable, options }).map(({ bare, ...facts }) => ({ ...bare, ...facts }));

  const { canvas } = fc.letrec<{ canvas: WireSignature }>((tie) => {
    const inner = tie("canvas");
    const list = (minLength: number) => fc.array(inner, { minLength, maxLength: 4 });
    return {
      canvas: fc.oneof(
        { maxDepth: depth, depthIdentifier: "canvas" },
        { weight: 5, arbitrary: task },
        { weight: 1, arbitrary: fc.oneof(mapped, chunks) },
        {
          weight: 1,
          arbitrary: dressed(inner.map((by) => wireSignature(SWAP, { kwargs: { by: by as unknown as JsonObject } }))),
        },
        { weight: 4, arbitrary: dressed(list(1).map((steps) => chainOf(steps))) },
        { weight: 3, arbitrary: dressed(list(0).map((members) => groupOf(members))) },
        {
          weight: 3,
          arbitrary: dressed(fc.tuple(list(0), inner).map(([header, body]) => chordOf(groupOf(header), body))),
        },
      ),
    };
  });
  return canvas;
}

function few<T>(one: fc.Arbitrary<T>, without = 7): fc.Arbitrary<readonly T[]> {
  return fc.oneof(
    { weight: without, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(one, { maxLength: 2 }) },
  );
}
