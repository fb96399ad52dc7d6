// Reads back what became of every task and prints it. A process of its own that shares nothing with the code that did the
// work: its numbers come from DynamoDB (scanned directly), from the queues, and from the example's store.
//
// lost             A task whose id the queue accepted (table `sent`, written by whoever sent it) and that has no terminal
//                  record in DynamoDB. Also a record that is not terminal, and a callback that was owed and never came: a
//                  rendered poster that nobody stored, a failed tweet that nobody noted.
// finished twice   A task with more than one execution that ran to its end. This asks for more than Lovage promises. A task
//                  has one terminal record, whatever happens; but an execution whose outcome could not be written any more
//                  (its worker died between the task's last line and that write, or its claim was taken over) leaves a
//                  task that runs, and finishes, again. The worker of this example is killed in the middle of its tasks,
//                  so a killed task starts twice and finishes once, and the number must be 0.
import { join } from "node:path";
import { app } from "./app.ts";
import { isCompletePng } from "./png.ts";
import { plural, printTable, shownPath } from "./print.ts";
import { depth, ENDED, scanTasks, type TaskItem } from "./records.ts";
import { directory, openStore } from "./store.ts";
import "./tasks.ts"; // their names, in order

const store = openStore();
const records = await scanTasks(app.name);
const recordOf = new Map(records.map((record) => [record.id, record]));
const problems: string[] = [];

const stateOf = (id: string) => recordOf.get(id)?.state ?? "without a record";
const count = (sql: string) => Number(store.query<{ n: number }>(`SELECT count(*) AS n FROM ${sql}`)[0]?.n);
const ids = (sql: string) => store.query<{ id: string }>(sql).map(({ id }) => id);

function expect(holds: boolean, otherwise: string): void {
  if (!holds) problems.push(otherwise);
}

console.log(`\n  Read back from DynamoDB and from ${shownPath(directory())}:\n`);
reportTasks();
reportTweets();
reportPosters();
reportKilled();
await reportDeadLetters();
reportLostAndFinishedTwice();
for (const problem of problems.slice(0, 10)) console.log(`  FAILED: ${problem}`);
if (problems.length > 10) console.log(`  FAILED: and ${problems.length - 10} more`);
if (problems.length > 0) console.log();
process.exitCode = problems.length === 0 ? 0 : 1;

/**
 * One row for each task, and their sum. A tweet to somebody without a handle fails as intended, at the first run. `retried` counts tasks, not
 * retries; a run is a claim in DynamoDB.
 */
function reportTasks(): void {
  const handleless = new Set(
    ids("SELECT sent.id FROM sent JOIN participants p ON p.id = participant_id WHERE handle IS NULL"),
  );
  const asIntended = ({ id, state, attempt, failure }: TaskItem) =>
    state === "FAILURE" && failure === "NoHandle" && attempt === 0 && handleless.has(id);
  const succeeded = ({ state }: TaskItem) => state === "SUCCESS";
  const row = (name: string, group: readonly TaskItem[]) => {
    const runs = group.reduce((sum, record) => sum + record.runs, 0);
    const counts = [succeeded, asIntended, ({ attempt }: TaskItem) => attempt > 0].map((is) => group.filter(is).length);
    return [name, group.length, ...counts, group.length === 0 ? "-" : (runs / group.length).toFixed(2)].map(String);
  };
  const byTask = Object.groupBy(records, ({ task }) => task);
  const rows = [...app.tasks.keys()].map((name) => row(name, byTask[name] ?? []));
  const head = ["task", "tasks", "succeeded", "failed as intended", "retried", "runs per task"];
  printTable([head, ...rows, row("all", records)]);

  const wrong = records.filter((record) => ENDED.has(record.state) && !succeeded(record) && !asIntended(record));
  for (const { task, id, state, failure } of wrong)
    expect(false, `${task} ${id} is ${state} (${failure}) and should have succeeded`);
  for (const id of handleless)
    expect(stateOf(id) === "FAILURE", `tweet ${id} has nobody to go to and is ${stateOf(id)}`);
  // A worker may be killed between a claim and the first line of the task, so claims may be more; they are never fewer.
  const executions = new Map(
    store
      .query<{ id: string; n: number }>("SELECT task_id AS id, count(*) AS n FROM executions GROUP BY 1")
      .map(({ id, n }) => [id, n]),
  );
  for (const { id, runs, task } of records) {
    expect(
      (executions.get(id) ?? 0) <= runs,
      `${task} ${id} was executed ${executions.get(id)} times and claimed ${runs} times`,
    );
  }
}

function reportTweets(): void {
  const requests = count("requests");
  const failed = count("requests WHERE answer IN ('refused', 'kept, answer lost', 'never answered')");
  const lostAnswers = count("requests WHERE answer = 'kept, answer lost'");
  const twice = count("(SELECT 1 FROM tweets GROUP BY outing_id, participant_id HAVING count(*) > 1)");
  const due = count("outings") + count("participants WHERE handle IS NOT NULL");
  console.log(`
  no handle       ${count("participants WHERE handle IS NULL")} participants; their tweets fail as intended and are not retried
  tweet server    ${requests} requests, of which it failed ${failed}, ${lostAnswers} of them after it had kept the tweet
  tweets          ${count("tweets")} of ${due} kept, tweeted twice: ${twice}`);
  expect(count("tweets") === due, `${due} tweets were due and ${count("tweets")} were kept`);
  expect(twice === 0, `${twice} tweets were kept twice`);
}

function reportPosters(): void {
  const stored = store.query<{ path: string }>("SELECT path FROM posters").map(({ path }) => join(directory(), path));
  const complete = stored.filter(isCompletePng);
  const due = count("sent WHERE task = 'renderPoster'");
  console.log(
    `  posters         ${complete.length} of ${due}, PNG files in ${shownPath(join(directory(), "posters"))}`,
  );
  expect(complete.length === due, `${due} posters were due and ${complete.length} are complete PNG files`);
}

function reportKilled(): void {
  const killed = ids("SELECT task_id AS id FROM killed");
  // It began in the killed process and never ended there; it began again elsewhere, and ended.
  const recovered = ids(`SELECT task_id AS id FROM killed k WHERE
    EXISTS (SELECT 1 FROM executions e WHERE e.task_id = k.task_id AND e.pid = k.pid AND ended_at IS NULL) AND
    EXISTS (SELECT 1 FROM executions e WHERE e.task_id = k.task_id AND e.pid <> k.pid AND outcome = 'finished')`);
  const both = recovered.filter((id) => stateOf(id) === "SUCCESS" && (recordOf.get(id)?.runs ?? 0) > 1);
  console.log(
    `  killed          ${plural(killed.length, "task")} in the middle of a run, of which ${both.length} ran again and succeeded`,
  );
  expect(killed.length > 0, "no worker was killed in the middle of a task");
  for (const id of killed)
    expect(both.includes(id), `task ${id}, killed in the middle of a run, did not recover: it is ${stateOf(id)}`);
}

async function reportDeadLetters(): Promise<void> {
  const depths = await Promise.all(Object.keys(app.workloads).map((workload) => depth(`${app.name}-${workload}-dead`)));
  const deadLetters = depths.reduce((sum, messages) => sum + messages, 0);
  console.log(`  dead letters    ${deadLetters}`);
  expect(deadLetters === 0, `${deadLetters} messages are on the dead-letter queues`);
}

function reportLostAndFinishedTwice(): void {
  const unstored = ids(
    "SELECT id FROM sent LEFT JOIN posters USING (outing_id, format) WHERE task = 'renderPoster' AND path IS NULL",
  );
  const unnoted = ids(
    "SELECT id FROM sent LEFT JOIN unreachable USING (participant_id) WHERE task = 'tweet' AND task_id IS NULL",
  );
  const lost = new Set([
    ...ids("SELECT id FROM sent").filter((id) => !ENDED.has(stateOf(id))),
    ...records.filter(({ state }) => !ENDED.has(state)).map(({ id }) => id),
    ...unstored.filter((id) => stateOf(id) === "SUCCESS"),
    ...unnoted.filter((id) => stateOf(id) === "FAILURE"),
  ]);
  const twice = ids(
    "SELECT task_id AS id FROM executions WHERE outcome = 'finished' GROUP BY task_id HAVING count(*) > 1",
  );
  console.log(`\n  lost: ${lost.size}\n  finished twice: ${twice.length}\n`);
  for (const id of lost) expect(false, `lost: ${recordOf.get(id)?.task ?? "task"} ${id} is ${stateOf(id)}`);
  for (const id of twice) expect(false, `finished twice: ${recordOf.get(id)?.task ?? "task"} ${id}`);
}
