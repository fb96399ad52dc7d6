// What the stack and its process of emulators say to each other over Node's IPC channel.
import type { AwsRequest } from "./aws-request.ts";

export interface DynoxideOptions {
  readonly binary: string;
  /** @default - a free port */
  readonly port?: number;
  /** Database file. @default - in memory */
  readonly database?: string;
}

export interface StartOptions {
  /** 0 chooses a free port. */
  readonly sqsPort: number;
  /** @default - DynamoDB is elsewhere */
  readonly dynoxide?: DynoxideOptions;
}

export interface Started {
  readonly sqsPort: number;
  readonly dynamodbPort?: number;
}

export type Command =
  | { readonly do: "start"; readonly options: StartOptions }
  /** `setup` is done before the new fauxqs listens: a queue in SQS does not vanish, so neither may ours. */
  | { readonly do: "restart-sqs"; readonly setup: readonly AwsRequest[] }
  | { readonly do: "restart-dynamodb" }
  | { readonly do: "sweep" };

export type Question = Command & { readonly number: number };

export type Answer =
  | { readonly number: number; readonly started?: Started }
  | { readonly number: number; readonly problem: string };
