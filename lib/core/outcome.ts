import type { Failure } from "../store/record.ts";
import type { Envelope } from "../wire/envelope.ts";
import type { WireSignature } from "../wire/signature.ts";

/** How one run of a task's code ended. JSON only: it may come from another process. */
export type Outcome = RunOutcome & {
  /** Headers with the context of the run's span, for what follows. Empty: nothing does. @default - nobody traces */
  readonly trace?: Readonly<Record<string, string>>;
};

type RunOutcome =
  | { readonly kind: "success" /** JSON, or undefined for no value. */; readonly result: string | undefined }
  | {
      readonly kind: "failure";
      readonly failure: Failure /** Named in the task's `throws`: logged without a stack. */;
      readonly expected: boolean;
    }
  | {
      readonly kind: "retry";
      /** What went wrong, if anything did. */
      readonly failure: Failure | undefined;
      /** What it fails with where no retry is left. */
      readonly exhausted: Failure;
      /** Seconds. */
      readonly countdown?: number;
      /** Epoch ms. */
      readonly eta?: number;
      readonly maxRetries?: number | null;
      /** Other arguments for the next run. */
      readonly next?: Partial<Pick<Envelope, "args" | "kwargs" | "results">>;
    }
  | { readonly kind: "ignored"; readonly reason: string }
  | { readonly kind: "rejected"; readonly requeue: boolean; readonly failure: Failure }
  | { readonly kind: "revoked"; readonly reason: string }
  /** It has put a canvas in its place. */
  | { readonly kind: "replaced"; readonly sig: WireSignature }
  /** Its arguments, or the results it follows, could not be read, or its outcome not be put, at the moment. It is to run again. */
  | { readonly kind: "payload unavailable"; readonly failure: Failure }
  /** The worker shuts down and the run did not end within its grace. */
  | { readonly kind: "interrupted" };

/** What hooks and listeners are told once it is recorded. JSON only: it may go to another process. */
export type Ending =
  | { readonly kind: "success"; readonly result: string | undefined }
  | { readonly kind: "failure"; readonly failure: Failure; readonly expected: boolean; readonly unknownTask?: true }
  | { readonly kind: "retry"; readonly failure: Failure | undefined /** Epoch ms. */; readonly retryAt: number }
  | { readonly kind: "revoked"; readonly reason: string }
  | { readonly kind: "rejected"; readonly requeue: boolean; readonly reason: string };
