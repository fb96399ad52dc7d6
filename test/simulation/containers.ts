// The containers of a simulated world: the real Consumer on the queue and on its dead-letter queue, started again when they die.
import { WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { Consumer } from "../../lib/worker/consumer.ts";
import { handleDeadLetter } from "../../lib/worker/dead-letter.ts";
import type { Life } from "./life.ts";
import { DEAD, QUEUE, SECOND, VISIBILITY } from "./names.ts";
import type { World } from "./world.ts";

const WORKERS = 3;
/** From SIGTERM to the end of what runs, and from there to SIGKILL. */
const GRACE_MS = 20 * SECOND;
const STOP_MS = 8 * SECOND;

export class Containers {
  readonly #world: World;
  readonly #lives = new Set<Life>();
  readonly #consumers = new Map<Life, Consumer>();
  #incarnation = 0;
  #staffed = false;

  constructor(world: World) {
    this.#world = world;
  }

  start(): void {
    this.#staffed = true;
    for (let i = 0; i < WORKERS; i++) this.#start(`worker-${i}`);
    this.#start("dead-letters");
  }

  /** Nobody is left, and nobody comes. */
  abandon(): void {
    this.#staffed = false;
    for (const life of [...this.#lives]) life.die();
  }

  /** New code: each gets SIGTERM, and another starts beside it. */
  deploy(): void {
    for (const life of [...this.#lives]) this.#terminate(life);
  }

  #start(role: string): void {
    const world = this.#world;
    const life = world.life(`${role}.${this.#incarnation++}`, true);
    this.#lives.add(life);
    life.onDeath(() => {
      this.#lives.delete(life);
      this.#consumers.delete(life);
      if (!this.#staffed) return;
      // A supervisor starts it again.
      world.clock.timer(2 * SECOND + life.dice.draw("restart") * 30 * SECOND, () => {
        if (this.#staffed) this.#start(role);
      });
    });
    const dead = role === "dead-letters";
    const consumer = new Consumer(
      {
        name: "default",
        queue: dead ? DEAD : QUEUE,
        concurrency: dead || world.weather.purging ? 1 : 1 + Math.floor(life.dice.draw("concurrency") * 2),
        prefetch: dead || world.weather.purging ? 1 : 1 + Math.floor(life.dice.draw("prefetch") * 2),
        waitSeconds: 20,
        visibilitySeconds: VISIBILITY,
        maxReceiveCount: dead ? Number.POSITIVE_INFINITY : WORKLOAD_DEFAULTS.maxReceiveCount,
      },
      world.deps(life),
      () => {},
      ...(dead ? [this.#deadLetters] : []),
    );
    this.#consumers.set(life, consumer);
    void consumer.run();
    const size = dead ? undefined : life.roll("worker shut down");
    if (size !== undefined) world.clock.timer(size * 180 * SECOND, () => this.#terminate(life));
  }

  readonly #deadLetters: typeof handleDeadLetter = (delivery, workload, deps) => {
    this.#world.checker.deadLetter(delivery);
    return handleDeadLetter(delivery, workload, deps);
  };

  #terminate(life: Life): void {
    const consumer = this.#consumers.get(life);
    if (life.dead || consumer === undefined) return;
    life.disturbed = true;
    this.#world.history?.note(life.name, "is told to stop");
    consumer.stop();
    const { clock } = this.#world;
    clock.timer(GRACE_MS, () => consumer.interrupt());
    clock.timer(GRACE_MS + STOP_MS, () => life.die());
  }
}
