// What an app has once, however many workloads: its table, its bucket, its dashboard.
import type { RemovalPolicy } from "aws-cdk-lib";
import { type ITable, Table } from "aws-cdk-lib/aws-dynamodb";
import type { Construct } from "constructs";
import { PRICES } from "../../lib/core/cost/prices.ts";
import { tableName } from "../../lib/store/table.ts";
import { addDashboard } from "./dashboard.ts";
import { addTableAlarms } from "./monitoring.ts";
import { PayloadBucket } from "./payload-bucket.ts";
import { resultsTable } from "./results-table.ts";
import type { TaskAppProps } from "./task-app.ts";
import type { WorkloadSettings } from "./validate.ts";

export interface AppResources {
  readonly table: Table | ITable;
  /** Where the app has `payloads`. */
  readonly payloads: PayloadBucket | undefined;
}

export function appResources(
  scope: Construct,
  { app, existing = {}, alarms }: TaskAppProps,
  workloads: readonly WorkloadSettings[],
  removalPolicy: RemovalPolicy,
): AppResources {
  const name = tableName(app.name);
  const table = existing.tableArn
    ? Table.fromTableArn(scope, "Table", existing.tableArn)
    : resultsTable(scope, "Table", name, removalPolicy);
  addTableAlarms(scope, name, alarms ?? {});
  addDashboard(scope, "Dashboard", { app: app.name, tableName: name, workloads, alarms, prices: PRICES });
  const bucket = app.payloads && {
    app: app.name,
    bucketName: app.payloads.bucket,
    removalPolicy,
    existing: existing.bucketArn !== undefined,
  };
  return { table, payloads: bucket && new PayloadBucket(scope, "Payloads", bucket) };
}
