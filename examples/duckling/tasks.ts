// What runs. Ids go in, not objects: each task reads what it needs from the store.
import { type Duration, SoftTimeLimitExceeded, type TaskContext } from "lovage";
import { app } from "./app.ts";
import { drawPoster, type Format } from "./drawing.ts";
import { run } from "./execution-log.ts";
import { openStore } from "./store.ts";

/** The tweet server failed, which may pass. */
export class ServerError extends Error {
  override readonly name = "ServerError";
}

/** Nobody can tweet to somebody without a handle, however often it is tried. */
export class NoHandle extends Error {
  override readonly name = "NoHandle";
}

/** For both tasks that talk to the tweet server. */
const TWEETING = {
  bind: true,
  autoRetryFor: [ServerError, SoftTimeLimitExceeded],
  throws: [NoHandle],
  retryBackoff: "500ms" as Duration,
  retryBackoffMax: "2s" as Duration,
  maxRetries: 12,
  softTimeLimit: "2s" as Duration,
  timeLimit: "10s" as Duration,
} as const;

export const sendAnnouncementTweet = app.task("sendAnnouncementTweet", TWEETING, (ctx, outingId: number) =>
  run(async () => {
    const { title, place } = openStore().outing(outingId);
    await post(ctx, { outingId, participantId: 0, text: `${title} at ${place}. Bring bread? No! Bring peas.` });
  }),
);

/** Fans out: one `tweet` for each participant. Run again after a crash, it sends the same ids again, and nothing beside them. */
export const sendReminderTweets = app.task("sendReminderTweets", (outingId: number) =>
  run(async () => {
    const store = openStore();
    const sent = await Promise.all(
      store.participants(outingId).map(async ({ id: participantId }) => {
        const options = { linkError: noteUnreachable.s(participantId) };
        const { id } = await tweet.applyAsync([outingId, participantId], options);
        return { id, task: "tweet", outingId, participantId };
      }),
    );
    store.recordSent(sent);
    return sent.length;
  }),
);

export const tweet = app.task("tweet", TWEETING, (ctx, outingId: number, participantId: number) =>
  run(async () => {
    const store = openStore();
    const { name, handle } = store.participant(participantId);
    if (handle === null) throw new NoHandle(`${name} has no handle`);
    await post(ctx, { outingId, participantId, text: `${handle} see you at ${store.outing(outingId).place}!` });
  }),
);

/** Error callback of `tweet`: its first argument is the id of the task that failed. */
export const noteUnreachable = app.task("noteUnreachable", (failedId: string, participantId: number) =>
  run(async () => openStore().recordUnreachable(participantId, failedId)),
);

/** A second or two of CPU. Its result, the file's path, is handed to the callback `storePoster`. */
export const renderPoster = app.task(
  "renderPoster",
  { bind: true, workload: "renders", timeLimit: "60s" },
  (ctx, outingId: number, format: Format) =>
    run(async () => {
      const store = openStore();
      const png = await drawPoster(store.outing(outingId), format, async (done) => {
        ctx.signal.throwIfAborted();
        await ctx.progress({ done });
      });
      return store.writePoster(`${String(outingId).padStart(2, "0")}-${format}.png`, png);
    }),
);

/** Callback of `renderPoster`. */
export const storePoster = app.task("storePoster", (path: string, outingId: number, format: Format) =>
  run(async () => openStore().recordPoster(outingId, format, path)),
);

/** The task's id is the idempotency key: all of its runs share it, so the server keeps the tweet once. */
async function post(ctx: TaskContext, tweet: { outingId: number; participantId: number; text: string }): Promise<void> {
  const response = await fetch(openStore().serverUrl(), {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": ctx.id },
    body: JSON.stringify(tweet),
    signal: ctx.signal,
  }).catch((error: unknown) => {
    ctx.signal.throwIfAborted(); // the soft time limit, not the server
    throw new ServerError("the tweet server hung up", { cause: error });
  });
  if (!response.ok) throw new ServerError(`the tweet server answered ${response.status}`);
}
