// The lines that become metrics: one line each, whatever a task is called, and never a dimension of a name that no task has.

import { systemClock } from "../../../lib/clock.ts";
import { emfDocument } from "../../../lib/core/emf.ts";
import { NOT_REGISTERED } from "../../../lib/core/metrics.ts";
import { TaskMetrics } from "../../../lib/worker/metrics.ts";
import { text } from "../hostile.ts";
import { demand, jsonLine } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";

interface Input {
  readonly task: string;
  readonly ms: number;
}

/** CloudWatch's own limits ("Dimension", API reference): printable ASCII, up to 1,024 characters, no colon first. */
const DIMENSION = /^(?!:)(?=.*\S)[ -~]{1,1024}$/;

export const make: MakeTarget = async () => {
  const lines: string[] = [];
  const metrics = new TaskMetrics({
    app: "fuzzed",
    level: "task",
    clock: systemClock,
    write: (text) => void lines.push(...text.trimEnd().split("\n")),
  });
  return target<Input>({
    generate: (rng: Rng) => ({ task: text(rng) || "x", ms: rng.pick([0, 1, 1e9, rng.int(1e6)]) }),
    run: ({ task = "x", ms = 0 }) => {
      lines.length = 0;
      const measured = { duration: [ms], queueLatency: [ms], retries: 0, failures: 1, successes: 0 };
      const document = jsonLine(
        emfDocument(0, { app: "fuzzed", workload: "default", task: task.slice(0, 255) || "x" }, measured),
        "a metric",
      );
      demand(
        DIMENSION.test(String(document.Task)),
        "log injection",
        `a dimension that CloudWatch refuses: ${document.Task}`,
      );
      metrics.ended(
        "default",
        undefined,
        { kind: "failure", failure: { type: task, message: task }, expected: false },
        { duration: ms, queueLatency: ms },
      );
      metrics.flush();
      demand(lines.length === 1, "memory", `${lines.length} series for names that no task has`);
      for (const line of lines)
        demand(
          jsonLine(line, "a metric").Task === NOT_REGISTERED,
          "log injection",
          "a name that no task has is a dimension",
        );
    },
  });
};
