// One entry of a batch request is refused, the others take effect.
import type { Asked, Fault } from "../support/fault-proxy.ts";

interface SqsBatch {
  readonly Entries: readonly { readonly Id: string }[];
}

interface Statements {
  readonly Statements: readonly object[];
}

/** Undefined where the request is no batch of two or more. `at`: which entry, 0 to 1. */
export function withoutOne({ operation, body }: Asked, at: number): Fault | undefined {
  if (operation.endsWith("MessageBatch")) return withoutEntry(body, at);
  if (operation === "BatchExecuteStatement") return withoutStatement(body, at);
  return undefined;
}

function withoutEntry(body: string, at: number): Fault | undefined {
  const { Entries } = JSON.parse(body) as SqsBatch; // a request of Lovage's
  const refused = Entries[Math.floor(at * Entries.length)];
  if (refused === undefined || Entries.length < 2) return undefined;
  return {
    kind: "rewrite",
    ask: (asked) => JSON.stringify({ ...JSON.parse(asked), Entries: Entries.filter((entry) => entry !== refused) }),
    body: (answer) => {
      const failed = {
        Id: refused.Id,
        SenderFault: false,
        Code: "InternalError",
        Message: "made up by the fault proxy",
      };
      return JSON.stringify({ ...JSON.parse(answer), Failed: [failed] });
    },
  };
}

function withoutStatement(body: string, at: number): Fault | undefined {
  const all = (JSON.parse(body) as Statements).Statements; // a request of Lovage's
  const refused = Math.floor(at * all.length);
  if (all.length < 2) return undefined;
  return {
    kind: "rewrite",
    ask: (asked) => JSON.stringify({ ...JSON.parse(asked), Statements: all.filter((_, i) => i !== refused) }),
    body: (answer) => {
      const { Responses = [], ...rest } = JSON.parse(answer) as { Responses?: object[] }; // or an error, which stays one
      const why = { Code: "ThrottlingError", Message: "made up by the fault proxy" };
      return JSON.stringify(
        Responses.length === 0 ? rest : { ...rest, Responses: Responses.toSpliced(refused, 0, { Error: why }) },
      );
    },
  };
}
