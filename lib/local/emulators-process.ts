// Entry point of the process that runs the emulators: fauxqs inside it, dynoxide as its child. It lives exactly as long as
// the IPC channel to the process that started it: when that one ends, even by SIGKILL, the channel closes and everything here
// goes too. Ctrl-C is not its business: a worker that drains still needs its queue.
import { systemClock } from "../clock.ts";
import { type Dynoxide, killAllDynoxides, startDynoxide } from "./dynoxide.ts";
import { type Fauxqs, startFauxqs } from "./fauxqs.ts";
import type { Answer, Command, Question, Started, StartOptions } from "./messages.ts";

// Longer than dynoxide is given to end.
const EXIT_MS = 4_000;

let options: StartOptions = { sqsPort: 0 };
let fauxqs: Fauxqs | undefined;
let dynoxide: Dynoxide | undefined;
let ending = false;
let last: Promise<void> = Promise.resolve();

process.on("SIGINT", () => {});
process.on("SIGTERM", end);
process.on("SIGHUP", end);
process.on("disconnect", end);
process.on("exit", killAllDynoxides);
process.on("message", (question: Question) => {
  last = last.then(() => answer(question)); // one at a time
});
if (!process.connected) end(); // it ended before we began

async function answer(question: Question): Promise<void> {
  const { number } = question;
  try {
    const started = await carryOut(question);
    reply(started === undefined ? { number } : { number, started });
  } catch (error) {
    reply({ number, problem: error instanceof Error ? error.message : String(error) });
  }
}

function reply(answer: Answer): void {
  // Nobody may be left to hear it; "disconnect" says so too.
  if (process.connected) process.send?.(answer, undefined, undefined, () => {});
}

async function carryOut(command: Command): Promise<Started | undefined> {
  switch (command.do) {
    case "start":
      options = command.options;
      return await start();
    case "restart-sqs":
      await restartFauxqs(command.setup);
      return undefined;
    case "restart-dynamodb":
      await restartDynoxide();
      return undefined;
    case "sweep":
      await dynoxide?.sweep();
      return undefined;
    default:
      return command satisfies never;
  }
}

async function start(): Promise<Started> {
  fauxqs = await startFauxqs(options.sqsPort);
  if (options.dynoxide === undefined) return { sqsPort: fauxqs.port };
  dynoxide = await startDynoxide(options.dynoxide);
  return { sqsPort: fauxqs.port, dynamodbPort: dynoxide.port };
}

async function restartFauxqs(setup: Extract<Command, { do: "restart-sqs" }>["setup"]): Promise<void> {
  const port = fauxqs?.port ?? 0;
  await fauxqs?.close();
  fauxqs = await startFauxqs(port, setup);
}

/** As after a crash: dynoxide has no chance to say goodbye. */
async function restartDynoxide(): Promise<void> {
  if (dynoxide === undefined || options.dynoxide === undefined) return;
  await dynoxide.stop("SIGKILL");
  dynoxide = await startDynoxide({ ...options.dynoxide, port: dynoxide.port });
}

function end(): void {
  if (ending) return;
  ending = true;
  systemClock.timer(EXIT_MS, () => process.exit(1));
  const stopped = dynoxide?.stop() ?? Promise.resolve();
  stopped.finally(() => process.exit(0));
}
