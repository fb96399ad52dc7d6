// Alarms that could never go off, would never end, or that CloudWatch does not take; rows like those of validate.ts.
import { CLOUDWATCH, SQS } from "../../lib/defaults.ts";
import { outside, type Rule, type WorkloadSettings } from "./validate.ts";

const MAX_MINUTES = CLOUDWATCH.maxEvaluationSeconds / 60;

/** Minutes in a row, which CloudWatch bounds. */
function lasting(name: "noProgress" | "noWorkers"): Rule<WorkloadSettings> {
  const secondsOf = ({ alarms }: WorkloadSettings) => alarms[`${name}Seconds`];
  return {
    condition: (settings) => beyond(secondsOf(settings), 60, CLOUDWATCH.maxEvaluationSeconds),
    message: (settings) =>
      `${name} of alarms is ${secondsOf(settings)} s; it takes 60 to ${CLOUDWATCH.maxEvaluationSeconds} s: CloudWatch looks at minutes, and back over one day at most`,
  };
}

function counted(name: "deadLetters" | "errors" | "throttles" | "recursion"): Rule<WorkloadSettings> {
  return {
    condition: ({ alarms }) => alarms[name] !== "off" && outside(alarms[name], 1, Number.MAX_SAFE_INTEGER),
    message: ({ alarms }) => `${name} of alarms is ${alarms[name]}; it takes a whole number from 1, or "off"`,
  };
}

export const ALARM_RULES: readonly Rule<WorkloadSettings>[] = [
  {
    condition: ({ alarms }) => alarms.queueDepths.some((depth) => outside(depth, 1, Number.MAX_SAFE_INTEGER)),
    message: ({ alarms }) =>
      `alarms on queue depth are set to ${alarms.queueDepths.join(", ")}; each takes a whole number from 1`,
  },
  {
    condition: ({ alarms }) => new Set(alarms.queueDepths).size < alarms.queueDepths.length,
    message: ({ alarms }) => `alarms on queue depth are set to ${alarms.queueDepths.join(", ")}; name each depth once`,
  },
  {
    condition: ({ alarms }) => outside(alarms.queueDepthMinutes, 1, MAX_MINUTES),
    message: ({ alarms }) =>
      `queueDepthMinutes of alarms is ${alarms.queueDepthMinutes}; it takes a whole number from 1 to ${MAX_MINUTES}: CloudWatch looks back over one day at most`,
  },
  {
    condition: ({ alarms, retentionSeconds }) => beyond(alarms.ageOfOldestSeconds, 60, retentionSeconds),
    message: ({ alarms, retentionSeconds }) =>
      `ageOfOldest of alarms is ${alarms.ageOfOldestSeconds} s; it takes 60 to ${retentionSeconds} s, for the queue keeps no message longer`,
  },
  lasting("noProgress"),
  {
    condition: ({ alarms, lambda }) =>
      lambda !== undefined && alarms.noProgressSeconds !== "off" && alarms.noProgressSeconds <= lambda.timeoutSeconds,
    message: ({ alarms, lambda }) =>
      `noProgress of alarms is ${alarms.noProgressSeconds} s, not longer than the function's timeout of ${lambda?.timeoutSeconds} s: functions that are merely busy would be taken for stuck`,
  },
  lasting("noWorkers"),
  counted("deadLetters"),
  counted("errors"),
  counted("throttles"),
  counted("recursion"),
  {
    condition: ({ alarms }) => alarms.inFlight !== "off" && outside(alarms.inFlight, 1, SQS.maxInFlight),
    message: ({ alarms }) =>
      `inFlight of alarms is ${alarms.inFlight}; it takes a whole number from 1 to ${SQS.maxInFlight}, the most that SQS hands out, or "off"`,
  },
  {
    condition: ({ alarms }) => alarms.actions > CLOUDWATCH.maxActions,
    message: ({ alarms }) =>
      `alarms have ${alarms.actions} actions, topic included; CloudWatch takes ${CLOUDWATCH.maxActions} for each alarm`,
  },
];

/** What is wrong with the alarms of the table. */
export const TABLE_ALARM_RULES: readonly Rule<{ readonly tableThrottles: number | "off" }>[] = [
  {
    condition: ({ tableThrottles: count }) => count !== "off" && outside(count, 1, Number.MAX_SAFE_INTEGER),
    message: ({ tableThrottles }) =>
      `tableThrottles of alarms is ${tableThrottles}; it takes a whole number from 1, or "off"`,
  },
];

function beyond(seconds: number | "off", min: number, max: number): boolean {
  return seconds !== "off" && !(seconds >= min && seconds <= max);
}
