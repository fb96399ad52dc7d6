// Does what is on the schedule to the processes and services of a run.
import { systemClock } from "../../lib/clock.ts";
import type { LocalStack } from "../../lib/local/stack.ts";
import type { DurableSqs } from "./durable-sqs.ts";
import type { FaultLine } from "./lines.ts";
import type { RequestFaults } from "./request-faults.ts";
import type { Scheduled } from "./schedule.ts";
import type { Workers } from "./workers.ts";

export interface Targets {
  readonly workers: Workers;
  readonly sqs: RequestFaults;
  readonly dynamodb: RequestFaults;
  readonly durable: DurableSqs | undefined;
  readonly stack: LocalStack;
  tell(line: FaultLine): void;
}

/** Each at its time. Resolves when the last is over. */
export async function strike(plan: readonly Scheduled[], targets: Targets, signal: AbortSignal): Promise<void> {
  const began = systemClock.monotonic();
  const lasting: Promise<void>[] = [];
  for (const one of plan) {
    await systemClock.sleep(Math.max(0, began + one.at - systemClock.monotonic()), signal);
    lasting.push(hit(one, targets));
  }
  await Promise.all(lasting);
}

async function hit(
  { blow, ms, whom }: Scheduled,
  { workers, sqs, dynamodb, durable, stack, tell }: Targets,
): Promise<void> {
  switch (blow) {
    case "kill":
      return workers.kill(whom);
    case "terminate":
      return workers.terminate(whom);
    case "stop":
      return workers.pause(whom, ms);
    case "kill_child":
      return workers.killChild(whom);
    case "outage_sqs":
      return sqs.outage(ms);
    case "outage_dynamodb":
      return dynamodb.outage(ms);
    case "restart_sqs":
      return lasting(blow, "sqs", async () => durable?.restart());
    case "restart_dynamodb":
      return lasting(blow, "dynamodb", () => stack.restart("dynamodb"));
    default:
      return blow satisfies never;
  }

  async function lasting(kind: string, service: "sqs" | "dynamodb", restart: () => Promise<void>): Promise<void> {
    const at = systemClock.now();
    await restart();
    tell({ at, kind, until: systemClock.now(), service });
  }
}
