// POST /tasks: a task is sent, and its id answered. Clients are made once, with the first call, and kept for the sandbox's life:
// the app makes them. What is awaited has been accepted by SQS; app.flush() is for calls that are not.
import { BrokerUnavailable, InvalidArguments } from "lovage";
import { frank, write } from "../tasks.ts";
import { answer, type HttpAnswer, type HttpEvent, jsonOf } from "./http.ts";

/** What may be called from outside, and no other task of the app. */
const callable = { write, frank };

export async function handler(event: HttpEvent): Promise<HttpAnswer> {
  const call = jsonOf(event);
  if (!isCall(call)) return answer(400, { error: `send {"task": ${names}, "args": [...]} as JSON` });
  try {
    // Arguments from outside have no type yet: the task's schema checks them, and InvalidArguments says what is wrong.
    const { id } = await callable[call.task].delay(...(call.args as [never, never]));
    return answer(202, { id }, { location: `/tasks/${id}` });
  } catch (error) {
    if (error instanceof InvalidArguments) return answer(400, { error: error.message, issues: error.issues });
    if (error instanceof BrokerUnavailable) return answer(503, { error: "try again" }, { "retry-after": "5" });
    throw error; // a missing permission, say: API Gateway answers 500, the log has the cause
  }
}

interface Call {
  readonly task: keyof typeof callable;
  readonly args: readonly unknown[];
}

const names = Object.keys(callable)
  .map((name) => JSON.stringify(name))
  .join(" or ");

function isCall(value: unknown): value is Call {
  if (typeof value !== "object" || value === null) return false;
  const { task, args } = value as Partial<Record<keyof Call, unknown>>; // what was sent may be anything
  return typeof task === "string" && Object.hasOwn(callable, task) && Array.isArray(args);
}
