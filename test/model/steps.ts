// Everything that can happen next in a world, one atomic effect at a time: a receive, a conditional write, a publish, a settlement, a
// fault, a call. Between any two of them anything else may happen.
import type { Bound } from "./bounds.ts";
import { executionSteps } from "./execution-steps.ts";
import { FIRST_MESSAGE, Moment, type Step } from "./moment.ts";
import { queueSteps } from "./queue-steps.ts";
import type { Rules } from "./rules.ts";
import type { Call, Execution, Plan, World, Write } from "./world.ts";

export function steps(world: World, bound: Bound, rules: Rules): readonly Step[] {
  const moment = new Moment(world, bound, rules);
  queueSteps(moment);
  for (const one of world.executions) executionSteps(moment, one);
  leaseSteps(moment);
  callerSteps(moment);
  return moment.steps;
}

/** The lease of somebody who is gone runs out by itself. */
function leaseSteps(moment: Moment): void {
  const { world } = moment;
  for (const [id, rec] of Object.entries(world.records)) {
    const isHeld = world.executions.some(({ uid }) => uid === rec.token);
    if (rec.state !== "STARTED" || rec.over || isHeld) continue;
    const to = { ...world, ...moment.withRecord(id, { ...rec, over: true }) };
    moment.add("lease over", id, to, () => `the lease on ${id} runs out`);
  }
}

/** Nothing obliges them. */
function callerSteps(moment: Moment): void {
  const { rules, world } = moment;
  const { left, records } = world;
  const { t } = records;
  if (left.revoke > 0 && !call(moment, "revoke", "revoke", "26")) call(moment, "revoke", "request revoke", "27");
  if (left.forget > 0 && t?.value) call(moment, "forget", "forget", "28");
  if (left.publish > 0) begin(moment, "publish", "publisher", rules.publish(FIRST_MESSAGE));
  if (left.redrive > 0) begin(moment, "redrive", "operator", rules.redrive(t, world.accepted));
  if (left.revoke > 0 && t) {
    const state = rules.read(t);
    const to = state ? { ...world, ...moment.withRecord("t", { ...t, state }) } : world;
    moment.add("read by a caller", "t", to, () => `a caller reads t: ${t.state}`, { rows: "29", fair: false });
  }
}

/** One guarded write. A call repeats itself until one of its writes is applied, or refused for good. */
function call(moment: Moment, what: Call, kind: Write["kind"], rows: string): boolean {
  const { rules, world } = moment;
  const { t } = world.records;
  const wanted: Write = { kind, attempt: 0, token: 0, mode: moment.bound.mode };
  if (!rules.guards[kind](wanted, t)) return false;
  const now = rules.written(wanted, t);
  const to = { ...world, ...moment.withRecord("t", now), left: moment.spent(what) };
  moment.add(what, "t", to, () => `a caller writes "${kind}" to t: ${now.state}`, { rows, fair: false, wrote: kind });
  return true;
}

/** Of several steps: somebody who carries out a plan, without a message. */
function begin(moment: Moment, what: Call, who: Execution["who"], plan: Plan): void {
  const { world } = moment;
  const base = { uid: moment.newUid(), who, message: FIRST_MESSAGE, stale: true, stopped: false };
  const one: Execution = { ...base, ...moment.carryingOut(plan, base) };
  const executions = one.todo.length > 0 ? [...world.executions, one] : world.executions;
  const to = { ...world, executions, left: moment.spent(what) };
  const says = () => (who === "operator" ? `an operator redrives t: row ${plan.rows}` : "an application sends t");
  moment.add(what, "t", to, says, { uid: base.uid, rows: plan.rows, fair: false });
}
