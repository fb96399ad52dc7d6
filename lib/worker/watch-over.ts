// One look of the watchdog at a join (core/join-watch.ts says when it does what): its message, from its receive to its settlement.
import { memberId } from "../core/canvas-freeze.ts";
import { type Membership, membershipOf } from "../core/canvas-start.ts";
import type { Decision } from "../core/decision.ts";
import type { Publication, Workflow } from "../core/follow-ups.ts";
import { watch } from "../core/join-watch.ts";
import { watchMessage } from "../core/watchdog.ts";
import { JOINS } from "../defaults.ts";
import { InvalidOption } from "../errors.ts";
import { joinsOf } from "../joins.ts";
import type { Delivery } from "../ports/broker.ts";
import type { JoinStore } from "../ports/join-store.ts";
import type { JoinHead } from "../store/join.ts";
import type { Envelope } from "../wire/envelope.ts";
import { sendFollowUp } from "./apply.ts";
import { complete, failNext, nextOf, type Send } from "./carry-out.ts";
import type { DecisionDeps } from "./execution.ts";
import { heal } from "./join-heal.ts";

/** Members that one look reads at most; the next one goes on from there, at once. */
const MEMBERS_AT_ONCE = 10_000;

/** Looks, does what is to be done, and sends the next look. Throws what the back ends throw: its message comes again then. */
export async function watchOver(
  envelope: Envelope,
  delivery: Delivery,
  workload: string,
  deps: DecisionDeps,
): Promise<Decision> {
  const membership = membershipIn(envelope);
  const joins = await joinsOf(deps);
  const head = membership && (await joins.head(membership.group));
  const next = membership && head && (await look(envelope, membership, head, joins, workload, deps));
  const decision: Decision = { row: next ? "watched" : "watched to the end", publish: next ? [next] : [], settle: ACK };
  return await deps.protocol.apply(decision, delivery, workload, () => decision, deps);
}

const ACK = { kind: "ack" } as const;

/** Of the join that it is about. Undefined: none of our messages. */
function membershipIn({ group, chord }: Envelope): Membership | undefined {
  try {
    return membershipOf({ ...(chord && { chord }), ...(group !== undefined && { group_id: group }), group_index: 0 });
  } catch (error) {
    if (error instanceof InvalidOption) return undefined;
    throw error;
  }
}

/** The message of the next look, if there is to be one. */
async function look(
  { args: [tick, from], rootId, hops = 0 }: Envelope,
  { group, size, next: carried }: Membership,
  head: JoinHead,
  joins: JoinStore,
  workload: string,
  deps: DecisionDeps,
): Promise<Publication | undefined> {
  const line: Workflow["line"] = { rootId, hops };
  const send: Send = (publication) => sendFollowUp(publication, workload, deps);
  const { key } = deps.routes;
  const { clock } = deps;
  const next = await nextOf(group, carried, head, joins);
  const looked = typeof tick === "number" ? tick : 0;
  const step = watch({ head, tick: looked, now: clock.now(), ended: head.completed === true });
  const again = (seconds: number, at?: number) => {
    const join = { group, ...(size !== undefined && { size }), next: carried, stored: false };
    const number = at === undefined ? looked + 1 : looked;
    return watchMessage(join, number, workload, line, key, { seconds, ...(at !== undefined && { from: at }) });
  };
  switch (step.kind) {
    case "ended":
      return undefined;
    case "wait":
      return again(step.nextSeconds);
    case "heal":
    case "overdue": {
      const healed = await heal(joins, head, {
        memberId: (index) => memberId(key, group, index),
        overdue: step.kind === "overdue",
        from: typeof from === "number" ? from : 0,
        most: MEMBERS_AT_ONCE,
      });
      if (healed.completion) await complete(healed.completion, carried, line, send, deps);
      if (healed.next !== undefined) return again(0, healed.next);
      return again(step.kind === "heal" ? step.nextSeconds : JOINS.watchSeconds);
    }
    case "timed out":
    case "abandoned": {
      const failure = {
        type: "ChordError",
        message: `whoever published group ${group} never said how many members it has`,
      };
      await failNext({ group, next }, failure, line, send, deps);
      return undefined;
    }
    default:
      return step satisfies never;
  }
}
