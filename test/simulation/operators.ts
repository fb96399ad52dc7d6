// The people and programs around the workers: clients that publish, revoke and forget, somebody who empties a queue, somebody
// who sends failed tasks again, a reader.
import * as changes from "../../lib/core/changes.ts";
import { freshId, idKey } from "../../lib/core/ids.ts";
import { revoke } from "../../lib/revoke.ts";
import { seal } from "../../lib/wire/seal.ts";
import { type Purged, purge } from "../../lib/worker/purge.ts";
import { type Redriven, redriveTask } from "../../lib/worker/redrive.ts";
import { LIMITS } from "./apps.ts";
import { APP, FUNCTIONS, MINUTE, QUEUE, SECOND } from "./names.ts";
import { type Spec, specOf, TASKS, unreadable } from "./specs.ts";
import type { World } from "./world.ts";

const queueOf = ({ workload }: Spec): string => (workload === "functions" ? FUNCTIONS : QUEUE);

export class Operators {
  readonly #world: World;
  /** What became of messages that a purge received. */
  readonly purges = new Set<Purged>();
  /** What became of tasks that were to be redriven. */
  readonly redrives = new Set<Redriven["kind"]>();

  constructor(world: World) {
    this.#world = world;
  }

  start(seed: number): void {
    const { faults, weather, clock } = this.#world;
    for (let i = 0; i < TASKS; i++)
      if (faults.has(`task ${i}`)) this.#schedule(specOf(i, seed, clock.now(), weather), `client-${i}`);
    if (!weather.calm && seed % 5 === 3) this.#sendUnreadable();
    if (weather.purging) this.#schedulePurges();
    if (weather.redriving) this.#scheduleRedrives();
  }

  #schedule(spec: Spec, name: string): void {
    const { clock, checker } = this.#world;
    this.#world.specs.set(spec.envelope.id, spec);
    const client = this.#world.life(name, false);
    const at = (time: number | undefined, action: () => Promise<unknown>) => {
      if (time === undefined) return;
      clock.timer(time - clock.now(), () => {
        action().catch(() => {}); // an unavailable back end: the client was told
      });
    };
    const { id, task } = spec.envelope;
    if (task === "unknown") this.#world.faults.count(name, "unknown task");
    const publish = async () => {
      const now = clock.now();
      const sealed = seal(spec.envelope, spec.workload, LIMITS, now, now + spec.delaySeconds * SECOND);
      if (sealed.payload) await client.payloads().put(sealed.payload);
      if (spec.mode === "chosen") {
        const answer = await client.store().write(changes.recordPending(id, task, spec.workload, clock.now()));
        if (!answer.applied) return;
      }
      await client.broker().send(queueOf(spec), { body: sealed.body, delaySeconds: spec.delaySeconds });
      checker.accepted(spec);
    };
    at(spec.publishAt, publish);
    at(spec.publishAgainAt, publish);
    at(spec.revokeAt, () => revoke(client.store(), id, "cooperate", client.clock.now()));
    at(spec.forgetAt, () => client.store().write(changes.forget(id)));
  }

  /** What nobody can read: with the id of a task in it, and without one. */
  #sendUnreadable(): void {
    const { clock, faults, broker, checker, specs } = this.#world;
    const dice = faults.dice("stranger");
    for (let i = 0; i < 2; i++) {
      const fault = i === 0 ? "unreadable message with an id" : "unreadable message";
      if (!faults.has(`stranger: ${fault}`)) continue;
      const now = clock.now();
      const id = freshId(
        idKey(APP),
        now,
        Uint8Array.from({ length: 10 }, () => dice.draw("id") * 256),
      );
      const body = unreadable(i, i === 0 ? id : undefined);
      const queue = dice.draw("queue") < 0.5 && this.#world.weather.functions ? FUNCTIONS : QUEUE;
      clock.timer(dice.draw("when") * 3 * MINUTE, () => {
        faults.count("stranger", fault);
        void broker.send(queue, { body, delaySeconds: 0 });
        if (i !== 0) return;
        const never = { publishAgainAt: undefined, revokeAt: undefined, forgetAt: undefined };
        const envelope = { id, task: "task", args: [], kwargs: {}, rootId: id, retries: 0, ignoreResult: false };
        const rest = { lang: "py", headers: {}, link: [], linkError: [], chain: [] };
        const spec: Spec = {
          ...{ mode: "unreadable", plan: ["failure"], seconds: 0, large: false, workload: "default", ...never },
          ...{ envelope: { ...envelope, ...rest }, delaySeconds: 0, publishAt: clock.now() },
        };
        specs.set(id, spec);
        checker.accepted(spec);
      });
    }
  }

  /** Somebody drops what waits, a few times, and may be killed in the middle. */
  #schedulePurges(): void {
    const { clock, faults } = this.#world;
    const signal = new AbortController().signal;
    const onMessage = (purged: Purged) => this.purges.add(purged);
    const options = { workload: "default", queue: QUEUE, deadLetters: false, unreadable: false, signal, onMessage };
    const dice = faults.dice("purges");
    for (let i = 0; i < 10; i++) {
      const when = dice.draw("when") * 4 * MINUTE;
      if (!faults.has(`purge ${i}`)) continue;
      clock.timer(when, () => {
        purge(options, this.#world.deps(this.#world.life(`purge-${i}`, true))).catch(() => {}); // a back end was unavailable
      });
    }
  }

  /** Operators send again whatever has failed, two at once now and then, and may be killed in the middle. */
  #scheduleRedrives(): void {
    const { clock, faults, weather, specs, checker } = this.#world;
    const operate = async (name: string, again: boolean) => {
      const deps = this.#world.deps(this.#world.life(name, true));
      for (const id of [...specs.keys()]) {
        const redriven = await redriveTask(id, { again, dryRun: false }, deps).catch(() => undefined); // a back end was unavailable
        if (redriven !== undefined) this.redrives.add(redriven.kind);
        if (redriven?.kind === "sent") checker.saidRedriven(id);
      }
    };
    const dice = faults.dice("operators");
    for (let i = 0; i < 8; i++) {
      const at = dice.draw("when") * 6.5 * MINUTE;
      const together = dice.draw("together") < 0.5 ? 2 : 1;
      const again = weather.redrivesAgain && dice.draw("again") < 0.3;
      for (let n = 0; n < together; n++)
        if (faults.has(`operator ${i}.${n}`)) clock.timer(at, () => void operate(`operator-${i}.${n}`, again));
    }
  }
}
