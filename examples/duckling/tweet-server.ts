// A tweet server of the kind one meets: every third request fails. Mostly it refuses; sometimes it keeps the tweet and the
// answer is lost, or it never answers at all. It keeps a tweet once for each idempotency key.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Store } from "./store.ts";

/** How every third request fails, in turn: by count, so each run of the example sees the same mixture. */
const FAILURES = ["refused", "kept, answer lost", "refused", "refused", "never answered", "refused"] as const;

export interface TweetServer extends AsyncDisposable {
  readonly url: string;
}

export async function startTweetServer(store: Store): Promise<TweetServer> {
  let count = 0;
  const server = createServer((request, response) => {
    answer(request, response, store, count++).catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}/tweets`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, store: Store, n: number): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { outingId, participantId, text } = JSON.parse(Buffer.concat(chunks).toString());
  const key = String(request.headers["idempotency-key"]);
  const keep = () => store.keepTweet(key, outingId, participantId, text);

  const failure = n % 3 === 2 ? FAILURES[Math.floor(n / 3) % FAILURES.length] : undefined;
  store.recordRequest(key, failure ?? keep());
  switch (failure) {
    case undefined:
      response.writeHead(201).end();
      return;
    case "kept, answer lost":
      keep();
      response.destroy();
      return;
    case "never answered":
      return; // the caller's soft time limit ends the wait
    case "refused":
      response.writeHead(503).end();
      return;
    default:
      failure satisfies never;
  }
}
