// Every execution of a task leaves its trace in the store: a row when it starts, a row as its last act. A row that starts
// and never ends is an execution that was killed.
import { currentTask } from "lovage";
import { openStore } from "./store.ts";

export async function run<T>(body: () => Promise<T>): Promise<T> {
  const { id, task, retries, worker } = currentTask();
  const store = openStore();
  const execution = store.executionStarted(id, task, retries, Number(worker.split(":")[1]));
  try {
    const value = await body();
    store.executionEnded(execution, "finished");
    return value;
  } catch (error) {
    store.executionEnded(execution, error instanceof Error ? error.name : String(error));
    throw error;
  }
}
