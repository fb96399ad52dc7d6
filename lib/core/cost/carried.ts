// Arguments and results by their size: in the message or the record, or as an object that a reference stands for.
import { MAX_RESULT_BYTES, PAYLOADS, SQS } from "../../defaults.ts";
import { InvalidOption } from "../../errors.ts";
import type { PayloadLimits } from "../../store/payload.ts";
import { SIZES } from "./sizes.ts";

/** What of a payload its message or record carries, and how many objects it takes. */
export interface Carried {
  readonly inline: number;
  readonly objects: 0 | 1;
}

export const NOTHING: Carried = { inline: 0, objects: 0 };
const REFERRED: Carried = { inline: SIZES.reference, objects: 1 };

/** `inline` is the whole message. Throws InvalidOption where nothing carries so many bytes. */
export function argumentsOf(bytes: number, payloads: PayloadLimits | undefined): Carried {
  const message = SIZES.envelope + bytes;
  if (payloads !== undefined && message > payloads.argsOver) {
    checkSize("arguments", bytes, PAYLOADS.maxBytes, "a payload's limit");
    return { ...REFERRED, inline: SIZES.envelope + SIZES.reference };
  }
  checkSize("arguments", message, SQS.maxMessageBytes, "SQS's limit for a message", NEED_PAYLOADS);
  return { inline: message, objects: 0 };
}

/** Throws InvalidOption where nothing holds so many bytes. */
export function resultOf(bytes: number, payloads: PayloadLimits | undefined): Carried {
  if (payloads !== undefined && bytes > payloads.resultsOver) {
    checkSize("a result", bytes, PAYLOADS.maxBytes, "a payload's limit");
    return REFERRED;
  }
  checkSize("a result", bytes, MAX_RESULT_BYTES, "what a record holds", NEED_PAYLOADS);
  return { inline: bytes, objects: 0 };
}

const NEED_PAYLOADS = "; the app needs payloads for it: createApp(name, { payloads: { bucket } })";

function checkSize(what: string, bytes: number, most: number, whose: string, fix = ""): void {
  if (bytes > most) throw new InvalidOption(`${what} of ${bytes} bytes cannot be: ${whose} is ${most}${fix}`);
}
