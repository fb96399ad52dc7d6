// Signatures in signatures, every kind in every kind, to be written as JSON and read again.
import { chain, chord, group } from "../../lib/canvas.ts";
import type { Task } from "../../lib/task.ts";
import type { JsonValue } from "../../lib/wire/serializer.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";

type Add = Task<[x: JsonValue, y: JsonValue], JsonValue>;
type Total = Task<[nums: JsonValue], JsonValue>;

const INNER = {
  chain: (add: Add, _total: Total) => chain(add.s(1, 2), add.s(3)),
  group: (add: Add, _total: Total) => group([add.s(1, 2), add.s(3, 4)]),
  chord: (add: Add, total: Total) => chord([add.s(1, 2), add.s(3, 4)], total.s()),
} as const;

/** `outer_inner`, and what it gives. */
export const NESTED = {
  chain_chain: { gives: 16, make: (add: Add, total: Total) => chain(INNER.chain(add, total), add.s(10)) },
  chain_group: { gives: 10, make: (add: Add, total: Total) => chain(INNER.group(add, total), total.s()) },
  chain_chord: { gives: 20, make: (add: Add, total: Total) => chain(INNER.chord(add, total), add.s(10)) },
  group_chain: { gives: [6, 2], make: (add: Add, total: Total) => group([INNER.chain(add, total), add.s(1, 1)]) },
  group_group: { gives: [3, 7, 2], make: (add: Add, total: Total) => group([INNER.group(add, total), add.s(1, 1)]) },
  group_chord: { gives: [10, 2], make: (add: Add, total: Total) => group([INNER.chord(add, total), add.s(1, 1)]) },
  chord_chain: { gives: 6, make: (add: Add, total: Total) => chord([INNER.chain(add, total)], total.s()) },
  chord_group: { gives: 10, make: (add: Add, total: Total) => chord([INNER.group(add, total)], total.s()) },
  chord_chord: { gives: 10, make: (add: Add, total: Total) => chord([INNER.chord(add, total)], total.s()) },
} as const satisfies Record<string, { gives: JsonValue; make(add: Add, total: Total): { toJSON(): WireSignature } }>;

export type Shape = keyof typeof NESTED;
