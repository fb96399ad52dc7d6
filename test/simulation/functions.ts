// Lambda in a simulated world: event source mappings on a queue and its dead-letter queue, and sandboxes that run the real
// handler. A sandbox is frozen between two invocations and cut at its deadline; a batch whose answer is lost comes back whole.
import { LAMBDA_VISIBILITY_FACTOR, SQS } from "../../lib/defaults.ts";
import type { Delivery } from "../../lib/ports/broker.ts";
import {
  createLambdaHandler,
  type LambdaContext,
  type SqsBatchResponse,
  type SqsEvent,
} from "../../lib/worker/lambda.ts";
import { appOf, FUNCTION_TIMEOUT_SECONDS } from "./apps.ts";
import { messageText } from "./describe.ts";
import type { Dice } from "./faults.ts";
import type { Life } from "./life.ts";
import { FUNCTIONS, FUNCTIONS_DEAD, SECOND } from "./names.ts";
import { inFunction } from "./user-code.ts";
import type { World } from "./world.ts";

const POLLERS = 2;
const TIMEOUT_MS = FUNCTION_TIMEOUT_SECONDS * SECOND;

interface Sandbox {
  readonly life: Life;
  readonly code: number;
  readonly handler: (event: SqsEvent, context: LambdaContext) => Promise<SqsBatchResponse>;
}

type Answer = SqsBatchResponse | "error" | "timeout" | "died";

export class Functions {
  readonly #world: World;
  readonly #dice: Dice;
  #idle: Sandbox[] = [];
  #sandboxes = 0;
  #requests = 0;
  #staffed = Promise.withResolvers<void>();

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.faults.dice("event source mapping");
    for (let i = 0; i < POLLERS; i++) void this.#poll(FUNCTIONS);
    void this.#poll(FUNCTIONS_DEAD);
  }

  start(): void {
    this.#staffed.resolve();
  }

  /** The mapping is disabled. */
  abandon(): void {
    this.#staffed = Promise.withResolvers();
  }

  async #poll(queue: string): Promise<void> {
    const { queues, clock } = this.#world;
    const visibilitySeconds = FUNCTION_TIMEOUT_SECONDS * LAMBDA_VISIBILITY_FACTOR;
    for (;;) {
      await this.#staffed.promise;
      if (this.#world.isDown("SQS")) {
        await clock.sleep(SECOND);
        continue;
      }
      const max = 1 + Math.floor(this.#dice.draw("batch") * SQS.maxBatchEntries);
      const deliveries = await queues.receive(queue, { max, waitSeconds: SQS.maxWaitSeconds, visibilitySeconds });
      if (deliveries.length > 0) await this.#invoke(deliveries, queue);
    }
  }

  #sandbox(): Sandbox {
    const { code } = this.#world;
    this.#idle = this.#idle.filter((sandbox) => sandbox.code === code && !sandbox.life.dead);
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const life = this.#world.life(`function-${this.#sandboxes++}`, true);
    const backends = { broker: life.broker(), store: life.store(), payloads: life.payloads() };
    const app = appOf(code, life.clock, backends, inFunction(this.#world, life));
    return { life, code, handler: createLambdaHandler(app, { workloads: ["functions"] }) };
  }

  async #invoke(deliveries: readonly Delivery[], queue: string): Promise<void> {
    const { clock, faults, history, checker, mutant } = this.#world;
    const { life, handler, code } = this.#sandbox();
    life.thaw();
    history?.note(life.name, `is invoked with ${deliveries.map(({ body }) => messageText(body)).join(", ")}`);
    if (queue === FUNCTIONS_DEAD) for (const delivery of deliveries) checker.deadLetter(delivery);
    const deadline = clock.now() + TIMEOUT_MS;
    const context = {
      awsRequestId: String(this.#requests++),
      functionName: life.name,
      getRemainingTimeInMillis: () => deadline - clock.now(),
    };
    const ended = Promise.withResolvers<Answer>();
    const cancel = clock.timer(TIMEOUT_MS, () => ended.resolve("timeout"));
    life.onDeath(() => ended.resolve("died"));
    handler(eventOf(deliveries), context).then(
      (response) => ended.resolve(mutant?.response?.(response) ?? response),
      (error) => {
        history?.note(life.name, `its handler throws ${error}`);
        ended.resolve("error");
      },
    );
    const answer = await ended.promise;
    cancel();
    if (typeof answer === "string") {
      history?.note(life.name, `invocation: ${answer}`);
      if (answer === "timeout") {
        faults.count(life.name, "Lambda timeout");
        life.die();
      }
    } else await this.#settle(deliveries, answer, life);
    if (life.dead) return;
    life.freeze();
    this.#idle.push({ life, code, handler });
  }

  /** What is not reported as failed is deleted, unless the answer is lost, or the delete of one entry is. */
  async #settle(deliveries: readonly Delivery[], { batchItemFailures }: SqsBatchResponse, life: Life): Promise<void> {
    const { queues, checker, history, weather } = this.#world;
    if (this.#dice.roll("Lambda batch response lost", weather.rates["Lambda batch response lost"]) !== undefined)
      return;
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const delivery of deliveries) {
      const text = messageText(delivery.body);
      if (failed.has(delivery.messageId)) history?.note(life.name, `reports ${text} as failed`);
      else if (this.#world.isDown("SQS")) history?.note(life.name, `${text} cannot be deleted`);
      else if (this.#dice.roll("Lambda batch entry kept", weather.rates["Lambda batch entry kept"]) === undefined) {
        checker.acked(delivery);
        history?.note(life.name, `has ${text} deleted`);
        await queues.delete(delivery);
      }
    }
  }
}

const eventOf = (deliveries: readonly Delivery[]): SqsEvent => ({
  Records: deliveries.map(({ queue, messageId, receipt, body, receiveCount, sentAt }) => ({
    messageId,
    receiptHandle: receipt,
    body,
    attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(Math.floor(sentAt)) },
    eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:${queue}`,
  })),
});
