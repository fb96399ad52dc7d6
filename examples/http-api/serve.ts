// API Gateway on this machine: a request becomes an event of payload format 2.0, what a handler answers becomes the response.
import { createServer, type IncomingMessage, type Server } from "node:http";
import { text } from "node:stream/consumers";
import type { HttpAnswer, HttpEvent } from "./functions/http.ts";

export type Handler = (event: HttpEvent) => Promise<HttpAnswer>;

/** As in API Gateway's routes: `"GET /tasks/{id}"`. */
export type Routes = Readonly<Record<string, Handler>>;

/** What API Gateway passes on as it is; other bodies come in base64. */
const TEXT = /^(?:text\/|application\/(?:json|xml|javascript))/;

export async function serve(routes: Routes, port: number): Promise<Server> {
  const server = createServer(async (request, response) => {
    const { statusCode, headers, body } = await answerTo(request, routes);
    response.writeHead(statusCode, headers).end(body);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(port, "127.0.0.1", resolve);
  await promise;
  return server;
}

async function answerTo(request: IncomingMessage, routes: Routes): Promise<HttpAnswer> {
  const found = routeOf(request, routes);
  if (found === undefined) return failed(404, "Not Found");
  const isText = TEXT.test(request.headers["content-type"] ?? "");
  const body = await text(request);
  try {
    return await found.handler({
      pathParameters: found.parameters,
      body: isText ? body : Buffer.from(body).toString("base64"),
      isBase64Encoded: !isText,
    });
  } catch (error) {
    console.error(error); // the function's log
    return failed(500, "Internal Server Error");
  }
}

function failed(statusCode: number, message: string): HttpAnswer {
  return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify({ message }) };
}

function routeOf({ method, url = "" }: IncomingMessage, routes: Routes) {
  const [path = ""] = url.split("?");
  for (const [route, handler] of Object.entries(routes)) {
    const pattern = route.replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    const match = new RegExp(`^${pattern}$`).exec(`${method} ${path}`);
    if (match) return { handler, parameters: decoded(match.groups) };
  }
  return undefined;
}

function decoded(groups: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
}
