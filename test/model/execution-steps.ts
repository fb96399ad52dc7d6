// What somebody does who has a message in hand, or a task: one effect at a time, and a fault after any of them.
import type { Bound } from "./bounds.ts";
import { type Moment, nameOf } from "./moment.ts";
import { type Execution, isTerminal, type Message, type Plan, type Rec, type Write } from "./world.ts";

export function executionSteps(moment: Moment, one: Execution): void {
  if (one.does === "claim") claim(moment, one);
  if (one.does === "read") read(moment, one);
  if (one.does === "run") run(moment, one);
  if (one.does === "linger") linger(moment, one);
  if (one.does === "carry out" && one.plan) {
    if (one.todo[0] === "write") write(moment, one, one.plan);
    if (one.todo[0] === "publish") publish(moment, one, one.plan);
    if (one.todo[0] === "settle") settle(moment, one, one.plan);
  }
  faults(moment, one);
}

function claim(moment: Moment, one: Execution): void {
  const { world, rules, bound } = moment;
  const { uid, message } = one;
  const { id, attempt } = message;
  const rec = world.records[id];
  const last = message.receives >= bound.limits.maxReceives;
  const wanted: Write = { kind: "claim", attempt, token: uid, mode: "tracked", last };
  if (rules.guards.claim(wanted, rec)) {
    const claimed = rules.written(wanted, rec);
    const records = moment.withRecord(id, claimed);
    const says = () => `${nameOf(one)} claims ${id}, attempt ${attempt}`;
    const runs = moment.replaced(one, { does: "run", stopped: rules.stopsAtClaim(claimed) }, records);
    moment.add("claim", id, runs, says, { uid, rows: "6", wrote: "claim" });
    const again = moment.replaced(one, {}, records);
    moment.addFault("lost answer", id, again, () => `${says()}, and is not answered`, { uid, wrote: "claim" });
  } else if (rec && rules.isOwn(rec, uid)) {
    const says = () => `${nameOf(one)} claims ${id} again, and learns that it holds it`;
    const runs = moment.replaced(one, { does: "run", stopped: rules.stopsAtClaim(rec) });
    moment.add("claim", id, runs, says, { uid, rows: "7" });
  } else {
    decides(moment, one, "refusal", `may not claim ${id}`, rec, (late) => rules.refused(message, rec, late));
  }
}

function read(moment: Moment, one: Execution): void {
  const { world, rules, bound } = moment;
  const { message, who, uid } = one;
  const { id, attempt } = message;
  const rec = world.records[id];
  const says = `reads ${id}`;
  if (who === "dead-letter consumer")
    decides(moment, one, "read", says, rec, () => rules.deadLetter(message, rec, moment.modeOf(id), bound.limits));
  else if (rec && (isTerminal(rec) || rec.attempt > attempt))
    decides(moment, one, "read", says, rec, (late) => rules.refused(message, rec, late));
  else
    moment.add("read", id, moment.replaced(one, { does: "run" }), () => `${nameOf(one)} ${says}, and runs it`, { uid });
}

/** A decision after a look at a record. A live lease that refused it may have run out since. */
function decides(
  moment: Moment,
  one: Execution,
  kind: string,
  says: string,
  rec: Rec | undefined,
  decide: (ranOut: boolean) => Plan,
): void {
  const isLive = rec?.state === "STARTED" && !rec.over;
  for (const plan of isLive ? [decide(false), decide(true)] : [decide(false)]) {
    const waits = one.who === "dead-letter consumer" && plan.settle === "back";
    const to = moment.replaced(one, moment.carryingOut(plan, one));
    moment.add(kind, one.message.id, to, () => `${nameOf(one)} ${says}: row ${plan.rows.replaceAll(" ", ", row ")}`, {
      ...{ uid: one.uid, rows: plan.rows, waits },
    });
  }
}

function run(moment: Moment, one: Execution): void {
  const { world, rules, bound } = moment;
  const { uid, message, stopped } = one;
  const { id, attempt } = message;
  const mode = moment.modeOf(id);
  const rec = world.records[id];
  const beat: Write = { kind: "heartbeat", attempt, token: uid, mode };
  const beats = mode === "tracked" && rules.guards.heartbeat(beat, rec);
  if (beats && rec?.over) {
    const extended = moment.replaced(one, {}, moment.withRecord(id, rules.written(beat, rec)));
    const says = () => `${nameOf(one)}'s heartbeat extends the lease on ${id}`;
    moment.add("heartbeat", id, extended, says, { uid, rows: "22", wrote: "heartbeat" });
  }
  const own: Bound["outcomes"] = id === "t" ? bound.outcomes : ["success"];
  const outcomes = stopped ? (["revoked"] as const) : beats && rec?.revoke ? ([...own, "revoked"] as const) : own;
  for (const outcome of outcomes) {
    if (outcome === "dies") {
      const says = () => `${nameOf(one)} dies of ${id}, attempt ${attempt}`;
      moment.add("outcome", id, crashed(moment, one), says, { uid, rows: "21" });
      continue;
    }
    const plan = rules.outcome(outcome, message, mode, bound.limits);
    const to = moment.replaced(one, moment.carryingOut(plan, one));
    const says = () => `${nameOf(one)}'s run of ${id}, attempt ${attempt}, ends: ${outcome}`;
    moment.add("outcome", id, to, says, { uid, rows: `24 ${plan.rows}` });
  }
}

function write(moment: Moment, one: Execution, plan: Plan): void {
  const { world, rules } = moment;
  const { uid, who, message } = one;
  const id = message.id;
  const rec = world.records[id];
  const wanted: Write | undefined = plan.write && { ...plan.write, token: uid, mode: moment.modeOf(id) };
  if (wanted === undefined) return;
  const name = nameOf(one);
  if (rules.guards[wanted.kind](wanted, rec)) {
    const now = rules.written(wanted, rec);
    const records = moment.withRecord(id, now);
    const says = () => `${name} writes "${wanted.kind}" to ${id}: ${now.state} ${now.attempt}`;
    moment.add("write", id, moment.past(one, records), says, { uid, wrote: wanted.kind });
    const again = moment.replaced(one, {}, records);
    moment.addFault("lost answer", id, again, () => `${says()}, and is not answered`, { uid, wrote: wanted.kind });
    return;
  }
  const says = `is refused "${wanted.kind}" on ${id}`;
  if (who === "publisher" || who === "operator") {
    const rows = who === "operator" ? "40" : "25";
    moment.add("refusal", id, moment.gone(one), () => `${name} ${says}`, { uid, rows });
  } else if (message.kind === "unreadable") {
    const acks = moment.carryingOut({ rows: "2", settle: "ack" }, one);
    moment.add("refusal", id, moment.replaced(one, acks), () => `${name} ${says}`, { uid, rows: "2" });
  } else {
    decides(moment, one, "refusal", says, rec, (late) => {
      if (who === "worker") return rules.writeRefused(message, rec, uid, late);
      const instead = rules.refused(message, rec, late);
      return { ...instead, rows: `${who === "purge" ? "36" : "32"} ${instead.rows}` };
    });
  }
}

function publish(moment: Moment, one: Execution, plan: Plan): void {
  const { world, bound } = moment;
  const { message } = one;
  const follow = moment.following(plan, message);
  const next: Message | undefined =
    plan.publish ??
    (follow ? { ...message, id: follow, kind: "plain", attempt: 0, receives: 0, resends: 0, dead: false } : undefined);
  if (next === undefined) return;
  const runs = next.id === message.id || bound.follow === "run";
  const and = (ids: readonly string[], id: string) => (ids.includes(id) ? ids : [...ids, id].sort());
  const after = {
    messages: runs ? [...world.messages, next] : world.messages,
    accepted: and(world.accepted, next.id),
    done: runs ? world.done : and(world.done, next.id),
  };
  const says = () => `${nameOf(one)} sends ${next.id} (attempt ${next.attempt})`;
  moment.add("publish", message.id, moment.past(one, after), says, { uid: one.uid });
  const again = moment.replaced(one, {}, after);
  moment.addFault("lost answer", message.id, again, () => `${says()}, and is not answered`, { uid: one.uid });
}

function settle(moment: Moment, one: Execution, plan: Plan): void {
  const { world, rules } = moment;
  const { message, stale, uid } = one;
  const { id, attempt } = message;
  const name = nameOf(one);
  if (plan.settle === "back") {
    const messages = stale ? world.messages : [...world.messages, message];
    const lingers = { does: "linger", stale: true, plan: undefined, todo: [] } as const;
    const to = rules.heartbeatEnds ? moment.past(one, { messages }) : moment.replaced(one, lingers, { messages });
    moment.add("settle", id, to, () => `${name} gives ${id} back`, { uid });
    return;
  }
  const done = plan.unrecorded && !world.done.includes(id) ? [...world.done, id].sort() : world.done;
  const vainly = stale ? " by a stale receipt, in vain" : "";
  const says = () => `${name} acknowledges ${id} (attempt ${attempt})${vainly}`;
  moment.add("settle", id, moment.past(one, { done }), says, { uid });
  if (stale) lateDelete(moment, one, { done });
}

/** A delete by a stale receipt may delete the message all the same, wherever it is by now. */
function lateDelete(moment: Moment, one: Execution, after: { readonly done: readonly string[] }): void {
  const { messages, executions } = moment.world;
  const { id, attempt, resends, dead } = one.message;
  const isIt = (other: Message) =>
    other.id === id && other.attempt === attempt && other.resends === resends && other.dead === dead;
  const says = () => `${nameOf(one)} acknowledges ${id} (attempt ${attempt}) by a stale receipt, and it is gone`;
  const at = messages.findIndex(isIt);
  const holder = executions.find((other) => other !== one && !other.stale && isIt(other.message));
  if (at >= 0) {
    const to = moment.past(one, { ...after, messages: messages.filter((_, i) => i !== at) });
    moment.add("late delete", id, to, says, { uid: one.uid });
  } else if (holder) {
    const without = executions.map((other) => (other === holder ? { ...other, stale: true } : other));
    const to = moment.gone(one, { ...after, executions: without });
    moment.add("late delete", id, to, says, { uid: one.uid });
  }
}

/** Only where row 24 is taken away: a heartbeat that goes on after its message was given back. */
function linger(moment: Moment, one: Execution): void {
  const { messages } = moment.world;
  const { message, stale, uid } = one;
  if (!stale) return;
  moment.add("leave", message.id, moment.gone(one), () => `${nameOf(one)}'s heartbeat ends`, { uid });
  const at = messages.findIndex(({ id, attempt, dead }) => id === message.id && attempt === message.attempt && !dead);
  if (at < 0) return;
  const hidden = moment.replaced(one, { stale: false }, { messages: messages.filter((_, i) => i !== at) });
  moment.add("heartbeat", message.id, hidden, () => `${nameOf(one)}'s heartbeat hides ${message.id} again`, { uid });
}

/** On its queue again, if it was in its hands. */
const handedBack = ({ world }: Moment, { message, stale, who }: Execution) =>
  stale || who === "publisher" || who === "operator" ? world.messages : [...world.messages, message];
const crashed = (moment: Moment, one: Execution) => moment.gone(one, { messages: handedBack(moment, one) });

function faults(moment: Moment, one: Execution): void {
  const { world } = moment;
  const { uid, message } = one;
  const { id } = message;
  const name = nameOf(one);
  const says = () => `${name} crashes, or cannot reach AWS and gives up, with ${id} in hand`;
  moment.addFault("crash", id, crashed(moment, one), says, { uid, rows: "21" });

  const messages = handedBack(moment, one);
  const hasMessage = messages !== world.messages;
  const visible = moment.replaced(one, { stale: true }, { messages });
  if (hasMessage)
    moment.addFault("duplicate", id, visible, () => `${id} is visible again while ${name} has it in hand`);

  const rec = world.records[id];
  if (rec?.state !== "STARTED" || rec.over || rec.token !== uid) return;
  const over = moment.withRecord(id, { ...rec, over: true });
  const late = () => `the lease on ${id} is over by another's clock while ${name} holds it`;
  moment.addFault("skew", id, { ...world, ...over }, late);
  const paused = () => `${name} is paused until its lease on ${id} is over and the message visible again`;
  if (hasMessage) moment.addFault("pause", id, { ...visible, ...over }, paused);
}
