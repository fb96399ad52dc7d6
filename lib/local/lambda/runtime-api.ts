// The Lambda Runtime API for one sandbox (AWS Lambda: "Using the Lambda runtime API for custom runtimes"): what Lambda's own
// runtimes, and ours, fetch invocations from and hand their answers to. One request at a time, as in a sandbox.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { StartupFailed } from "../../errors.ts";

const PREFIX = "/2018-06-01/runtime/";

/** What a function answered, or what its runtime reported instead. */
export type Answer =
  | { readonly kind: "response"; readonly body: string }
  | { readonly kind: "error"; readonly type: string; readonly message: string };

export interface Invocation {
  readonly event: string;
  readonly deadline: Date;
  readonly functionArn: string;
}

export class RuntimeApi implements AsyncDisposable {
  readonly #server: Server;
  readonly #ready = Promise.withResolvers<void>();
  /** The runtime's open request for its next invocation. */
  #waiting: ServerResponse | undefined;
  #next: { readonly id: string; readonly invocation: Invocation } | undefined;
  #answer: { readonly id: string; readonly resolve: (answer: Answer) => void } | undefined;

  private constructor() {
    this.#ready.promise.catch(() => {}); // whoever starts a sandbox awaits it
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.writeHead(500).end());
    });
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(): Promise<RuntimeApi> {
    const api = new RuntimeApi();
    api.#server.listen(0, "127.0.0.1");
    await once(api.#server, "listening");
    return api;
  }

  /** For AWS_LAMBDA_RUNTIME_API. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`; // it listens on a port
  }

  /** Resolves when the runtime first asks for an invocation; rejects with StartupFailed where it reported an error. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Hands the runtime an invocation, and resolves with its answer. One at a time. */
  invoke(invocation: Invocation): Promise<Answer> {
    const id = randomUUID();
    this.#next = { id, invocation };
    const answered = new Promise<Answer>((resolve) => {
      this.#answer = { id, resolve };
    });
    this.#serve();
    return answered;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.startsWith(PREFIX) ? request.url.slice(PREFIX.length) : "";
    if (request.method === "GET" && path === "invocation/next") {
      this.#waiting = response;
      this.#ready.resolve();
      this.#serve();
      return;
    }
    const body = await text(request);
    if (request.method === "POST" && path === "init/error") {
      const { type, message } = errorIn(body, request);
      this.#ready.reject(new StartupFailed(`the function cannot be loaded: ${type}: ${message}`));
      response.writeHead(202).end();
      return;
    }
    const [, id, how] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    const awaited = this.#answer;
    if (request.method !== "POST" || awaited === undefined || id !== awaited.id) {
      response.writeHead(id === undefined ? 404 : 400).end();
      return;
    }
    this.#answer = undefined;
    response.writeHead(202).end();
    awaited.resolve(how === "response" ? { kind: "response", body } : { kind: "error", ...errorIn(body, request) });
  }

  #serve(): void {
    if (this.#waiting === undefined || this.#next === undefined) return;
    const { id, invocation } = this.#next;
    this.#waiting
      .writeHead(200, {
        "content-type": "application/json",
        "lambda-runtime-aws-request-id": id,
        "lambda-runtime-deadline-ms": String(invocation.deadline.getTime()),
        "lambda-runtime-invoked-function-arn": invocation.functionArn,
        "lambda-runtime-trace-id": `Root=1-${id.slice(0, 8)}-${id.replaceAll("-", "").slice(8)}`,
      })
      .end(invocation.event);
    this.#waiting = undefined;
    this.#next = undefined;
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding is set
  return Buffer.concat(chunks).toString();
}

function errorIn(body: string, request: IncomingMessage): { readonly type: string; readonly message: string } {
  const header = request.headers["lambda-runtime-function-error-type"];
  try {
    const { errorType, errorMessage } = JSON.parse(body) as { errorType?: unknown; errorMessage?: unknown };
    return { type: String(errorType ?? header ?? "Error"), message: String(errorMessage ?? "") };
  } catch {
    return { type: String(header ?? "Error"), message: body.slice(0, 1_000) };
  }
}
