// lib/wire: whatever comes in, out comes an envelope or a DecodeError; and what comes out can be sent again, as retries and hops do.
import { isDeepStrictEqual } from "node:util";
import { DecodeError } from "../../../lib/errors.ts";
import { decode, type Envelope, encode } from "../../../lib/wire/envelope.ts";
import { isTaskId, isTaskName } from "../../../lib/wire/fields.ts";
import { messageBody } from "../messages.ts";
import { demand, plain, typed, visible } from "../oracles.ts";
import { type MakeTarget, type Target, target } from "../target.ts";

/** Longest problem that is told of a message: it must not carry the message itself into logs. */
const LONGEST_PROBLEM = 600;

/** `read`: another decoder than ours, to see that it would be found out. */
export const decoderTarget = (read: (body: string) => Envelope = decode): Target<string> => ({
  generate: messageBody,
  run: async (body) => {
    const came = await typed(() => read(body));
    if ("error" in came) return refused(came.error);
    const envelope = came.value;
    plain(envelope, "the envelope");
    demand(isTaskId(envelope.id) && isTaskName(envelope.task), "protocol", "an id or a name that no message may have");
    visible(envelope.task, "a task's name");
    for (const { task, options } of [...envelope.link, ...envelope.linkError]) {
      demand(isTaskName(task), "protocol", "a callback whose message nobody could read");
      demand(
        options.task_id === undefined || options.task_id === null || isTaskId(options.task_id),
        "protocol",
        "a callback's id that no message may have",
      );
    }
    await sentAgain(envelope);
    await sentAgain({ ...envelope, retries: envelope.retries + 1, hops: (envelope.hops ?? 0) + 1 });
  },
});

function refused(error: Error): void {
  demand(error instanceof DecodeError, "typed errors", `decode() threw a ${error.name}`);
  demand(
    error.message.length <= LONGEST_PROBLEM,
    "log injection",
    `the problem has ${error.message.length} characters`,
  );
  visible(error.message, "the problem of a message");
  demand(error.id === undefined || isTaskId(error.id), "protocol", "an id that no record may have");
  demand(error.task === undefined || isTaskName(error.task), "protocol", "a name that no record may have");
}

async function sentAgain(envelope: Envelope): Promise<void> {
  const sent = await typed(() => encode(envelope, "q"));
  if ("error" in sent) {
    demand(
      sent.error.code === "LOVAGE_MESSAGE_TOO_LARGE",
      "protocol",
      `what was read cannot be sent again: ${sent.error.message}`,
    );
    return;
  }
  const again = await typed(() => decode(sent.value));
  if ("error" in again)
    demand(false, "protocol", `what was read and sent again cannot be read: ${again.error.message}`);
  else
    demand(
      isDeepStrictEqual(asJson(again.value), asJson(envelope)),
      "protocol",
      "what was read and sent again reads otherwise",
    );
}

/** As it travels: -0 is 0, and members have no order. */
const asJson = (envelope: Envelope): unknown => JSON.parse(JSON.stringify(envelope));

export const make: MakeTarget = async () => target(decoderTarget());
