// What a template allows a role, in the words of recorder.ts, and how the two differ.
import type { Call } from "./recorder.ts";

/** As in a synthesized template: an ARN is text, or a join of text and references. */
export interface Statement {
  readonly Effect?: string;
  readonly Action?: string | readonly string[];
  readonly Resource?: unknown;
}

/** An action on a resource, whose name may have asterisks. */
export type Granted = `${string}:${string} ${string}`;

/** Those that the statements allow, for the services that Lovage itself calls. */
export function grantedBy(statements: readonly Statement[]): readonly Granted[] {
  const all = statements.flatMap(({ Effect, Action = [], Resource = [] }) => {
    if (Effect !== "Allow") throw new Error(`a statement has the effect ${Effect}`);
    return [Action]
      .flat()
      .flatMap((action) => [Resource].flat().map((arn): Granted => `${action} ${nameIn(arn)}` as Granted)); // an action has a colon
  });
  return [...new Set(all)].sort();
}

/** What an ARN says after partition, service, region and account. */
function nameIn(arn: unknown): string {
  return textOf(arn).split(":").slice(5).join(":");
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && "Fn::Join" in value) {
    const [separator, parts] = value["Fn::Join"] as [string, readonly unknown[]]; // CloudFormation's intrinsic function
    return parts.map(textOf).join(separator);
  }
  return "<reference>";
}

export interface Difference {
  /** Calls that AWS would deny. */
  readonly denied: readonly Call[];
  /** What is allowed, and nobody did. */
  readonly unused: readonly Granted[];
}

export function difference(calls: ReadonlySet<Call>, granted: readonly Granted[]): Difference {
  return {
    denied: [...calls].filter((call) => !granted.some((grant) => allows(grant, call))).sort(),
    unused: granted.filter((grant) => ![...calls].some((call) => allows(grant, call))),
  };
}

/** IAM: an asterisk stands for any characters, slashes too. */
function allows(grant: Granted, call: Call): boolean {
  const pattern = grant
    .split("*")
    .map((text) => text.replaceAll(/[^\w:-]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${pattern}$`).test(call);
}
