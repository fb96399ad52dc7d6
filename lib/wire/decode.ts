// Reads a message: ours, or one that Celery sent through SQS. Whatever comes in, out comes an envelope or a DecodeError.
import { PAYLOADS } from "../defaults.ts";
import { DecodeError } from "../errors.ts";
import { isPayloadKey, type PayloadRef } from "../store/payload.ts";
import type { Envelope, GroupRef } from "./envelope.ts";
import {
  type Fail,
  type Field,
  flag,
  isObject,
  isTaskId,
  isTaskName,
  kind,
  list,
  number,
  object,
  signature,
  signatures,
  string,
  TASK_NAME,
  time,
} from "./fields.ts";
import {
  ARGS_CHANGED_HEADER,
  ARGS_REF_HEADER,
  HOPS_HEADER,
  isReservedHeader,
  REDRIVEN_FROM_HEADER,
  RESENDS_HEADER,
  RESULTS_HEADER,
} from "./headers.ts";
import { inner, innerIfReadable, outer } from "./payload.ts";
import type { JsonObject, JsonValue } from "./serializer.ts";

/** The envelope in the body of an SQS message. Throws DecodeError only, with the task's id and name where they can be read. */
export function decode(body: string): Envelope {
  const known: { id?: string; task?: string } = {};
  const identify = (holder: JsonObject) => {
    if (isTaskId(holder.id)) known.id = holder.id;
    if (isTaskName(holder.task)) known.task = holder.task;
  };
  const fail: Fail = (problem) => new DecodeError(problem, body, known);

  const message = outer(body, fail);
  if (!isObject(message)) throw fail(`it is ${kind(message)}, not an object`);
  const headers = object("headers", message.headers, fail) ?? {};
  if (headers.task === undefined) {
    // Version 1 had its fields in the body, and what is no kombu message at all may look like that.
    const candidate = message.body === undefined ? message : innerIfReadable(message, fail);
    if (!isObject(candidate) || candidate.task === undefined) throw fail("it is not a task: it has no header task");
    identify(candidate);
    throw fail("it is of Celery's protocol version 1; set task_protocol = 2 in Celery's configuration");
  }
  identify(headers);
  const { id, task } = known;
  if (task === undefined) throw fail(`header task is not a string of ${TASK_NAME}`);
  if (id === undefined) throw fail("header id is not a string of 1 to 255 printable ASCII characters");

  return envelope(id, task, headers, inner(message, headers, fail), fail);
}

function envelope(id: string, task: string, headers: JsonObject, content: JsonValue, fail: Fail): Envelope {
  if (!Array.isArray(content) || content.length !== 3) throw fail("its body is not an array of args, kwargs and embed");
  const [args, kwargs, embed]: readonly JsonValue[] = content;
  const follow = object("embed", embed, fail) ?? {};
  const given = {
    args: list("args", args, fail) ?? refuse("args is null, not an array", fail),
    kwargs: object("kwargs", kwargs, fail) ?? refuse("kwargs is null, not an object", fail),
  };
  return withKnown(
    {
      id,
      task,
      ...given,
      rootId: idHeader("root_id", headers, fail) ?? id,
      retries: number("header retries", headers.retries, fail, "whole") ?? 0,
      ignoreResult: flag("header ignore_result", headers.ignore_result, fail),
      lang: string("header lang", headers.lang, fail) ?? "py",
      headers: ownHeaders(headers),
      link: signatures("callbacks", follow.callbacks, fail),
      linkError: signatures("errbacks", follow.errbacks, fail),
      chain: signatures("chain", follow.chain, fail),
    },
    {
      parentId: idHeader("parent_id", headers, fail),
      eta: time("header eta", headers.eta, fail),
      expires: time("header expires", headers.expires, fail),
      timeLimit: limit(0, headers, fail),
      softTimeLimit: limit(1, headers, fail),
      origin: string("header origin", headers.origin, fail),
      chord: chord(follow.chord, headers, fail),
      group: idHeader("group", headers, fail),
      groupIndex: number("header group_index", headers.group_index, fail, "whole"),
      shadow: string("header shadow", headers.shadow, fail),
      stamps: stamps(headers, fail),
      stampedHeaders: list("header stamped_headers", headers.stamped_headers, fail)?.map(
        (name) =>
          string("a name in header stamped_headers", name, fail) ?? refuse("header stamped_headers holds null", fail),
      ),
      argsChanged: headers[ARGS_CHANGED_HEADER] === true ? true : undefined,
      hops: number(`header ${HOPS_HEADER}`, headers[HOPS_HEADER], fail, "whole") || undefined,
      resends: number(`header ${RESENDS_HEADER}`, headers[RESENDS_HEADER], fail, "whole"),
      redrivenFrom: idHeader(REDRIVEN_FROM_HEADER, headers, fail),
      results: results(headers, fail),
      // A Python worker copies the header into a retry with arguments of its own.
      argsRef: given.args.length > 0 || Object.keys(given.kwargs).length > 0 ? undefined : argsRef(headers, fail),
    },
  );
}

/** The body of the chord it is a member of, with how many members there are. */
function chord(body: Field, headers: JsonObject, fail: Fail): JsonObject | undefined {
  if (body === undefined || body === null) return undefined;
  const read = signature("chord", body, fail);
  const size = number("chord_size of chord", read.chord_size, fail, "whole");
  const index = number("header group_index", headers.group_index, fail, "whole");
  if (size !== undefined && index !== undefined && index >= size)
    throw fail(`header group_index is ${index}, and its group has ${size} members`);
  return read as unknown as JsonObject; // it is, interfaces only have no index
}

function refuse(problem: string, fail: Fail): never {
  throw fail(problem);
}

type Optional = { [K in keyof Envelope]?: Envelope[K] | undefined };

/** An absent field is absent, not undefined. */
function withKnown(envelope: Envelope, optional: Optional): Envelope {
  const whole: Record<string, unknown> = { ...envelope };
  for (const [name, value] of Object.entries(optional)) if (value !== undefined) whole[name] = value;
  return whole as unknown as Envelope; // its required fields are there, the others have their own types
}

function idHeader(name: string, headers: JsonObject, fail: Fail): string | undefined {
  const value = headers[name];
  if (value === undefined || value === null) return undefined;
  if (!isTaskId(value)) throw fail(`header ${name} is not a string of 1 to 255 printable ASCII characters`);
  return value;
}

/** `timelimit` is [hard, soft]: the order of Celery's code, not of its documentation. 0 is none, as in Celery. */
function limit(index: 0 | 1, headers: JsonObject, fail: Fail): number | undefined {
  const limits = list("header timelimit", headers.timelimit, fail);
  return number(`header timelimit[${index}]`, limits?.[index], fail, "any") || undefined;
}

/** Celery writes `{}` where nothing is stamped. */
function stamps(headers: JsonObject, fail: Fail): JsonObject | undefined {
  const value = object("header stamps", headers.stamps, fail);
  return value === undefined || Object.keys(value).length === 0 ? undefined : value;
}

function argsRef(headers: JsonObject, fail: Fail): PayloadRef | undefined {
  const name = `header ${ARGS_REF_HEADER}`;
  const ref = object(name, headers[ARGS_REF_HEADER], fail);
  if (ref === undefined) return undefined;
  const key = string(`${name}.key`, ref.key, fail);
  const bytes = number(`${name}.bytes`, ref.bytes, fail, "whole");
  const sha256 = string(`${name}.sha256`, ref.sha256, fail);
  const keptUntil = number(`${name}.kept_until`, ref.kept_until, fail, "any");
  if (key === undefined || bytes === undefined || sha256 === undefined || keptUntil === undefined)
    throw fail(`${name} lacks one of key, bytes, sha256 and kept_until`);
  // The key is a place of this app's in the payload store: one that leads elsewhere is not followed.
  if (!isPayloadKey(key, "args")) throw fail(`${name}.key is not a key of arguments, such as "32d/args/<id>.<digest>"`);
  if (bytes > PAYLOADS.maxBytes) throw fail(`${name}.bytes is ${bytes}, over the limit of ${PAYLOADS.maxBytes}`);
  return { key, bytes, sha256, keptUntil };
}

function results(headers: JsonObject, fail: Fail): GroupRef | undefined {
  const name = `header ${RESULTS_HEADER}`;
  const ref = object(name, headers[RESULTS_HEADER], fail);
  if (ref === undefined) return undefined;
  const size = number(`${name}.size`, ref.size, fail, "whole");
  if (!isTaskId(ref.group) || size === undefined) throw fail(`${name} is not a group's id and size`);
  return { group: ref.group, size };
}

function ownHeaders(headers: JsonObject): JsonObject {
  const own: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(headers)) if (!isReservedHeader(name)) own[name] = value;
  return own;
}
