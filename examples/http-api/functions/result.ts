// GET /tasks/{id}: what the id alone tells. Nothing is waited for; who wants to know more asks again.
import { ResultExpired } from "lovage";
import { app } from "../app.ts";
import { answer, type HttpAnswer, type HttpEvent } from "./http.ts";

export async function handler({ pathParameters }: HttpEvent): Promise<HttpAnswer> {
  const id = pathParameters?.id ?? "";
  if (!/^[\w-]{1,64}$/.test(id)) return unknown(id);
  const result = app.result(id);
  const { state, failure, progress } = await result.info();
  switch (state) {
    case "UNKNOWN": // no id of this app's: of no task, now or later
      return unknown(id);
    case "SUCCESS":
      try {
        return answer(200, { id, state, result: await result.get() });
      } catch (error) {
        if (error instanceof ResultExpired) return answer(410, { id, state, error: error.message });
        throw error;
      }
    case "FAILURE": // the message, not the stack: that is for the log
      return answer(200, { id, state, error: { type: failure?.type, message: failure?.message } });
    default: // PENDING, STARTED, RETRY, STALLED: on its way. REVOKED, LOST: it will not come
      return answer(200, { id, state, progress });
  }
}

function unknown(id: string): HttpAnswer {
  return answer(404, { error: `there is no task ${JSON.stringify(id)}` });
}
