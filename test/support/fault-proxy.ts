// A proxy on the loopback interface in front of one AWS endpoint, with faults for chosen requests. What the emulators never
// do by themselves: lose an answer, throttle, hang, hear a request twice.
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "../../lib/clock.ts";

export type Fault =
  /** Answers later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Nothing is forwarded; the connection ends. */
  | { readonly kind: "drop before" }
  /** Forwarded, takes effect, and the answer is lost. */
  | { readonly kind: "drop after" }
  /** Forwarded twice; the first answer is given. */
  | { readonly kind: "duplicate" }
  /** Nothing is forwarded; this is the answer. */
  | { readonly kind: "status"; readonly status: number; readonly code: string; readonly message?: string }
  /** Nothing is forwarded; this is the body of a good answer. */
  | { readonly kind: "answer"; readonly body: string }
  /** Forwarded, takes effect, and the answer breaks off in the middle. */
  | { readonly kind: "cut" }
  /** Forwarded, the request's body by way of `ask`, the answer's by way of `body`. */
  | { readonly kind: "rewrite"; readonly ask?: (body: string) => string; readonly body?: (body: string) => string };

export interface FaultRule {
  /** Such as "UpdateItem". */
  readonly operation: string;
  /** Which requests of the operation, counted from 1 and from when the rule was set. @default - all */
  readonly nth?: number | readonly number[];
  readonly fault: Fault;
}

export interface ProxiedRequest {
  /** Operation. */
  readonly target: string;
  /** Monotonic ms. */
  readonly at: number;
}

/** A request as it came. */
export interface Asked {
  /** Operation, such as "UpdateItem". */
  readonly operation: string;
  readonly path: string;
  readonly body: string;
}

export interface FaultProxyOptions {
  /** The fault for a request that no rule is about. @default - none */
  readonly choose?: (request: Asked) => Fault | undefined;
  /** Hears what the target answered, whatever becomes of it. */
  readonly answered?: (request: Asked, body: string) => void;
  /** Hears of an answer that was wanted and did not come: the target gave none, or who asked has gone. `error`: of the connection to the target. */
  readonly unanswered?: (request: Asked, body: string | undefined, error?: unknown) => void;
  /** Keeps `requests`: they grow without end. @default true */
  readonly remember?: boolean;
}

export interface FaultProxy extends AsyncDisposable {
  readonly endpoint: string;
  readonly requests: readonly ProxiedRequest[];
  /** How many requests of this operation have come. */
  count(operation: string): number;
  on(rule: FaultRule): void;
  /** Ends every connection; who asks again is heard. */
  cutOff(): void;
  close(): Promise<void>;
}

export const THROTTLED_SQS: Fault = { kind: "status", status: 400, code: "RequestThrottled" };
export const THROTTLED_DYNAMODB: Fault = { kind: "status", status: 400, code: "ThrottlingException" };
export const INTERNAL_ERROR: Fault = { kind: "status", status: 500, code: "InternalServerError" };

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export async function startFaultProxy(
  target: string,
  { choose, answered, unanswered, remember = true }: FaultProxyOptions = {},
): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const requests: ProxiedRequest[] = [];
  const rules: { rule: FaultRule; seen: number }[] = [];
  const server = createServer((incoming, outgoing) => {
    void serve(incoming, outgoing).catch(() => outgoing.destroy());
  });

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const header = incoming.headers["x-amz-target"];
    const operation = header === undefined ? s3Operation(incoming) : (String(header).split(".").at(-1) ?? "");
    if (remember) requests.push({ target: operation, at: systemClock.monotonic() });
    const asked: Asked = { operation, path: incoming.url ?? "/", body: body.toString() };
    const fault = faultFor(operation) ?? choose?.(asked);
    if (fault?.kind === "drop before") return void incoming.socket.destroy();
    if (fault?.kind === "status") {
      const text = header === undefined ? s3Refusal(fault.code) : refusal(fault.code, fault.message);
      return reply(outgoing, madeUp(fault.status, text));
    }
    if (fault?.kind === "answer") return reply(outgoing, madeUp(200, fault.body));
    if (fault?.kind === "delay") await systemClock.sleep(fault.ms);
    const sent = fault?.kind === "rewrite" && fault.ask ? Buffer.from(fault.ask(asked.body)) : body;
    let answer: Answer;
    try {
      answer = await forward(target, agent, incoming, sent);
      if (fault?.kind === "duplicate") await forward(target, agent, incoming, sent);
    } catch (error) {
      unanswered?.(asked, undefined, error);
      throw error;
    }
    answered?.(asked, answer.body.toString());
    if (fault?.kind === "drop after") return void incoming.socket.destroy();
    if (fault?.kind === "cut") return cut(outgoing, answer);
    const nobody = () => unanswered?.(asked, answer.body.toString());
    if (outgoing.destroyed || incoming.socket.destroyed) return nobody();
    outgoing.once("close", () => outgoing.writableFinished || nobody());
    reply(outgoing, fault?.kind === "rewrite" && fault.body ? rewritten(answer, fault.body) : answer);
  }

  function faultFor(operation: string): Fault | undefined {
    let found: Fault | undefined;
    for (const entry of rules) {
      if (entry.rule.operation !== operation) continue;
      entry.seen++;
      const { nth } = entry.rule;
      if (nth === undefined || [nth].flat().includes(entry.seen)) found ??= entry.rule.fault;
    }
    return found;
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
    agent.destroy();
  };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    count: (operation) => requests.filter((seen) => seen.target === operation).length,
    on: (rule) => void rules.push({ rule, seen: 0 }),
    cutOff: () => server.closeAllConnections(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** S3 is spoken to by method and path. */
function s3Operation({ method }: IncomingMessage): string {
  return `${(method ?? "").charAt(0)}${(method ?? "").slice(1).toLowerCase()}Object`;
}

function s3Refusal(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>made up by the fault proxy</Message></Error>`;
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer); // no encoding is set
  return Buffer.concat(chunks);
}

async function forward(
  target: string,
  agent: Agent,
  { method, url, headers: given }: IncomingMessage,
  body: Buffer,
): Promise<Answer> {
  const { connection: _, ...headers } = given; // each side keeps its own connections
  if (headers["content-length"] !== undefined) headers["content-length"] = String(body.length);
  const outgoing = request(new URL(url ?? "/", target), { method, headers, agent });
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>; // what "response" carries
  outgoing.end(body);
  const [response] = await answered;
  return { status: response.statusCode ?? 502, headers: response.headers, body: await bodyOf(response) };
}

function reply(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, headers).end(body);
}

/** The length says how much is missing. */
function cut(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  const { "transfer-encoding": _, ...rest } = headers;
  outgoing.writeHead(status, { ...rest, "content-length": body.length + 1 });
  outgoing.write(body.subarray(0, body.length / 2), () => outgoing.destroy());
}

function madeUp(status: number, body: string): Answer {
  return { status, headers: { "content-type": "application/x-amz-json-1.0" }, body: Buffer.from(body) };
}

function refusal(code: string, message = "made up by the fault proxy"): string {
  return JSON.stringify({ __type: code, message });
}

/** Without the checksum and the length of the body it had. */
function rewritten({ status, headers, body }: Answer, change: (body: string) => string): Answer {
  const { "x-amz-crc32": _, "content-length": __, ...rest } = headers;
  return { status, headers: rest, body: Buffer.from(change(body.toString())) };
}
