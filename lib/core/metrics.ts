// Names of the metrics that workers report. The dashboard and the alarms are made of the same ones.

/** Milliseconds for the first two, counts for the others. */
export const METRICS = {
  namespace: "Lovage",
  dimensions: { app: "App", workload: "Workload", task: "Task" },
  duration: "Duration",
  queueLatency: "QueueLatency",
  retries: "Retries",
  failures: "Failures",
  successes: "Successes",
} as const;

/** Values of LOVAGE_METRICS: for each task and each workload, for each workload only, or none. */
export const METRICS_LEVELS = ["task", "workload", "off"] as const;
export type MetricsLevel = (typeof METRICS_LEVELS)[number];

/** Value of the dimension Task for all names that no task has: they come from messages, and each value is a metric that costs. */
export const NOT_REGISTERED = "(not registered)";
