// Celery's test_signature_serialization: a task returns a canvas, and the next one rebuilds it. Here it is run, too. And group results.
import { expect } from "vitest";
import { chain, signature } from "../../lib/canvas.ts";
import { groupResult } from "../../lib/group-result.ts";
import { NESTED, type Shape } from "./nested.ts";
import type { Case, Readable } from "./world.ts";

export const serialization: readonly Case[] = [
  ...(Object.keys(NESTED) as readonly Shape[]) // they are its own
    .map(
      (shape): Case => ({
        row: 61,
        name: `test_rebuild_nested_${shape}`,
        run: async ({ app, tasks: { returnNestedSignature, rebuildSignature, add, tsum }, value }) => {
          expect(await value(chain(returnNestedSignature.s(shape), rebuildSignature.s()))).toBe(null);
          const { make, gives } = NESTED[shape];
          const read = signature<[], unknown, Readable>(JSON.parse(JSON.stringify(make(add, tsum))), app);
          expect(await value(read)).toEqual(gives);
        },
      }),
    ),
  {
    row: 33,
    name: "test_groupresult_serialization",
    run: async ({ app, tasks: { buildChainInsideTask }, value, get }) => {
      const returned = await value(buildChainInsideTask.s());
      expect(returned).toEqual([expect.any(String)]);
      const [id] = returned as [string]; // it has just been expected
      const group = await groupResult(id, app);
      expect(group.size).toBe(2);
      expect(await get(group)).toEqual([7, 8]);
      expect(JSON.stringify([group])).toBe(JSON.stringify(returned));
    },
  },
];
