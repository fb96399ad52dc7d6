import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { alarmSettings } from "../../infra/constructs/alarm-options.ts";
import { addDashboard, type DashboardProps, WORKLOADS_PER_DASHBOARD } from "../../infra/constructs/dashboard.ts";
import { addTableAlarms, addWorkloadAlarms } from "../../infra/constructs/monitoring.ts";
import type { WorkloadSettings } from "../../infra/constructs/validate.ts";
import { targetsOf } from "../../infra/constructs/workload-alarms.ts";
import { CLOUDWATCH, WORKLOAD_DEFAULTS } from "../../lib/defaults.ts";
import { onFargate, onLambda, type Workload } from "../../lib/workload.ts";

interface Widget {
  readonly type: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: {
    readonly title?: string;
    readonly markdown?: string;
    readonly region?: string;
    readonly alarms?: readonly string[];
    readonly period?: number;
    readonly yAxis?: { readonly left?: object };
    // as CloudWatch's dashboard body has them: names and dimensions, then how to show it; or an expression
    readonly metrics?: readonly unknown[][];
    readonly annotations?: { readonly horizontal?: readonly { value: number; label: string }[] };
  };
}

function settings(name: string, workload: Workload): WorkloadSettings {
  return {
    ...workload,
    workload: name,
    retentionSeconds: WORKLOAD_DEFAULTS.retentionSeconds,
    deadLetterRetentionSeconds: WORKLOAD_DEFAULTS.deadLetterRetentionSeconds,
    alarms: alarmSettings(workload, {}),
  };
}

const mails = settings("mails", onLambda({ maxConcurrency: 25 }));
const renders = settings("renders", onFargate({ cpu: 2, memory: "4GB", maxWorkers: 20 }));
/** Made up, and easy to reckon with. */
const prices = {
  sqsRequest: { usd: 1, per: 1_000_000 },
  lambdaRequest: { usd: 2, per: 1_000_000 },
  lambdaCompute: { usd: 20, per: 1_000_000 },
  fargateVcpu: { usd: 0.5, per: 1 },
  fargateMemory: { usd: 0.25, per: 1 },
  writeUnit: { usd: 3, per: 1_000_000 },
  readUnit: { usd: 4, per: 1_000_000 },
};

/** The dashboards that a stack makes, by name: their bodies, as CloudWatch gets them in one region. */
function dashboards(props: Partial<DashboardProps> = {}): Record<string, readonly Widget[]> {
  const stack = new Stack(new App(), "Shop");
  addDashboard(stack, "Dashboard", { app: "shop", tableName: "shop", workloads: [mails, renders], ...props });
  const found = Object.values(Template.fromStack(stack).findResources("AWS::CloudWatch::Dashboard"));
  return Object.fromEntries(
    found.map(({ Properties }) => [Properties.DashboardName, JSON.parse(resolved(Properties.DashboardBody)).widgets]),
  );
}

/** What CloudFormation makes of a joined text. */
function resolved(text: { "Fn::Join": [string, (string | { Ref: string })[]] }): string {
  const pseudo: Record<string, string> = {
    "AWS::Region": "eu-central-1",
    "AWS::Partition": "aws",
    "AWS::AccountId": "111122223333",
  };
  const [separator, parts] = text["Fn::Join"];
  return parts.map((part) => (typeof part === "string" ? part : pseudo[part.Ref])).join(separator);
}

const titled = (widgets: readonly Widget[] = [], title: string) => {
  const found = widgets.find(({ properties }) => properties.title === title);
  if (found === undefined) throw new Error(`no widget "${title}"`);
  return found.properties;
};
const graphs = (widgets: readonly Widget[] = []) => widgets.filter(({ type }) => type === "metric");
/** The last element of a metric's row says how it is shown. */
const expressions = (metrics: readonly unknown[][] = []) =>
  metrics.flat().filter((part): part is { expression: string } => Object.hasOwn(Object(part), "expression"));

describe("the dashboard of an app", () => {
  test("has a row for the app and one for every workload", async () => {
    const all = dashboards();
    expect(Object.keys(all)).toEqual(["shop"]);
    const texts = all.shop?.flatMap(({ properties: { markdown } }) => markdown ?? []);
    expect(texts).toEqual(["# shop", "## mails (Lambda)", "## renders (Fargate)"]);
    await expect(`${JSON.stringify(all.shop, null, 2)}\n`).toMatchFileSnapshot("dashboard-body.snap");
  });

  test("a row fills its lines from left to right, and nothing overlaps", () => {
    const all = dashboards({ prices }).shop ?? [];
    for (const one of all) {
      expect(one.x + one.width).toBeLessThanOrEqual(24);
      const over = all.filter(
        ({ x, y, width, height }) =>
          x < one.x + one.width && one.x < x + width && y < one.y + one.height && one.y < y + height,
      );
      expect(over).toEqual([one]);
    }
  });

  test("every graph has a title, a unit, an axis from 0, a minute, and the stack's region", () => {
    const all = graphs(dashboards({ prices }).shop);
    expect(all.length).toBeGreaterThan(15);
    for (const { properties } of all) {
      expect(properties.title).toMatch(/^(mails|renders|Table shop): \w|^Tasks/);
      expect(properties).toMatchObject({ region: "eu-central-1", period: 60 });
      expect(properties.yAxis).toEqual({ left: { min: 0, label: expect.stringMatching(/\w/), showUnits: false } });
    }
  });

  test("lines show where alarms go off, and what a workload may use", () => {
    const body = dashboards().shop;
    const values = (title: string) => titled(body, title).annotations?.horizontal?.map(({ value }) => value);
    expect(values("mails: depth")).toEqual([100, 500, 1_000]);
    expect(values("mails: age of the oldest task")).toEqual([1_200]);
    expect(values("mails: concurrency")).toEqual([25]);
    expect(values("renders: concurrency")).toEqual([20]);
  });

  test("an alarm that is left out has no line and no state", () => {
    const off = { ageOfOldest: "off", deadLetters: "off", noProgress: "off", noWorkers: "off" } as const;
    const rest = { errors: "off", throttles: "off", inFlight: "off", recursion: "off", queueDepths: [] } as const;
    const none = { ...mails, alarms: alarmSettings(mails, { ...off, ...rest }) };
    const body = dashboards({ workloads: [none], alarms: { tableThrottles: "off" } }).shop;
    expect(body?.filter(({ type }) => type === "alarm")).toEqual([]);
    expect(titled(body, "mails: depth").annotations?.horizontal ?? []).toEqual([]);
    expect(titled(body, "mails: age of the oldest task").annotations?.horizontal ?? []).toEqual([]);
  });

  test("states of alarms are those of the alarms that are made", () => {
    const shown = (dashboards().shop ?? []).flatMap(({ properties }) => properties.alarms ?? []);
    const stack = new Stack(new App(), "Shop");
    addTableAlarms(stack, "shop", {});
    for (const workload of [mails, renders]) {
      const own = new Stack(stack, workload.workload);
      addWorkloadAlarms(own, targetsOf("shop", workload), workload.alarms, {});
    }
    const names = [stack, ...stack.node.findAll().filter(Stack.isStack)].flatMap((one) =>
      Object.values(Template.fromStack(one).findResources("AWS::CloudWatch::Alarm")).map(
        ({ Properties }) => Properties.AlarmName,
      ),
    );
    const arns = [...new Set(names)].map((name) => `arn:aws:cloudwatch:eu-central-1:111122223333:alarm:${name}`);
    expect([...shown].sort()).toEqual(arns.sort());
  });
});

describe("cost", () => {
  test("is left out where there are no prices", () => {
    expect(() => titled(dashboards().shop, "mails: cost")).toThrow("no widget");
  });

  const cost = (title: string) => expressions(titled(dashboards({ prices }).shop, title).metrics)[0]?.expression;
  const requests = "(FILL(sent, 0) + FILL(received, 0) + FILL(deleted, 0) + FILL(empty, 0))";

  test("of a function: sixty times a minute's requests, invocations and GB-seconds", () => {
    // 512 MB: 60 * 0.5 GB * $0.00002 / 1,000 ms
    expect(cost("mails: cost")).toBe(
      `0.00006 * ${requests} + 0.00012 * FILL(invocations, 0) + 0.0000006 * FILL(ran, 0)`,
    );
  });

  test("of containers: requests, and every container's vCPUs and memory by the hour", () => {
    // 2 * $0.5 + 4 * $0.25
    expect(cost("renders: cost")).toBe(`0.00006 * ${requests} + 2 * FILL(running, 0)`);
  });

  test("of the table: units read and written, the index's too", () => {
    expect(cost("Table shop: cost")).toBe(
      "0.00024 * (FILL(reads, 0) + FILL(indexReads, 0)) + 0.00018 * (FILL(writes, 0) + FILL(indexWrites, 0))",
    );
  });
});

describe("many workloads", () => {
  const many = Array.from({ length: 2 * WORKLOADS_PER_DASHBOARD + 1 }, (_, i) =>
    settings(`w${i}`, i % 2 === 0 ? onLambda() : onFargate()),
  );
  const all = dashboards({ workloads: many, prices });

  test("go on in further dashboards, in their order", () => {
    expect(Object.keys(all)).toEqual(["shop", "shop-2", "shop-3"]);
    const shown = Object.values(all).map((widgets) =>
      widgets.flatMap(({ properties: { markdown } }) => markdown?.match(/^## (w\d+)/)?.[1] ?? []),
    );
    expect(shown.map((names) => names.length)).toEqual([WORKLOADS_PER_DASHBOARD, WORKLOADS_PER_DASHBOARD, 1]);
    expect(shown.flat()).toEqual(many.map(({ workload }) => workload));
  });

  test("none of which has more widgets or metrics than CloudWatch takes", () => {
    for (const widgets of Object.values(all)) {
      expect(widgets.length).toBeLessThanOrEqual(CLOUDWATCH.maxDashboardWidgets);
      const metrics = widgets.flatMap(({ properties }) => properties.metrics ?? []);
      const plain = metrics.length - expressions(metrics).length;
      expect(plain).toBeLessThanOrEqual(CLOUDWATCH.maxDashboardMetrics);
      for (const { properties } of widgets) expect(properties.metrics?.length ?? 0).toBeLessThanOrEqual(500);
    }
  });
});
