// What the code of a simulated task does: it takes its time, and may be killed in the middle, stand still, or kill its process.
import type { TaskContext } from "../../lib/context.ts";
import type { Outcome } from "../../lib/core/outcome.ts";
import { WorkerLost } from "../../lib/errors.ts";
import { toFailure } from "../../lib/wire/failure.ts";
import type { Job } from "../../lib/worker/job.ts";
import { changedArgs, type Ran } from "./apps.ts";
import type { RunFacts } from "./checker.ts";
import type { Life } from "./life.ts";
import { SECOND } from "./names.ts";
import { LARGE, type Spec } from "./specs.ts";
import type { World } from "./world.ts";

/** `wait` resolves to "stopped" where somebody wants the run to end. */
async function userCode(
  world: World,
  life: Life,
  { id, retries }: RunFacts,
  wait: (ms: number) => Promise<"stopped" | undefined>,
): Promise<Ran | "stopped"> {
  const spec = world.specs.get(id);
  // Without a claim deliveries run side by side; a later one that is faster gets ahead of the first.
  const run = world.checker.runs(id);
  const pace = spec?.mode === "unclaimed" && run > 1 ? 0.2 : 1;
  const ms = (spec?.seconds ?? 0.1) * pace * SECOND;
  const part = life.dice.draw("in the middle");
  if ((await wait(ms * part)) === "stopped") return "stopped";
  await life.mayDieHere("killed in user code");
  await life.mayPause(150 * SECOND, world.weather.pausing ? 0.4 : world.weather.rates.pause);
  if ((await wait(ms * (1 - part))) === "stopped") return "stopped";
  const plan = spec?.plan ?? ["success"];
  // A requeue keeps its attempt, so its plan advances with the runs.
  const turn = plan.includes("requeue") ? run - 1 : retries;
  const step = plan[Math.min(turn, plan.length - 1)] as Spec["plan"][number]; // no plan is empty
  if (step === "kill") {
    world.faults.count(life.name, "poison message");
    life.die();
    await new Promise<never>(() => {});
  }
  return {
    step,
    // Two executions of a large one have two results: the object of one must never be taken for the other's.
    value: `${id}#${retries}${spec?.large ? `#${run}${LARGE}` : ""}`,
    countdown: life.dice.draw("countdown") < (world.weather.abandoned ? 0.5 : 0.2) ? 1_000 : 5,
    large: spec?.large ?? false,
  };
}

/** In a function: the real `invoke` calls it, with its limits and its signal. */
export const inFunction =
  (world: World, life: Life) =>
  async (context: TaskContext): Promise<Ran> => {
    const { id, retries, args, signal } = context;
    world.runStarted({ id, retries, args }, life);
    const wait = async (ms: number) => {
      await life.clock.sleep(ms, signal);
      return undefined;
    };
    const ran = await userCode(world, life, { id, retries, args }, wait);
    if (ran === "stopped") throw signal.reason;
    if (ran.step === "success") world.checker.ranToSuccess(id);
    world.runEnded(id, life, ran.step);
    return ran;
  };

/** In a container: as its pool runs it, in a child that may be killed. An execution that lost its claim goes on: the worst case. */
export async function inContainer(world: World, life: Life, { envelope, stop }: Job): Promise<Outcome> {
  world.runStarted(envelope, life);
  const stopped = Promise.withResolvers<"stopped">();
  const forget = stop.onStop((reason) => {
    if (reason !== "claim lost") stopped.resolve("stopped");
  });
  const wait = (ms: number) => Promise.race([life.clock.sleep(ms).then(() => undefined), stopped.promise]);
  const killed = life.roll("child out of memory") !== undefined;
  const ran = await userCode(world, life, envelope, wait);
  forget();
  const outcome = killed
    ? childLost()
    : ran === "stopped"
      ? stopOutcome(stop.reason)
      : outcomeOf(ran, envelope.retries);
  if (outcome.kind === "success") world.checker.ranToSuccess(envelope.id);
  const requeue = outcome.kind === "rejected" ? "requeue" : outcome.kind;
  world.runEnded(envelope.id, life, requeue);
  return outcome;
}

const childLost = (): Outcome => ({
  kind: "failure",
  failure: toFailure(new WorkerLost("the task's process was killed by SIGKILL")),
  expected: false,
});

const stopOutcome = (reason: Job["stop"]["reason"]): Outcome =>
  reason === "shutdown" ? { kind: "interrupted" } : { kind: "revoked", reason: "revoked while running" };

function outcomeOf({ step, value, countdown, large }: Ran, attempt: number): Outcome {
  const failure = { type: "Error", message: "as planned" };
  switch (step) {
    case "success":
      return { kind: "success", result: JSON.stringify(value) };
    case "failure":
    case "kill":
      return { kind: "failure", failure, expected: false };
    case "retry":
      return {
        kind: "retry",
        failure,
        exhausted: failure,
        countdown,
        ...(attempt === 0 && { next: { args: changedArgs(large) } }),
      };
    case "requeue":
      return { kind: "rejected", requeue: true, failure: { type: "Reject", message: "as planned" } };
    default:
      return step satisfies never;
  }
}
