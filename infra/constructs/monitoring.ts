// Makes the alarms that alarms.ts defines.
import { Alarm, ComparisonOperator, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { Construct } from "constructs";
import type { AlarmActions, AlarmSettings, TableAlarmOptions } from "./alarm-options.ts";
import { type AlarmDefinition, alarmName, type WorkloadTargets } from "./alarms.ts";
import { tableAlarms } from "./table-alarms.ts";
import { workloadAlarms } from "./workload-alarms.ts";

/** The alarms of one workload. `settings` are checked: see validate.ts. */
export function addWorkloadAlarms(
  scope: Construct,
  targets: WorkloadTargets,
  settings: AlarmSettings,
  actions: AlarmActions,
): readonly Alarm[] {
  return workloadAlarms(targets, settings).map((alarm) => make(scope, targets.queueName, alarm, actions));
}

/** The alarms of an app's table. */
export function addTableAlarms(scope: Construct, tableName: string, options: TableAlarmOptions): readonly Alarm[] {
  return tableAlarms(tableName, options).map((alarm) => make(scope, tableName, alarm, options));
}

function make(scope: Construct, of: string, definition: AlarmDefinition, { actions = [], topic }: AlarmActions): Alarm {
  const { id, metric, threshold, minutes, badMinutes = minutes, description } = definition;
  const alarm = new Alarm(scope, id, {
    alarmName: alarmName(of, definition),
    alarmDescription: description,
    metric,
    threshold,
    evaluationPeriods: minutes,
    datapointsToAlarm: badMinutes,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    // No traffic, no data points. Where a gap is what is wrong, the formula says so.
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
  alarm.addAlarmAction(...actions);
  if (topic !== undefined) {
    alarm.addAlarmAction(new SnsAction(topic));
    alarm.addOkAction(new SnsAction(topic));
  }
  return alarm;
}
