// What SQS does: it delivers, also twice, and moves what was received too often to the dead-letter queue. Row numbers are of
// docs/protocol.md.
import { type Facts, type Moment, nameOf } from "./moment.ts";
import type { Circumstance } from "./rules.ts";
import { type Execution, isSame, type Message, type Plan } from "./world.ts";

export function queueSteps(moment: Moment): void {
  const { world, bound } = moment;
  const { messages } = world;
  messages.forEach((message, i) => {
    if (messages.findIndex((other) => isSame(other, message)) < i) return; // as that one
    const { id, attempt, receives, dead } = message;
    const rest = messages.filter((_, at) => at !== i);
    const twice = { ...world, messages: [...messages, message] };
    moment.addFault("duplicate", id, twice, () => `SQS will deliver a message of ${id} (attempt ${attempt}) twice`);
    const moved = { ...world, messages: [...rest, { ...message, receives: 0, dead: true }] };
    if (dead) deadLetterSteps(moment, message, rest);
    else if (receives < bound.limits.maxReceives) receiveSteps(moment, message, rest);
    else moment.add("dead letter", id, moved, () => `SQS moves ${id} (attempt ${attempt}) to the dead-letter queue`);
  });
}

function receiveSteps(moment: Moment, waiting: Message, rest: readonly Message[]): void {
  const { world, bound, rules } = moment;
  const message = { ...waiting, receives: waiting.receives + 1 };
  if (world.executions.filter(({ who }) => who === "worker").length < bound.workers)
    for (const circumstance of circumstances(message, bound.unknownTask)) {
      const plan = rules.place(message, circumstance, bound.limits);
      const how = `, receive ${message.receives}${circumstance === "due" ? "" : `: ${circumstance}`}`;
      take(moment, "worker", message, rest, plan, how, { waits: circumstance === "early" });
    }
  purgeSteps(moment, message, rest);
}

function deadLetterSteps(moment: Moment, message: Message, rest: readonly Message[]): void {
  const { world, rules, bound } = moment;
  if (message.kind === "nameless") {
    const says = () => `the dead-letter consumer leaves ${message.id} where it is`;
    moment.add("dead letter stays", message.id, world, says, { rows: "34", waits: true });
    return;
  }
  const isFree = world.executions.every(({ who }) => who !== "dead-letter consumer");
  const unreadable = rules.place(message, "due", bound.limits);
  if (isFree) take(moment, "dead-letter consumer", message, rest, unreadable && { ...unreadable, rows: "33" }, "");
  purgeSteps(moment, message, rest);
}

function purgeSteps(moment: Moment, message: Message, rest: readonly Message[]): void {
  const { world, rules, bound } = moment;
  if (world.left.purge === 0 || world.executions.some(({ who }) => who === "purge")) return;
  const unreadable = rules.place(message, "due", bound.limits);
  const plan = unreadable ? { ...unreadable, rows: message.kind === "nameless" ? "38" : "37" } : rules.purge(message);
  take(moment, "purge", message, rest, plan, "", { fair: false });
}

/** Somebody receives it, and has a plan at once or looks at its record. */
function take(
  moment: Moment,
  who: Execution["who"],
  message: Message,
  messages: readonly Message[],
  plan: Plan | undefined,
  how: string,
  facts: Facts = {},
): void {
  const { world, rules } = moment;
  const { id, attempt } = message;
  const base = { uid: moment.newUid(), who, message, stale: false, stopped: false };
  const mode = moment.modeOf(id);
  const reads = who === "dead-letter consumer" || (mode === "unclaimed" && rules.readsFirst);
  const does = reads ? "read" : mode === "tracked" ? "claim" : "run";
  const one: Execution = { ...base, ...(plan ? moment.carryingOut(plan, base) : { does, plan, todo: [] }) };
  const left = who === "purge" ? moment.spent("purge") : world.left;
  const to = { ...world, messages, executions: [...world.executions, one], left };
  const says = () => `${nameOf(one)} receives ${id} (attempt ${attempt}${how})`;
  moment.add("receive", id, to, says, { uid: one.uid, rows: plan?.rows ?? "", ...facts });
}

function circumstances({ kind }: Message, unknownTask: boolean): readonly Circumstance[] {
  if (unknownTask) return ["due", "unknown task"];
  if (kind === "early") return ["due", "early"];
  return kind === "expires" ? ["due", "expired"] : ["due"];
}
