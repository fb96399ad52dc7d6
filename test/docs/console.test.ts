import { expect, test } from "vitest";
import { agrees, comparable, consoleBlocks } from "./console.ts";

const GUIDE = `# A guide

## One cause

\`\`\`console
$ lovage queues
shop: SQS

  waiting   1

$ lovage worker; echo $?
error: no
1
\`\`\`

\`\`\`ts
// $ lovage nothing
\`\`\`
`;

test("commands and what they print are found, under their heading", () => {
  expect(consoleBlocks(GUIDE)).toEqual([
    {
      heading: "One cause",
      line: 5,
      commands: [
        { command: "lovage queues", output: "shop: SQS\n\n  waiting   1" },
        { command: "lovage worker; echo $?", output: "error: no\n1" },
      ],
    },
  ]);
});

test("ids, times, ports, workers, ages and the width of columns make no difference", () => {
  const one =
    "STARTED   01a1fe0d-7478-7810-90a0-ce63784873c5 at 127.0.0.1:80, vm:1:0a0a0a, (3 s ago), took 5 ms\n  default     1       4 s";
  const other =
    "STARTED 99a1fe0d-7478-7810-90a0-ce63784873c5 at 127.0.0.1:9, ip-1:27:0b0b0b, (7 min ago), took 12 ms\n\ndefault 1 9 s\n";
  expect(comparable(one)).toBe(comparable(other));
});

test("states, counts and messages do", () => {
  expect(agrees("PENDING", "STARTED")).toBe(false);
  expect(agrees("default 1 0", "default 0 1")).toBe(false);
  expect(agrees("one\ntwo", "one")).toBe(false);
  expect(agrees("one", "one\ntwo")).toBe(false);
  expect(agrees("", "one")).toBe(false);
});

test("a line of dots stands for any lines, and a log may go on", () => {
  expect(agrees("one\n…\nfour", "one\ntwo\nthree\nfour")).toBe(true);
  expect(agrees("one\n…\nfive", "one\ntwo\nthree\nfour")).toBe(false);
  expect(agrees("one\n…", "one\ntwo")).toBe(true);
  expect(agrees("one", "one\ntwo", true)).toBe(true);
  expect(agrees("two", "one\ntwo", true)).toBe(false);
});
