// docs/operations.md and the alarms that the constructs make, both ways.
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { alarmSettings } from "../../infra/constructs/alarm-options.ts";
import { tableAlarms } from "../../infra/constructs/table-alarms.ts";
import { targetsOf, workloadAlarms } from "../../infra/constructs/workload-alarms.ts";
import { ALARM_DEFAULTS, ALARM_METRICS } from "../../lib/defaults.ts";
import { onFargate, onLambda } from "../../lib/workload.ts";

const text = await readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");
const [, alarms = ""] = text.split("\n## The alarms\n");
const sections = new Map(
  [...(alarms.split("\n## ")[0] ?? "").matchAll(/^### (\w+)\n(.*?)(?=^### |$(?![\s\S]))/gms)].map(
    ([, name = "", body = ""]) => [name, body] as const,
  ),
);

const everything = {
  lambda: workloadAlarms(targetsOf("shop", { kind: "lambda", workload: "mails" }), alarmSettings(onLambda(), {})),
  fargate: workloadAlarms(targetsOf("shop", { kind: "fargate", workload: "renders" }), alarmSettings(onFargate(), {})),
  app: tableAlarms("shop", {}),
};
/** Alarms by the heading they have: depths share one. */
const made = [...everything.lambda, ...everything.fargate, ...everything.app].map(({ id }) => id.replace(/\d+$/, ""));

test("every alarm has a section, and every section an alarm", () => {
  expect([...sections.keys()].sort()).toEqual([...new Set(made)].sort());
});

test("every alarm is in the table, with a link to its section", () => {
  const rows = [...alarms.matchAll(/^\| \[(\w+)\]\(#(\w+)\)/gm)];
  expect(rows.map(([, name]) => name).sort()).toEqual([...new Set(made)].sort());
  for (const [, name, anchor] of rows) expect(anchor).toBe(name?.toLowerCase());
});

test.each([...sections])(
  "%s says what it means and at least two things to do, with a command to type",
  (_name, body) => {
    const [meaning, ...steps] = body.split(/^\d\. /m);
    expect(meaning?.trim()).not.toBe("");
    expect(steps.length).toBeGreaterThanOrEqual(2);
    expect(body).toMatch(/`(lovage|aws) /);
  },
);

test("the options that tune an alarm are named there", () => {
  const options = Object.keys(ALARM_DEFAULTS).map((name) => name.replace(/Seconds$/, ""));
  for (const option of options) expect(alarms).toContain(`\`${option}\``);
});

test("numbers are the defaults", () => {
  expect(alarms).toContain(ALARM_DEFAULTS.queueDepths.map((depth) => depth.toLocaleString("en-US")).join(", "));
  expect(alarms).toContain(`for ${ALARM_DEFAULTS.queueDepthMinutes} minutes`);
  expect(alarms).toContain(`${ALARM_DEFAULTS.ageOfOldestSeconds / 60} minutes old`);
  expect(alarms).toContain(`done with for ${ALARM_DEFAULTS.noProgressSeconds / 60} minutes`);
  expect(alarms).toContain(`runs for ${ALARM_DEFAULTS.noWorkersSeconds / 60} minutes`);
  expect(alarms).toContain(`${ALARM_DEFAULTS.inFlight.toLocaleString("en-US")} messages in flight`);
});

test("alarms that only scale are said to be harmless", () => {
  expect(alarms).toMatch(/`Backlog` and `Idle`, which start and stop workers/);
});

test("what watching costs is counted", () => {
  const metrics = (of: Readonly<Record<string, number>>, depths = 0) =>
    Object.values(of).reduce((sum, count) => sum + count, depths);
  const more = ALARM_DEFAULTS.queueDepths.length - 1;
  expect(text).toContain(
    `${metrics(ALARM_METRICS.lambda, more)} for a function's workload and ${metrics(ALARM_METRICS.fargate, more)} for one of containers, ${metrics(ALARM_METRICS.app)} for the table`,
  );
});
