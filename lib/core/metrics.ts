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
