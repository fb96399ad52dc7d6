// Options as users write them, checked and turned into settings: seconds, no gaps, frozen.
import type { TaskPolicy } from "./core/decide.ts";

/** An error class, or its name: classes do not survive bundles and threads. */
export type ErrorMatcher = string | (abstract new (...args: never[]) => Error);

/** A task's options after defaults, in seconds. */
export interface TaskSettings extends TaskPolicy {
  readonly name: string;
  readonly workload: string;
  readonly bind: boolean;
  readonly claim: boolean;
  readonly ignoreResult: boolean;
  readonly timeLimit: number;
  readonly softTimeLimit: number;
  readonly autoRetryFor: readonly ErrorMatcher[];
  readonly dontAutoRetryFor: readonly ErrorMatcher[];
  readonly throws: readonly ErrorMatcher[];
}
