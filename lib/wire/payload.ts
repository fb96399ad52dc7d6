// From the body of an SQS message to its two JSON texts: kombu wraps each in base64, and the inner one in zlib, where told to.
import { isUtf8 } from "node:buffer";
import { unzipSync } from "node:zlib";
import { SQS } from "../defaults.ts";
import { type Fail, type Field, object, string } from "./fields.ts";
import { type JsonObject, type JsonValue, parseJson } from "./serializer.ts";

/** Largest body that is inflated: what compresses better than this is a bomb rather than arguments. */
export const MAX_INFLATED_BYTES = 16 * SQS.maxMessageBytes;

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const ZLIB = new Set(["application/x-gzip", "gzip", "zlib"]); // kombu's "gzip" writes zlib data; unzipSync reads both
const TEXT = new Set(["utf-8", "utf8", "us-ascii", "ascii", "binary"]);

/** The message. Celery sends base64 of its JSON, or with `sqs_base64_encoding=False` the JSON itself. */
export function outer(body: string, fail: Fail): JsonValue {
  const text = body.trim();
  if (!BASE64.test(text)) return parse("it is", text, fail);
  const bytes = Buffer.from(text, "base64");
  if (!isUtf8(bytes)) throw fail("it is neither JSON nor base64 of JSON");
  return parse("it is", bytes.toString(), fail);
}

/** The message's own body, which holds the arguments. */
export function inner(message: JsonObject, headers: JsonObject, fail: Fail): JsonValue {
  checkContent(message, fail);
  return parse("its body is", text(message, headers, fail), fail);
}

function checkContent(message: JsonObject, fail: Fail): void {
  const type = string("content-type", message["content-type"], fail);
  if (type !== "application/json") {
    const got = type === undefined ? "missing" : `"${type.slice(0, 80)}"`;
    throw fail(
      `content-type is ${got}; Lovage takes "application/json" only: set task_serializer = "json" in Celery's configuration`,
    );
  }
  const encoding = string("content-encoding", message["content-encoding"], fail)?.toLowerCase();
  if (encoding !== undefined && !TEXT.has(encoding)) {
    throw fail(`content-encoding is "${encoding.slice(0, 80)}", not "utf-8"`);
  }
}

function text(message: JsonObject, headers: JsonObject, fail: Fail): string {
  const body = string("its body", message.body, fail);
  if (body === undefined) throw fail("its body is missing");
  const properties = object("properties", message.properties, fail);
  const encoding = string("properties.body_encoding", properties?.body_encoding, fail)?.toLowerCase() ?? "utf-8";
  const compression = string("header compression", headers.compression, fail);
  if (encoding === "base64") {
    const packed = Buffer.from(body, "base64");
    const bytes = compression === undefined ? packed : inflate(packed, compression, fail);
    if (!isUtf8(bytes)) throw fail("its body is not UTF-8");
    return bytes.toString();
  }
  if (encoding !== "utf-8")
    throw fail(`properties.body_encoding is "${encoding.slice(0, 80)}", not "base64" or "utf-8"`);
  if (compression !== undefined) throw fail("its body is compressed, but not base64");
  return body;
}

function inflate(packed: Buffer, compression: string, fail: Fail): Buffer {
  if (!ZLIB.has(compression)) {
    throw fail(
      `its body is compressed with "${compression.slice(0, 80)}"; Lovage reads zlib only: set task_compression = "gzip" or None in Celery's configuration`,
    );
  }
  try {
    return unzipSync(packed, { maxOutputLength: MAX_INFLATED_BYTES });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // zlib throws nothing else
    if (code === "ERR_BUFFER_TOO_LARGE") throw fail(`its body inflates to more than ${MAX_INFLATED_BYTES} bytes`);
    throw fail(`its compressed body is damaged (${code})`);
  }
}

function parse(what: string, text: string, fail: Fail): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw fail(`${what} ${(error as SyntaxError).message}`); // parseJson throws nothing else
  }
}

/** The body where it is readable JSON, for an error that would name the task: never throws. */
export function innerIfReadable(message: JsonObject, fail: Fail): Field {
  try {
    return parse("", text(message, {}, fail), fail);
  } catch {
    return undefined;
  }
}
