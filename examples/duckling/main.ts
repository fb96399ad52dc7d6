// The demonstration: starts SQS and DynamoDB on this machine, a tweet server that fails every third request, and workers as
// processes of their own; sends the work; kills a worker in the middle of its tasks; waits; has report.ts read back what
// became of it. Run it with `npm start`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startLocalStack } from "lovage/testing";
import { app } from "./app.ts";
import { FORMAT_NAMES } from "./drawing.ts";
import { killInMidTask } from "./kill.ts";
import { OUTINGS, PARTICIPANTS } from "./outings.ts";
import { plural, shownPath } from "./print.ts";
import { ProgressLine } from "./progress.ts";
import { depth, ENDED, scanTasks } from "./records.ts";
import { directory, openStore, type Sent, type Store } from "./store.ts";
import { renderPoster, sendAnnouncementTweet, sendReminderTweets, storePoster } from "./tasks.ts";
import { startTweetServer } from "./tweet-server.ts";
import { Workers } from "./workers.ts";

/** After this, what has not ended is reported as lost. */
const DEADLINE_MS = 100_000;
const CORES = availableParallelism();
/** How long the first worker lives, in posters for each core: none on a machine that renders them all at once. */
const WAVES_BEFORE_KILL = CORES * 4 < OUTINGS.length * FORMAT_NAMES.length ? 2 : 0;

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());

try {
  process.exitCode = await demonstrate(interrupted.signal);
} catch (error) {
  const { aborted } = interrupted.signal;
  const cause = aborted ? "Interrupted." : `FAILED: ${error instanceof Error ? error.message : error}`;
  console.log(`\n  ${cause}\n  Everything that was started has been stopped.\n`);
  process.exitCode = aborted ? 130 : 1;
}

async function demonstrate(signal: AbortSignal): Promise<number> {
  rmSync(directory(), { recursive: true, force: true });
  const store = openStore();
  store.fill(OUTINGS, PARTICIPANTS);

  await using stack = await startLocalStack({ app, signal });
  Object.assign(process.env, stack.environment);
  await using server = await startTweetServer(store);
  store.setServerUrl(server.url);
  const people = PARTICIPANTS.length;
  console.log(`
  ${OUTINGS.length} outings of ducklings, ${people} participants: each outing is announced, each participant reminded, posters are rendered.

  SQS            ${stack.sqsEndpoint}
  DynamoDB       ${stack.dynamodbEndpoint}
  tweet server   ${server.url}, fails every third request
  files          ${shownPath(directory())}: the store, posters, and the workers' logs
`);

  await using workers = new Workers();
  await using _connections = app;
  const progress = new ProgressLine(store);
  try {
    const tweeting = workers.start("default");
    const victim = workers.start("renders");
    progress.say(
      `worker ${tweeting.pid} tweets, ten tasks at a time; worker ${victim.pid} renders, one task per core (${CORES})`,
    );
    await sendEverything(store);
    progress.say(`sent ${sentence(store)}`);

    const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
    const killed = await killInMidTask(victim, store, WAVES_BEFORE_KILL * CORES, deadline);
    if (killed !== undefined) {
      progress.say(
        `killed worker ${victim.pid} (SIGKILL) with ${plural(killed.length, "half-rendered poster")} in hand`,
      );
      progress.say(
        `worker ${workers.start("renders").pid} takes its place; SQS delivers what it held again after 15 s`,
      );
    }
    while (!deadline.aborted && !(await everythingEnded(store))) {
      workers.check();
      await sleep(250);
    }
    signal.throwIfAborted();
  } finally {
    progress.stop();
  }
  await workers.drain();
  return await report(); // before the stack it reads from is stopped
}

async function sendEverything(store: Store): Promise<void> {
  const sending: Promise<Sent>[] = [];
  for (const { id: outingId } of store.outings()) {
    for (const format of FORMAT_NAMES) {
      const link = storePoster.s(outingId, format);
      const sent = renderPoster.applyAsync([outingId, format], { link });
      sending.push(sent.then(({ id }) => ({ id, task: "renderPoster", outingId, format })));
    }
    for (const task of [sendAnnouncementTweet, sendReminderTweets]) {
      sending.push(task.delay(outingId).then(({ id }) => ({ id, task: task.taskName, outingId })));
    }
  }
  store.recordSent(await Promise.all(sending));
}

function sentence(store: Store): string {
  const counts = Object.entries(Object.groupBy(store.sent(), ({ task }) => task));
  return counts.map(([task, sent]) => `${sent?.length} ${task}`).join(", ");
}

/** The queues are empty, in flight and delayed included, and everything that was accepted or recorded has ended. */
async function everythingEnded(store: Store): Promise<boolean> {
  // Twice: a task may send another to a queue that was looked at, and leave one that was not yet.
  for (const workload of [...Object.keys(app.workloads), ...Object.keys(app.workloads)])
    if ((await depth(`${app.name}-${workload}`)) > 0) return false;
  const records = await scanTasks(app.name);
  const ended = new Set(records.filter(({ state }) => ENDED.has(state)).map(({ id }) => id));
  return ended.size === records.length && store.sent().every(({ id }) => ended.has(id));
}

/** A process of its own: it knows where the table, the queues and the store are, and nothing else. */
async function report(): Promise<number> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./report.ts", import.meta.url))], { stdio: "inherit" });
  const [exitCode] = await once(child, "exit");
  return typeof exitCode === "number" ? exitCode : 1;
}
