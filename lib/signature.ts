import type { WireSignature } from "./wire/signature.ts";

/**
 * A call that has not been made: what `link` and `linkError` take. `Gets` is the type of the result it is handed first;
 * an immutable one (`si`) is handed nothing.
 */
export interface Signature<Gets = unknown> {
  readonly wire: WireSignature;
  /** Type only: a signature that expects a string is refused where a number comes. */
  readonly "~gets"?: (value: Gets) => void;
}
