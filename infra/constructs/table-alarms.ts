// Alarms on the table of an app.
import { MathExpression } from "aws-cdk-lib/aws-cloudwatch";
import { ALARM_DEFAULTS } from "../../lib/defaults.ts";
import type { TableAlarmOptions } from "./alarm-options.ts";
import { type AlarmDefinition, when } from "./alarms.ts";
import { indexCount, MINUTE, tableCount } from "./metrics.ts";

/**
 * Of the table and of its index: a write to a throttled index fails on the table too, and is counted for the index. Throttles
 * are published only while there are some, and an alarm on DynamoDB's metrics keeps its state while data is missing, whatever
 * else it is told. So every minute is filled, or it would never end.
 */
export function tableAlarms(
  tableName: string,
  { tableThrottles = ALARM_DEFAULTS.tableThrottles }: TableAlarmOptions,
): readonly AlarmDefinition[] {
  return when(tableThrottles, (count) => ({
    kind: "tableThrottles",
    id: "TableThrottles",
    metric: new MathExpression({
      expression: "FILL(reads, 0) + FILL(writes, 0) + FILL(indexReads, 0) + FILL(indexWrites, 0)",
      usingMetrics: {
        reads: tableCount(tableName, "ReadThrottleEvents"),
        writes: tableCount(tableName, "WriteThrottleEvents"),
        indexReads: indexCount(tableName, "ReadThrottleEvents"),
        indexWrites: indexCount(tableName, "WriteThrottleEvents"),
      },
      label: "throttled requests",
      period: MINUTE,
    }),
    threshold: count,
    minutes: 5,
    badMinutes: 3,
    description: `Table ${tableName} throttled ${count} or more reads and writes a minute in 3 of 5 minutes; workers wait and try again. Look first at its consumed units: more than twice the highest of the last 30 minutes, or one hot key.`,
  }));
}
