// Requests of the AWS JSON protocol, as the emulators take them: unsigned, and without loading an SDK.
import { StartupFailed } from "../errors.ts";

/** Queues of fauxqs are per region, so everybody has to name the same one. */
export const LOCAL_REGION = "us-east-1";
export const LOOPBACK = "127.0.0.1";
/** Account of every queue in fauxqs. */
export const LOCAL_ACCOUNT = "000000000000";

const TIMEOUT_MS = 10_000;
const TARGETS = { sqs: "AmazonSQS", dynamodb: "DynamoDB_20120810" } as const;

export interface AwsRequest {
  readonly service: keyof typeof TARGETS;
  readonly action: string;
  readonly input: object;
}

/** No emulator checks the signature; they want the header, and fauxqs takes the region from it. */
export function headersOf({ service, action }: AwsRequest): Record<string, string> {
  const scope = `20260101/${LOCAL_REGION}/${service}/aws4_request`;
  return {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": `${TARGETS[service]}.${action}`,
    "x-amz-date": "20260101T000000Z",
    authorization: `AWS4-HMAC-SHA256 Credential=local/${scope}, SignedHeaders=host;x-amz-date, Signature=${"0".repeat(64)}`,
  };
}

export interface AwsAnswer {
  readonly output: Readonly<Record<string, unknown>>;
  /** Name of the error without its namespace, such as ResourceInUseException. */
  readonly error: string | undefined;
}

export async function send(endpoint: string, request: AwsRequest): Promise<AwsAnswer> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(endpoint, {
      method: "POST",
      // A kept connection might belong to an emulator that has been restarted since.
      headers: { ...headersOf(request), connection: "close" },
      body: JSON.stringify(request.input),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (cause) {
    throw new StartupFailed(`${request.action} got no answer from ${endpoint}; check that something listens there`, {
      cause,
    });
  }
  const output = parse(text);
  return { output, error: response.ok ? undefined : String(output.__type ?? response.status).replace(/^.*#/, "") };
}

/** Sends and expects success. */
export async function demand(endpoint: string, request: AwsRequest): Promise<AwsAnswer["output"]> {
  const { output, error } = await send(endpoint, request);
  if (error !== undefined) throw refused(endpoint, request, { output, error });
  return output;
}

export function refused(endpoint: string, { action, input }: AwsRequest, { output, error }: AwsAnswer): StartupFailed {
  const why = output.message ?? output.Message ?? "no message";
  return new StartupFailed(`${endpoint} refused ${action} of ${JSON.stringify(input)}: ${error}: ${why}`);
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>; // an AWS JSON answer is always an object
  } catch {
    return { message: text.slice(0, 200) };
  }
}
