// The ECS agent's endpoint for task scale-in protection ("Amazon ECS task scale-in protection endpoint"). The agent calls
// UpdateTaskProtection with the task's role, which needs ecs:UpdateTaskProtection.

/** What the agent, or ECS behind it, says to a request. */
export type ProtectionAnswer =
  | { readonly kind: "set" }
  /** ECS looked at it and said no. The reason is one of "API failure reasons": DEPLOYMENT_BLOCKED, TASK_NOT_VALID, … */
  | { readonly kind: "refused"; readonly reason: string; readonly detail: string | undefined }
  /** It did not come to that: throttled, denied, timed out, not reached. `maybe`: it may have been done all the same. */
  | { readonly kind: "failed"; readonly code: string; readonly message: string; readonly maybe: boolean };

export interface ProtectionAgent {
  /** Protects this ECS task for so many minutes, counted anew, or ends its protection. Never rejects. */
  set(protect: { readonly minutes: number } | false): Promise<ProtectionAnswer>;
}

/** The agent itself gives ECS 4 s to answer. */
const ANSWER_MS = 6_000;

/** `uri`: ECS_AGENT_URI, as the agent sets it in every container. */
export function ecsAgent(uri: string): ProtectionAgent {
  return {
    set: async (protect) => {
      const request = protect
        ? { ProtectionEnabled: true, ExpiresInMinutes: protect.minutes }
        : { ProtectionEnabled: false };
      try {
        const response = await fetch(`${uri}/task-protection/v1/state`, {
          method: "PUT",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(request),
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        return answerOf(response.status, await response.text());
      } catch (error) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
        return { kind: "failed", code: "no answer", message: String(cause), maybe: true };
      }
    },
  };
}

/** What there is in an answer: one of the three. A refusal comes with status 200. */
interface AnswerBody {
  readonly protection?: object;
  readonly failure?: { readonly Reason?: string; readonly Detail?: string };
  readonly error?: { readonly Code?: string; readonly Message?: string };
}

function answerOf(status: number, text: string): ProtectionAnswer {
  const { protection, failure, error } = parsed(text);
  if (failure) return { kind: "refused", reason: failure.Reason ?? "no reason given", detail: failure.Detail };
  if (status === 200 && protection) return { kind: "set" };
  const code = error?.Code ?? `status ${status}`;
  return { kind: "failed", code, message: error?.Message ?? text.slice(0, 200), maybe: status >= 500 };
}

function parsed(text: string): AnswerBody {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? body : {}; // its fields are looked at one by one
  } catch {
    return {};
  }
}
