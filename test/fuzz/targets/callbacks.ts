// Callbacks that come in messages from outside: what they send is readable, goes to queues of the app only, and runs nothing that is
// not registered, nor without end.
import { decode, encode } from "../../../lib/wire/envelope.ts";
import { createLambdaHandler } from "../../../lib/worker/lambda.ts";
import { envelopeOf } from "../../support/messages.ts";
import { type Json, MEMBERS, mutated, text, value } from "../hostile.ts";
import { demand, typed } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";
import { APP, QUEUE, type Sent, World } from "../world.ts";

const CONTEXT = { awsRequestId: "r", functionName: "f", getRemainingTimeInMillis: () => 60_000 };
/** Messages that may follow from one: the app's own limit on a line is far beyond. */
const ROUNDS = 6;

interface Input {
  readonly task: string;
  readonly links: Json;
  readonly errbacks: Json;
}

const NAMES = ["echo", "add", "fails", "retries", "nobody", "node:child_process", "../tasks", ...MEMBERS];

function callback(rng: Rng): Json {
  const options = {
    ...(rng.chance(0.3) && { task_id: rng.chance(0.5) ? "t-1" : text(rng) }),
    ...(rng.chance(0.3) && { queue: rng.pick(["default", QUEUE, "dead", `q${rng.int(1e9)}`, ...MEMBERS, text(rng)]) }),
    ...(rng.chance(0.2) && { countdown: value(rng, 0) }),
    ...(rng.chance(0.1) && { link: [value(rng, 1)] }),
  };
  const task = rng.chance(0.9) ? rng.pick(NAMES) : text(rng);
  const whole = {
    task,
    args: rng.list(2, () => value(rng, 1)),
    kwargs: {},
    options,
    subtask_type: null,
    immutable: rng.chance(0.3),
  };
  return rng.chance(0.2) ? mutated(whole, rng) : whole;
}

export const make: MakeTarget = async () => {
  const world = new World();
  const handler = createLambdaHandler(world.app);
  const deliver = (bodies: readonly string[], round: number) =>
    typed(() =>
      handler(
        {
          Records: bodies.map((body, i) => ({
            ...{ messageId: `${round}-${i}`, receiptHandle: "r", body },
            attributes: { ApproximateReceiveCount: "1", SentTimestamp: "0" },
            eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:${QUEUE}`,
          })),
        },
        CONTEXT,
      ),
    );
  const check = ({ queue, body }: Sent) => {
    demand(queue.startsWith(`${APP}-`), "protocol", `a callback was sent to ${queue}`);
    const read = decodable(body);
    demand(read === undefined, "protocol", `a callback was sent that nobody can read: ${read}`);
  };
  return target<Input>({
    generate: (rng) => ({
      task: rng.pick(["echo", "fails"]),
      links: rng.list(3, () => callback(rng)),
      errbacks: rng.list(3, () => callback(rng)),
    }),
    run: async ({ task = "echo", links, errbacks }) => {
      world.fresh();
      const message = JSON.parse(encode(envelopeOf({ task }), QUEUE)) as { [key: string]: Json }; // encode() wrote it
      message.body = JSON.stringify([[1], {}, { callbacks: links ?? [], errbacks: errbacks ?? [] }]);
      let bodies: readonly string[] = [JSON.stringify(message)];
      for (let round = 0; round < ROUNDS && bodies.length > 0; round++) {
        world.sent.length = 0;
        await deliver(bodies, round);
        world.look();
        const messages = world.sent.filter(({ queue }) => queue === QUEUE);
        messages.forEach(check);
        bodies = messages.map(({ body }) => body).slice(0, 10);
      }
    },
    close: () => world.close(),
  });
};

/** Why it cannot be read, if it cannot. */
function decodable(body: string): string | undefined {
  try {
    decode(body);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
