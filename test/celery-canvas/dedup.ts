// Celery's test_dedup_chain_dispatch: a task that has succeeded is delivered again, and what follows it has not been sent yet.
import { expect } from "vitest";
import { chain } from "../../lib/canvas.ts";
import type { Case } from "./world.ts";

export const dedup: readonly Case[] = [
  {
    row: 67,
    name: "test_reject_requeue_completes_chain",
    run: async ({ tasks: { rejectThenSucceed, identity }, value }) => {
      expect(await value(chain(rejectThenSucceed.s(), identity.s()))).toBe("second-pass");
    },
  },
  {
    row: 67,
    name: "test_dedup_dispatches_chain_on_redelivery",
    run: async ({ tasks: { storeSuccessThenReject, identity }, value, quiet, trouble, journal }) => {
      trouble.loseNext("identity");
      expect(await value(chain(storeSuccessThenReject.s(), identity.s()))).toBe("first-pass");
      await quiet();
      expect(trouble.lost).toBe(1);
      expect(journal.runs("store_success_then_reject")).toHaveLength(1);
      expect(journal.runs("identity")).toHaveLength(1);
    },
  },
  {
    row: 67,
    name: "test_dedup_dispatches_callback_on_redelivery",
    run: async ({ tasks: { storeSuccessThenReject, identity }, value, quiet, trouble, journal }) => {
      trouble.loseNext("identity");
      expect(await value(storeSuccessThenReject.s().link(identity.s()))).toBe("first-pass");
      await quiet();
      expect(trouble.lost).toBe(1);
      expect(journal.runs("store_success_then_reject")).toHaveLength(1);
      expect(journal.runs("identity").map(({ args }) => args)).toEqual([["first-pass"]]);
    },
  },
];
