// The parent's side of emulators-process.ts: starts it, asks it, ends it, and never waits for it without a bound.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { extname } from "node:path";
import { systemClock } from "../clock.ts";
import { StartupFailed } from "../errors.ts";
import { lastLines } from "./last-lines.ts";
import type { Answer, Command, Question } from "./messages.ts";

// Longer than the bounds inside the process, whose messages say more.
const ANSWER_MS = 15_000;
const EXIT_MS = 5_000;

export interface Emulators {
  /** Throws StartupFailed with the process's problem, or its last words where it died. */
  ask(command: Command): Promise<Extract<Answer, { started?: unknown }>>;
  /** Resolves once the process is gone, and its children with it. */
  stop(): Promise<void>;
}

/** The process keeps nobody alive while it is not being asked: a script that ends takes it along. */
export function forkEmulators(): Emulators {
  // Run as .ts from the repository, as .js from the package.
  const entry = new URL(`./emulators-process${extname(import.meta.url)}`, import.meta.url);
  const child = fork(entry, [], {
    detached: true, // its own process group: Ctrl-C and a kill of the terminal's group do not reach it
    execArgv: [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const stderr = lastLines(child.stderr);
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  let asked = 0;

  const settle = (number: number, apply: (promise: PromiseWithResolvers<Answer>) => void) => {
    const promise = waiting.get(number);
    waiting.delete(number);
    if (waiting.size === 0) keepAlive(child, false);
    if (promise !== undefined) apply(promise);
  };
  const fail = (why: string) => {
    for (const number of [...waiting.keys()]) settle(number, ({ reject }) => reject(new StartupFailed(why)));
  };
  child.on("message", (answer: Answer) => settle(answer.number, ({ resolve }) => resolve(answer)));
  child.on("error", (error) => fail(`the local stack's process could not be started or reached: ${error.message}`));
  // Not "close", which Node does not emit after a disconnect of our own.
  child.on("exit", (code, signal) => {
    killGroup(child);
    stderr.ended.then(() => fail(`the local stack's process ended (${signal ?? code}): ${stderr.text()}`));
  });

  return {
    ask: async (command) => {
      const number = asked++;
      const promise = Promise.withResolvers<Answer>();
      if (!child.connected)
        throw new StartupFailed(`the local stack is not running: ${stderr.text() || "it was stopped"}`);
      waiting.set(number, promise);
      keepAlive(child, true);
      const cancel = systemClock.timer(ANSWER_MS, () =>
        fail(`the local stack's process gave no answer: ${stderr.text()}`),
      );
      child.send({ ...command, number } satisfies Question, (error) => {
        if (error !== null) settle(number, ({ reject }) => reject(new StartupFailed(error.message, { cause: error })));
      });
      try {
        const answer = await promise.promise;
        if ("problem" in answer) throw new StartupFailed(answer.problem);
        return answer;
      } finally {
        cancel();
      }
    },
    stop: async () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      keepAlive(child, true);
      const exited = once(child, "exit");
      if (child.connected) child.disconnect();
      const cancel = systemClock.timer(EXIT_MS, () => killGroup(child));
      await exited;
      cancel();
    },
  };
}

function keepAlive(child: ChildProcess, yes: boolean): void {
  const stderr = child.stderr as Socket | null; // a pipe to a child is a socket, which its type does not say
  for (const handle of [child, child.channel, stderr]) yes ? handle?.ref() : handle?.unref();
}

/** Also dynoxide, should the process itself have been killed. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // nobody is left, as it should be
  }
}
