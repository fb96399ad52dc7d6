import { describe, expect, test } from "vitest";
import { type Ending, follows, type Routes } from "../../lib/core/follow-ups.ts";
import { certify, derivedId, idKey } from "../../lib/core/ids.ts";
import type { Envelope } from "../../lib/wire/envelope.ts";
import { signatureOf } from "../support/messages.ts";

const KEY = idKey("duckling");
const NOW = Date.UTC(2026, 10, 21);
const routes: Routes = {
  key: KEY,
  now: NOW,
  maxHops: 9,
  route: (task, queue) => ({
    workload: queue ?? (task === "render" ? "renders" : "default"),
    ignoreResult: task === "audit",
  }),
};

const parent: Envelope = {
  id: "parent-1",
  task: "add",
  args: [2, 3],
  kwargs: {},
  rootId: "root-1",
  retries: 2,
  ignoreResult: false,
  lang: "js",
  headers: { tenant: "a" },
  link: [signatureOf("notify"), signatureOf("render", { args: ["wide"], kwargs: { x: 1 } })],
  linkError: [signatureOf("on_error")],
  chain: [],
};
const REF = { key: "k", bytes: 1, sha256: "s", keptUntil: NOW };
const followUps = (...of: Parameters<typeof follows>) => follows(...of).publish;
const success: Ending = { state: "SUCCESS", result: "5" };

describe("what a task's end publishes", () => {
  test("after SUCCESS: every callback, with the result first", () => {
    const published = followUps(parent, success, routes);
    expect(published.map(({ envelope }) => [envelope.task, envelope.args])).toEqual([
      ["notify", [5]],
      ["render", [5, "wide"]],
    ]);
    expect(published[1]?.envelope.kwargs).toEqual({ x: 1 });
  });

  test("after FAILURE: every error callback, with the failed task's id first", () => {
    const published = followUps(parent, { state: "FAILURE" }, routes);
    expect(published.map(({ envelope }) => [envelope.task, envelope.args])).toEqual([["on_error", ["parent-1"]]]);
  });

  test.each<[string, Ending]>([
    ["REVOKED", { state: "REVOKED" }],
    ["an ignored SUCCESS", { ...success, ignored: true }],
    ["a forgotten SUCCESS, whose result is gone", { state: "SUCCESS", forgotten: true }],
    ["what has not ended", { state: "RETRY" }],
  ])("after %s: nothing", (_, ending) => {
    expect(followUps(parent, ending, routes)).toEqual([]);
  });

  test("nothing where nothing was linked", () => {
    expect(followUps({ ...parent, link: [], linkError: [] }, success, routes)).toEqual([]);
    expect(followUps({ ...parent, link: [], linkError: [] }, { state: "FAILURE" }, routes)).toEqual([]);
  });

  test("no value is null, as in Celery", () => {
    const [first] = followUps(parent, { state: "SUCCESS" }, routes);
    expect(first?.envelope.args).toEqual([null]);
  });

  test("an immutable signature is handed nothing", () => {
    const link = [signatureOf("notify", { args: ["done"], immutable: true })];
    const linkError = [signatureOf("on_error", { immutable: true })];
    expect(followUps({ ...parent, link }, success, routes)[0]?.envelope.args).toEqual(["done"]);
    expect(followUps({ ...parent, linkError }, { state: "FAILURE" }, routes)[0]?.envelope.args).toEqual([]);
  });
});

describe("what is published", () => {
  test("has an id derived from its parent and its place, the same every time", () => {
    const ids = () => followUps(parent, success, routes).map(({ envelope }) => envelope.id);
    expect(ids()).toEqual([derivedId(KEY, "parent-1", "link:0"), derivedId(KEY, "parent-1", "link:1")]);
    expect(ids()).toEqual(ids());
    expect(followUps(parent, { state: "FAILURE" }, routes)[0]?.envelope.id).toBe(
      derivedId(KEY, "parent-1", "link_error:0"),
    );
  });

  test("keeps an id that its signature was frozen with", () => {
    const link = [signatureOf("notify", { options: { task_id: "chosen" } })];
    expect(followUps({ ...parent, link }, success, routes)[0]?.envelope.id).toBe("chosen");
  });

  test("says in its id that its result is ignored, where its task says so", () => {
    const link = [signatureOf("audit")];
    const { envelope } = followUps({ ...parent, link }, success, routes)[0] ?? {};
    expect(envelope?.ignoreResult).toBe(true);
    expect(certify(envelope?.id ?? "", KEY)).toEqual({ genuine: true, untracked: true });
  });

  test("belongs to the same root, and to this parent", () => {
    for (const { envelope } of followUps(parent, success, routes)) {
      expect(envelope).toMatchObject({ rootId: "root-1", parentId: "parent-1", retries: 0, lang: "js", headers: {} });
    }
  });

  test("has one message more before it than its parent", () => {
    const hopsOf = (hops: number | undefined, ending: Ending) =>
      followUps({ ...parent, ...(hops === undefined ? {} : { hops }) }, ending, routes).map(
        ({ envelope }) => envelope.hops,
      );
    expect(hopsOf(undefined, success)).toEqual([1, 1]);
    expect(hopsOf(4, success)).toEqual([5, 5]);
    expect(hopsOf(4, { state: "FAILURE" })).toEqual([5]);
    expect(hopsOf(4, { state: "SUCCESS", resultRef: REF })).toEqual([5, 5]);
  });

  test("is marked where it is over the limit, and not where it reaches it", () => {
    const over = (hops: number) => followUps({ ...parent, hops }, success, routes).map(({ overHops }) => overHops);
    expect(over(8)).toEqual([undefined, undefined]);
    expect(over(9)).toEqual([9, 9]);
    expect(followUps({ ...parent, hops: 8 }, success, routes)[0]).not.toHaveProperty("overHops");
  });

  test("has nothing that its parent was sent with, and nothing that follows it", () => {
    const waiting = { ...parent, eta: NOW, chain: [signatureOf("next")] };
    const [publication] = followUps(waiting, success, routes);
    expect(publication?.envelope).toMatchObject({ headers: {}, link: [], linkError: [], chain: [] });
    expect(publication?.envelope).not.toHaveProperty("eta");
  });

  test("goes to its task's workload, or to the one its signature names", () => {
    const link = [
      signatureOf("render"),
      signatureOf("render", { options: { queue: "fast" } }),
      signatureOf("render", { options: { queue: 7 } }),
      signatureOf("elsewhere"),
    ];
    expect(followUps({ ...parent, link }, success, routes).map(({ workload }) => workload)).toEqual([
      "renders",
      "fast",
      "renders",
      "default",
    ]);
  });

  test("waits for its countdown", () => {
    const link = [30, 0, 100_000].map((countdown) => signatureOf("notify", { options: { countdown } }));
    const published = followUps({ ...parent, link }, success, routes);
    expect(published.map(({ delaySeconds }) => delaySeconds)).toEqual([30, 0, 900]);
    expect(published.map(({ envelope }) => envelope.eta)).toEqual([NOW + 30_000, undefined, NOW + 100_000_000]);
  });

  test("does not wait for what is no number of seconds", () => {
    const link = ["30", null, -30].map((countdown) => signatureOf("notify", { options: { countdown } }));
    for (const { envelope, delaySeconds } of followUps({ ...parent, link }, success, routes)) {
      expect(delaySeconds).toBe(0);
      expect(envelope).not.toHaveProperty("eta");
    }
  });
});

describe("in a workflow", () => {
  const member = { ...parent, link: [], linkError: [], group: "g", groupIndex: 1 };
  const chord = { ...signatureOf("body", { options: { task_id: "b" } }), chord_size: 2 } as never; // a signature is JSON
  const counted = (failed: boolean) => [{ group: "g", index: 1, size: 2, next: chord, failed }];

  test("a value, none, and `Ignore` count; a failure and a revoke count as failed", () => {
    const counts = (ending: Ending) => follows({ ...member, chord }, ending, routes).workflow?.counts;
    for (const ending of [success, { state: "SUCCESS" }, { state: "SUCCESS", ignored: true }] as const)
      expect(counts(ending)).toEqual(counted(false));
    for (const state of ["FAILURE", "REVOKED"] as const) expect(counts({ state })).toEqual(counted(true));
    expect(counts({ state: "PENDING" })).toBeUndefined();
  });

  test("what comes after a failure fails with it, after a revoke is revoked, after `Ignore` too", () => {
    const chain = [signatureOf("later", { options: { task_id: "l" } })];
    const ended = (ending: Ending) => follows({ ...parent, chain }, ending, routes).workflow;
    const failure = { type: "RangeError", message: "no", stack: "at nowhere" };
    expect(ended({ state: "FAILURE", failure })).toMatchObject({
      ended: [{ id: "l", task: "later" }],
      ending: { state: "FAILURE", failure: { type: "RangeError", message: "no" } },
    });
    expect(ended({ state: "FAILURE", failure })?.ending?.failure).not.toHaveProperty("stack");
    expect(ended({ state: "REVOKED" })?.ending).toMatchObject({ state: "REVOKED", failure: { type: "Error" } });
    expect(ended({ state: "SUCCESS", ignored: true })?.ending).toMatchObject({
      state: "REVOKED",
      failure: { type: "TaskRevoked" },
    });
  });

  test("a canvas that cannot be read is recorded as failed, once, under an id of its own", () => {
    const broken = { ...parent, link: [signatureOf("celery.chain")] };
    const { publish, workflow } = follows(broken, success, routes);
    expect(publish).toEqual([]);
    expect(workflow).toMatchObject({
      ended: [{ id: derivedId(KEY, parent.id, "unread"), workload: "default" }],
      ending: {
        state: "FAILURE",
        failure: { type: "InvalidOption", message: expect.stringContaining("kwargs.tasks") },
      },
    });
    const strange = { ...routes, route: () => refuse() };
    expect(() => follows({ ...parent, link: [signatureOf("notify")] }, success, strange)).toThrow(SyntaxError);
  });
});

function refuse(): never {
  throw new SyntaxError("a defect");
}
