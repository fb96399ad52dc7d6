// The runtime of a local function: a process of sandbox.ts starts with this module. It loads the app, makes the handler, and
// fetches invocations, as Lambda's own runtime does with a bundle.
import { systemClock } from "../../clock.ts";
import { readLambdaEnvironment } from "../../environment.ts";
import { createLogger } from "../../log.ts";
import { toFailure } from "../../wire/failure.ts";
import { followWorker } from "../../worker/child-end.ts";
import { createLambdaHandler, type LambdaContext, type SqsEvent } from "../../worker/lambda.ts";
import { loadApp } from "../../worker/load-app.ts";

const [appPath = ""] = process.argv.splice(2); // the app sees no arguments of ours
const { runtimeApi, functionName, logFormat, logLevel } = readLambdaEnvironment();
const url = (path: string) => `http://${runtimeApi}/2018-06-01/runtime/${path}`;

followWorker(process.ppid); // whoever started it

const post = (path: string, body: unknown) =>
  fetch(url(path), { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });

function report(error: unknown) {
  const { type, message, stack } = toFailure(error);
  return { errorType: type, errorMessage: message, stackTrace: stack?.split("\n") ?? [] };
}

async function load() {
  try {
    const app = await loadApp(appPath);
    const write = (line: string) => process.stderr.write(`${line}\n`);
    app.logTo(createLogger({ level: logLevel, format: logFormat, clock: systemClock, write }));
    return createLambdaHandler(app);
  } catch (error) {
    await post("init/error", report(error));
    process.exit(1);
  }
}

const handler = await load();
for (;;) {
  const next = await fetch(url("invocation/next"));
  const id = next.headers.get("lambda-runtime-aws-request-id") ?? "";
  const deadline = Number(next.headers.get("lambda-runtime-deadline-ms"));
  const context: LambdaContext = {
    awsRequestId: id,
    functionName,
    getRemainingTimeInMillis: () => deadline - systemClock.now(),
  };
  try {
    const answer = await handler((await next.json()) as SqsEvent, context); // the event source mapping made it
    await post(`invocation/${id}/response`, answer);
  } catch (error) {
    await post(`invocation/${id}/error`, report(error));
  }
}
