// The one place that reads environment variables, and sets them for `--local`. AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL_* and
// the other AWS_* variables are the SDK's own business: it reads them itself.
import { METRICS_LEVELS, type MetricsLevel } from "./core/metrics.ts";
import { InvalidOption } from "./errors.ts";

/** By itself: it is all that a sender reads. */
const QUEUE_URL_BASE_VARIABLE = "LOVAGE_QUEUE_URL_BASE";

export const VARIABLES = {
  /** The app's module, where no `--app` is given. */
  app: "LOVAGE_APP",
  /** "json" or "pretty". @default - readable on a terminal, JSON elsewhere */
  logFormat: "LOVAGE_LOG_FORMAT",
  /** "debug" or "info": of the functions that `lovage dev` runs. */
  logLevel: "LOVAGE_LOG_LEVEL",
  /** "task", "workload" or "off": what a worker reports to CloudWatch. @default "off" */
  metrics: "LOVAGE_METRICS",
  /** Base of the queues' URLs, such as https://sqs.eu-west-1.amazonaws.com/123456789012. @default - SQS is asked for each URL */
  queueUrlBase: QUEUE_URL_BASE_VARIABLE,
  /** The SDK's own; `lovage dev` then starts no DynamoDB of its own. */
  dynamodbEndpoint: "AWS_ENDPOINT_URL_DYNAMODB",
  /** Amazon ECS sets it in every container: the agent's endpoint. */
  ecsAgentUri: "ECS_AGENT_URI",
  /** https://no-color.org */
  noColour: "NO_COLOR",
} as const;

export interface Environment {
  readonly app: string | undefined;
  readonly logFormat: "json" | "pretty" | undefined;
  readonly noColour: boolean;
  readonly dynamodbEndpoint: string | undefined;
  readonly ecsAgentUri: string | undefined;
}

/** Throws InvalidOption. An empty variable counts as not set. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  const format = variables[VARIABLES.logFormat] || undefined;
  if (format !== undefined && format !== "json" && format !== "pretty") {
    throw new InvalidOption(`${VARIABLES.logFormat} is ${JSON.stringify(format)}; it takes "json" or "pretty"`);
  }
  return {
    app: variables[VARIABLES.app] || undefined,
    logFormat: format,
    noColour: Boolean(variables[VARIABLES.noColour]),
    dynamodbEndpoint: variables[VARIABLES.dynamodbEndpoint] || undefined,
    ecsAgentUri: variables[VARIABLES.ecsAgentUri] || undefined,
  };
}

/** A queue's URL without its name: the account's part. */
const QUEUE_URL_BASE = /^https?:\/\/[^\s/?#@]+\/\d{12}$/;

/**
 * The URL of every queue without its name, so that SQS need not be asked for it; undefined where the variable is not set, or
 * empty. Throws InvalidOption.
 */
export function readQueueUrlBase(variables: NodeJS.ProcessEnv = process.env): string | undefined {
  const given = variables[QUEUE_URL_BASE_VARIABLE];
  if (!given) return undefined;
  const base = given.replace(/\/$/, "");
  if (QUEUE_URL_BASE.test(base)) return base;
  throw new InvalidOption(
    `${QUEUE_URL_BASE_VARIABLE} is ${JSON.stringify(given)}; it takes the URL of a queue without the queue's name, such as "https://sqs.eu-west-1.amazonaws.com/123456789012"`,
  );
}

/** As far as it can be read: to report that it cannot. */
export function lenientEnvironment(): Environment {
  try {
    return readEnvironment();
  } catch {
    return readEnvironment({ ...process.env, [VARIABLES.logFormat]: "" });
  }
}

/** Which metrics a worker reports. An empty variable counts as not set. Throws InvalidOption. */
export function readMetricsLevel(variables: NodeJS.ProcessEnv = process.env): MetricsLevel {
  const given = variables[VARIABLES.metrics] || "off";
  const level = METRICS_LEVELS.find((one) => one === given);
  if (level !== undefined) return level;
  const allowed = METRICS_LEVELS.map((one) => `"${one}"`).join(" or ");
  throw new InvalidOption(`${VARIABLES.metrics} is ${JSON.stringify(given)}; it takes ${allowed}`);
}

/** What Lambda tells a runtime (AWS Lambda: "Defined runtime environment variables"), and `lovage dev` its functions. */
export function readLambdaEnvironment() {
  const { AWS_LAMBDA_RUNTIME_API: runtimeApi = "", AWS_LAMBDA_FUNCTION_NAME: functionName = "" } = process.env;
  const logFormat = process.env[VARIABLES.logFormat] === "pretty" ? "pretty" : "json";
  const logLevel = process.env[VARIABLES.logLevel] === "debug" ? "debug" : "info";
  return { runtimeApi, functionName, logFormat, logLevel } as const;
}

export function lambdaLogging(format: "json" | "pretty", level: "debug" | "info"): Readonly<Record<string, string>> {
  return { [VARIABLES.logFormat]: format, [VARIABLES.logLevel]: level };
}

/** Sets variables for this process: before the first client is made. */
export function useEnvironment(variables: Readonly<Record<string, string>>): void {
  Object.assign(process.env, variables);
}

/** This process's variables with others in front, for a child process. */
export function environmentWith(variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...variables };
}
