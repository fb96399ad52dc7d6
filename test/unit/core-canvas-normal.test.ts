import { describe, expect, test } from "vitest";
import { normalise } from "../../lib/core/canvas-normal.ts";
import {
  bodyOf,
  CHORD,
  CHUNKS,
  chainOf,
  chordOf,
  chunksOf,
  final,
  GROUP,
  groupOf,
  headerOf,
  JOIN,
  starmapOf,
  tasksOf,
  withFinal,
} from "../../lib/core/canvas-shape.ts";
import { InvalidOption } from "../../lib/errors.ts";
import type { JsonObject, JsonValue } from "../../lib/wire/serializer.ts";
import { CHAIN, type WireSignature, wireSignature } from "../../lib/wire/signature.ts";

const t = (task: string, facts: Partial<WireSignature> = {}) => wireSignature(task, facts);
const json = (...all: readonly WireSignature[]) => all as unknown as readonly JsonValue[];

/** The shape in words: `a | (b, c)` is a chain with a group, `(b, c) > d` a chord. */
function words(sig: WireSignature): string {
  if (sig.task === CHAIN) return tasksOf(sig).map(words).join(" | ");
  if (sig.task === GROUP) return `(${tasksOf(sig).map(words).join(", ")})`;
  if (sig.task === CHORD) return `${words(headerOf(sig))} > [${words(bodyOf(sig))}]`;
  return sig.task;
}
const normal = (sig: WireSignature) => words(normalise(sig));
const group = (...members: readonly WireSignature[]) => groupOf(members);
const chain = (...steps: readonly WireSignature[]) => chainOf(steps);
const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((name) => t(name)) as [
  WireSignature,
  WireSignature,
  WireSignature,
  WireSignature,
  WireSignature,
];

describe("the normal form", () => {
  test.each<[string, WireSignature, string]>([
    ["a task stays", a, "a"],
    ["a chain of one is its step", chain(chain(a)), "a"],
    ["chains in chains are spliced", chain(chain(a, b), chain(c, chain(d, e))), "a | b | c | d | e"],
    ["groups in groups are unrolled", group(group(a, b), chain(group(c)), d), "(a, b, c, d)"],
    ["a group of one stays a group", chain(a, group(b)), "a | (b)"],
    ["a group and a step are a chord", chain(a, group(b, c), d, e), "a | (b, c) > [d] | e"],
    ["a group of one and a step too", chain(group(b), d), "(b) > [d]"],
    ["groups one after another", chain(group(a), group(b), group(c)), "(a) > [(b) > [(c)]]"],
    ["groups, then a step", chain(group(a), group(b), c), "(a) > [(b) > [c]]"],
    ["a chord whose body is a group, then a step", chain(chordOf(group(a), group(b)), c), "(a) > [(b) > [c]]"],
    [
      "a body that ends in a group, then a step",
      chain(chordOf(group(a), chain(b, group(c))), d),
      "(a) > [b | (c) > [d]]",
    ],
    ["a chord stays", chordOf(group(a, b), chain(c, d)), "(a, b) > [c | d]"],
    ["a group that ends a member is joined", group(chain(a, group(b, c)), d), `(a | (b, c) > [${JOIN}], d)`],
    ["so is one that ends a body of a member", group(chordOf(group(a), group(b))), `((a) > [(b) > [${JOIN}]])`],
    ["and one in a header", chordOf(group(chain(a, group(b))), c), `(a | (b) > [${JOIN}]) > [c]`],
    ["a group of none after something is joined", chain(a, group()), `a | () > [${JOIN}]`],
    ["so is one that is a body", chordOf(group(a), group()), `(a) > [() > [${JOIN}]]`],
    ["a group of none alone stays", group(), "()"],
  ])("%s", (_, sig, expected) => {
    expect(normal(sig)).toBe(expected);
  });

  test("a header may be a list, or a signature that is no group", () => {
    const listed = t(CHORD, { kwargs: { header: json(a, b), body: json(c)[0] as JsonValue } });
    expect(normal(listed)).toBe("(a, b) > [c]");
    const single = t(CHORD, { kwargs: { header: json(a)[0] as JsonValue, body: json(c)[0] as JsonValue } });
    expect(normal(single)).toBe("(a) > [c]");
  });

  test("chunks are a group of starmaps", () => {
    const it = [[1], [2], [3]];
    const chunks = chunksOf(starmapOf(a, it), 2);
    expect(tasksOf(normalise(chunks))).toEqual([starmapOf(a, [[1], [2]]), starmapOf(a, [[3]])]);
    expect(normal(group(chunks, b))).toBe("(celery.starmap, celery.starmap, b)");
  });

  test("what follows by its options is a step", () => {
    const rest = t("a", { options: { chain: json(c, b), countdown: 1 } });
    expect(normal(rest)).toBe("a | b | c");
    expect(normalise(t("a", { options: { chain: [] } }))).toEqual(a);
    expect(normalise(t("a", { options: { chain: null } })).task).toBe("a");
  });
});

describe("what a canvas is given", () => {
  const args = (sig: WireSignature) => sig.args;
  const dressed = (sig: WireSignature, facts: Partial<WireSignature>) => ({ ...sig, ...facts });

  test("goes to the first step of a chain, before its own arguments", () => {
    const [first, second] = tasksOf(
      normalise(
        dressed(chain(t("a", { args: [2], kwargs: { y: 1, z: 2 } }), b), {
          args: [1],
          kwargs: { ...chain(a).kwargs, tasks: json(t("a", { args: [2], kwargs: { y: 1, z: 2 } }), b), z: 3 },
        }),
      ),
    );
    expect([first?.args, first?.kwargs]).toEqual([[1, 2], { y: 1, z: 3 }]);
    expect([second?.args, second?.kwargs]).toEqual([[], {}]);
  });

  test("goes to every member of a group, through what is nested", () => {
    const sig = dressed(group(a, chain(b, c), group(d)), { args: [1] });
    const given = { ...sig, kwargs: { ...sig.kwargs, z: 3 } };
    const members = tasksOf(normalise(given));
    const [, inner] = members;
    expect(tasksOf(inner as WireSignature).map(args)).toEqual([[1], []]);
    expect(tasksOf(inner as WireSignature).map(({ kwargs }) => kwargs)).toEqual([{ z: 3 }, {}]);
    expect([members[0]?.args, members[2]?.args]).toEqual([[1], [1]]);
  });

  test("goes to the header of a chord", () => {
    const sig = chordOf(group(a, b), c);
    const told = normalise({ ...sig, args: [1], kwargs: { ...sig.kwargs, kwargs: { z: 3 } } });
    expect(tasksOf(headerOf(told)).map(args)).toEqual([[1], [1]]);
    expect(tasksOf(headerOf(told)).map(({ kwargs }) => kwargs)).toEqual([{ z: 3 }, { z: 3 }]);
    expect(bodyOf(told)).toEqual(c);
  });

  test("goes to nobody who is immutable", () => {
    const fixed = t("a", { args: [9], immutable: true });
    expect(normalise(dressed(chain(fixed), { args: [1], immutable: true }))).toEqual(fixed);
    expect(normalise(dressed(chain(t("a", { args: [9] })), { args: [1], immutable: true }))).toEqual(
      t("a", { args: [1, 9], immutable: true }),
    );
    expect(tasksOf(normalise(dressed(group(a, fixed), { immutable: true }))).map(({ immutable }) => immutable)).toEqual(
      [true, true],
    );
  });

  test("callbacks go to the last step, error callbacks to each", () => {
    const options = { link: json(d), link_error: json(e) } as unknown as JsonObject;
    const [first, last] = tasksOf(
      normalise(dressed(chain(a, t("b", { options: { link: json(c)[0] as JsonValue } })), { options })),
    );
    expect(first?.options).toEqual({ link_error: [e] });
    expect(last?.options).toEqual({ link: [c, d], link_error: [e] });
    for (const member of tasksOf(normalise(dressed(group(a, b), { options })))) {
      expect(member.options).toEqual({ link: [d], link_error: [e] });
    }
  });

  test("those of a chord are its body's; error callbacks its header's too, where that is asked for", () => {
    const options = { link: json(d), link_error: json(e) } as unknown as JsonObject;
    const sig = normalise(dressed(chordOf(group(a), b), { options }));
    expect(bodyOf(sig).options).toEqual({ link: [d], link_error: [e] });
    expect(tasksOf(headerOf(sig))[0]?.options).toEqual({});
    const both = normalise(dressed(chordOf(group(a), b), { options: { ...options, errback_on_header: true } }));
    expect(tasksOf(headerOf(both))[0]?.options).toEqual({ link_error: [e] });
  });

  test("a countdown goes to those that start first, other options to all that say nothing else", () => {
    const options = { countdown: 5, queue: "fast", expires: 60, task_id: "x", reply_to: "y" };
    const [first, last] = tasksOf(normalise(dressed(chain(a, t("b", { options: { queue: "slow" } })), { options })));
    expect(first?.options).toEqual({ countdown: 5, queue: "fast", expires: 60 });
    expect(last?.options).toEqual({ queue: "slow", expires: 60 });
    const sig = normalise(dressed(chordOf(group(a), b), { options }));
    expect(tasksOf(headerOf(sig))[0]?.options).toEqual({ countdown: 5, queue: "fast", expires: 60 });
    expect(bodyOf(sig).options).toEqual({ queue: "fast", expires: 60 });
  });

  test("results that nobody wants are those of a whole group, and never a header's", () => {
    const ignored = t("a", { options: { ignore_result: true } });
    expect(tasksOf(normalise(group(ignored, b))).map(({ options }) => options)).toEqual([{}, {}]);
    const whole = normalise(dressed(group(a, chain(b, c)), { options: { ignore_result: true } }));
    expect(whole.options).toEqual({ ignore_result: true });
    expect(normalise(whole)).toEqual(whole);
    expect(JSON.stringify(whole).match(/ignore_result/g)).toHaveLength(4);
    const chord = normalise(dressed(chordOf(group(a), b), { options: { ignore_result: true } }));
    expect(headerOf(chord)).toEqual(group(a));
    expect(bodyOf(chord).options).toEqual({ ignore_result: true });
    const followed = normalise(chain(dressed(group(a), { options: { ignore_result: true } }), b));
    expect(headerOf(followed)).toEqual(group(a));
  });
});

describe("what is no canvas", () => {
  test("has no last unit", () => {
    expect(() => final(chain())).toThrow("a chain has no steps");
    expect(() => withFinal(chain(), (last) => last)).toThrow("a chain has no steps");
  });

  test.each<[string, WireSignature, string]>([
    ["a chain without steps", chain(), "a chain has no steps; give it one or more"],
    ["a chain without a list", t(CHAIN), "kwargs.tasks of celery.chain is missing"],
    [
      "a step that is a number",
      t(CHAIN, { kwargs: { tasks: [7] } }),
      "kwargs.tasks of celery.chain[0] is a number, not a signature",
    ],
    ["a chord without a body", t(CHORD, { kwargs: { header: [] } }), "kwargs.body of celery.chord is missing"],
    [
      "a chord without a header",
      t(CHORD, { kwargs: { body: json(a)[0] as JsonValue } }),
      "kwargs.header of celery.chord is missing",
    ],
    [
      "chunks without items",
      t(CHUNKS, { kwargs: { task: json(a)[0] as JsonValue, n: 1 } }),
      "kwargs.it of celery.chunks is missing",
    ],
    [
      "chunks of nothing",
      t(CHUNKS, { kwargs: { task: json(a)[0] as JsonValue, it: [], n: 0 } }),
      "kwargs.n of celery.chunks is 0, not a whole number from 1 up",
    ],
    [
      "chunks of a text",
      t(CHUNKS, { kwargs: { task: json(a)[0] as JsonValue, it: [], n: "2" } }),
      'kwargs.n of celery.chunks is "2"',
    ],
  ])("%s is refused", (_, sig, message) => {
    expect(() => normalise(sig)).toThrow(InvalidOption);
    expect(() => normalise(sig)).toThrow(message);
  });
});
