// The dashboard of an app: a row for the app, one for every workload. It names what it shows, so it depends on no stack.
import { Dashboard, type IWidget, PeriodOverride } from "aws-cdk-lib/aws-cloudwatch";
import type { Construct } from "constructs";
import type { TableAlarmOptions } from "./alarm-options.ts";
import { appRow, workloadRow } from "./dashboard-rows.ts";
import type { WorkloadSettings } from "./validate.ts";

/** What `usd` dollars buy `per` of. */
interface Price {
  readonly usd: number;
  readonly per: number;
}

/** Requests of SQS and Lambda, GB-seconds of Lambda, vCPU-hours and GB-hours of Fargate, units of DynamoDB. */
export type DashboardPrices = Readonly<
  Record<
    "sqsRequest" | "lambdaRequest" | "lambdaCompute" | "fargateVcpu" | "fargateMemory" | "writeUnit" | "readUnit",
    Price
  >
>;

export interface DashboardProps {
  /** Name of the app, of the dashboard, and of the cluster its containers run in. */
  readonly app: string;
  readonly tableName: string;
  /** In the order of their rows. */
  readonly workloads: readonly WorkloadSettings[];
  /** The table's alarms, whose state is shown. @default - the default ones */
  readonly alarms?: TableAlarmOptions | undefined;
  /** What an hour costs is shown by these. @default - it is not shown */
  readonly prices?: DashboardPrices;
}

/**
 * Rows of one dashboard. CloudWatch takes 500 widgets and 2,500 metrics ("CloudWatch service quotas"); a workload has at most
 * 9 and 26, the app 5 and 8 and one metric for each workload.
 */
export const WORKLOADS_PER_DASHBOARD = 50;

/** Makes the dashboard `<app>`; those of more than 50 workloads go on in `<app>-2`, `<app>-3` and so on. */
export function addDashboard(scope: Construct, id: string, props: DashboardProps): readonly Dashboard[] {
  const { app, workloads } = props;
  const pages = Array.from({ length: Math.ceil(workloads.length / WORKLOADS_PER_DASHBOARD) }, (_, page) =>
    workloads.slice(page * WORKLOADS_PER_DASHBOARD, (page + 1) * WORKLOADS_PER_DASHBOARD),
  );
  return pages.map((shown, page) => {
    const number = page === 0 ? "" : `${page + 1}`;
    const rows: IWidget[][] = [
      ...(page === 0 ? appRow(scope, props) : []),
      ...shown.flatMap((workload) => workloadRow(scope, props, workload)),
    ];
    return new Dashboard(scope, `${id}${number}`, {
      dashboardName: number === "" ? app : `${app}-${number}`,
      // Widgets keep their minute, whatever range is looked at: a longer period would add peaks up, or hide them.
      periodOverride: PeriodOverride.INHERIT,
      widgets: rows,
    });
  });
}
