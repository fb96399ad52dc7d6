// Where a rule is broken on purpose, and why. One that nothing needs any longer fails the test.
import type { Exception } from "./rules.ts";

const END_OF_TURN = "the end of the event loop's turn, not a point in time: a fake clock has nothing to say about it";
const WATCHDOG =
  "watches the main thread from another one, started from a string: real time, and no clock can be handed in";

export const EXCEPTIONS: readonly Exception[] = [
  {
    rule: "pureLayersDoNoIo",
    file: "lib/wire/failure.ts",
    what: "node:util",
    reason: "inspect() and types compute only",
  },
  { rule: "pureLayersDoNoIo", file: "lib/wire/payload.ts", what: "node:buffer", reason: "isUtf8() computes only" },
  { rule: "timeOnlyThroughClock", file: "lib/aws/coalesce.ts", what: "setImmediate", reason: END_OF_TURN },
  { rule: "timeOnlyThroughClock", file: "lib/worker/child.ts", what: "setImmediate", reason: END_OF_TURN },
  {
    rule: "timeOnlyThroughClock",
    file: "lib/worker/child-end.ts",
    what: "setInterval",
    reason:
      "looks for a process that has died, from a thread started from a string: real time, and no clock reaches it",
  },
  { rule: "timeOnlyThroughClock", file: "lib/worker/progress.ts", what: "Date.now", reason: WATCHDOG },
  { rule: "timeOnlyThroughClock", file: "lib/worker/progress.ts", what: "setInterval", reason: WATCHDOG },
];
