import type { LocalStack } from "../local/stack.ts";
import { causeOf } from "./cause.ts";
import type { Definition } from "./definition.ts";
import type { DevEvent } from "./dev-session.ts";
import { facts, type Output, type Style, span, table } from "./output.ts";
import { shownPath } from "./target.ts";
import { runsOf } from "./worker-screen.ts";

/** Where everything is. */
export function devScreen(module: string, stack: LocalStack, dataDir: string | undefined, style: Style): string {
  const where = facts(
    {
      SQS: `${stack.sqsEndpoint}  (messages in memory)`,
      DynamoDB: `${stack.dynamodbEndpoint}  (items ${dataDir === undefined ? "in memory" : `in ${shownPath(dataDir)}`})`,
      app: `${shownPath(module)}, reloads when code beside or below it changes`,
    },
    style,
  );
  const exports = Object.entries(stack.environment).map(([name, value]) => `  export ${name}=${value}`);
  return [
    style.bold("lovage dev"),
    where,
    `  ${style.dim("from another terminal here")}\n  lovage send <task> [args...] --local --wait\n  lovage queues --local`,
    `  ${style.dim("or point any program at it")}\n  node --env-file=.lovage/dev.env <script>\n${exports.join("\n")}`,
    `  ${style.dim("Ctrl-C stops it")}`,
    "",
  ]
    .join("\n\n")
    .trimEnd();
}

export function devReport(event: DevEvent, output: Output): void {
  switch (event.event) {
    case "ready":
      output.show(readyJson(event), (style) => readyText(event, style));
      break;
    case "changed":
      output.show(event, (style) => `${style.bold("changed")} ${shownPath(event.file)}: reloading`);
      break;
    case "broken":
      // Without a cause: the worker has given it itself.
      if (event.cause !== undefined) output.error(event.cause);
      output.show({ event: "broken", cause: event.cause && causeOf(event.cause).message }, ({ dim }) =>
        dim("waiting for a change"),
      );
      break;
    case "died":
      output.show(event, ({ red }) => `${red("died")} the worker ended by itself (${event.how}); it starts again`);
      break;
    default:
      event satisfies never;
  }
}

type Ready = Extract<DevEvent, { event: "ready" }>;

function readyJson({ definition, worker, ms }: Ready): object {
  const { app } = definition;
  const functions = definition.workloads.filter(({ kind }) => kind === "lambda");
  return { event: "ready", app, workloads: worker?.workloads ?? [], functions, worker: worker?.owner, ms };
}

function readyText({ definition, worker, ms, isNew }: Ready, style: Style): string {
  const counted = definition.tasks.length === 1 ? "1 task" : `${definition.tasks.length} tasks`;
  const who = worker === undefined ? "" : `, worker ${worker.pid}`;
  const line = `${style.green("ready")} ${definition.app}: ${counted}${who} ${style.dim(`(${ms} ms)`)}`;
  if (!isNew) return line;
  const rows = definition.workloads.map((workload) => [
    workload.name,
    runsIn(workload, worker),
    definition.tasks
      .filter((task) => task.workload === workload.name)
      .map(({ name }) => name)
      .join(", ") || "no tasks",
  ]);
  return `\n${line}\n\n${table(["workload", "runs", "tasks"], rows, style)}\n`;
}

function runsIn(
  { name, batchSize, memoryMb, lambda }: Definition["workloads"][number],
  worker: Ready["worker"],
): string {
  if (lambda)
    return `Lambda: ${lambda.maxConcurrency} × ${batchSize} at a time, ${span(lambda.timeoutSeconds)}, ${memoryMb} MB`;
  const served = worker?.workloads.find((one) => one.name === name);
  return served === undefined ? "not served" : runsOf(served.work, served.concurrency);
}
