// Messages as Celery and Lovage write them, and what becomes of them in the wrong hands.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type Json, jsonText, mangled, mutated, value } from "./hostile.ts";
import type { Rng } from "./random.ts";

interface Message {
  /** All but the body. */
  readonly outer: { [key: string]: Json };
  /** args, kwargs, embed. */
  readonly inner: Json;
}

type Wire = {
  readonly body: string;
  readonly headers: { [key: string]: Json };
  readonly properties?: { readonly body_encoding?: string };
};

/** Captured from Celery 5.6, where it sends protocol 2. */
const CAPTURED = captured();
const TASKS = ["echo", "add", "fails", "retries", "hostile.name"];

function captured(): readonly Message[] {
  const file = new URL("../fixtures/celery_wire_fixtures.json", import.meta.url);
  const { sqs } = JSON.parse(readFileSync(file, "utf8")) as { sqs: Record<string, { MessageBody: string }[]> }; // the file's form
  return Object.values(sqs).flatMap((bodies) =>
    bodies.flatMap(({ MessageBody }): Message[] => {
      const { body, ...outer } = JSON.parse(Buffer.from(MessageBody, "base64").toString()) as Wire; // what Celery sent
      const text = outer.properties?.body_encoding === "base64" ? Buffer.from(body, "base64").toString() : body;
      return outer.headers.task === undefined || outer.headers.compression !== undefined
        ? []
        : [{ outer: outer as Message["outer"], inner: JSON.parse(text) as Json }];
    }),
  );
}

function signature(rng: Rng): Json {
  const whole = {
    task: rng.pick([...TASKS, "nobody"]),
    args: [1],
    kwargs: {},
    options: options(rng),
    subtask_type: null,
    immutable: rng.chance(0.5),
  };
  return rng.chance(0.4) ? mutated(whole, rng) : whole;
}

function options(rng: Rng): { [key: string]: Json } {
  const all = {
    task_id: value(rng, 0),
    queue: rng.chance(0.5) ? `q${rng.int(1e9)}` : value(rng, 0),
    countdown: value(rng, 0),
    link: [value(rng, 1)],
  };
  return Object.fromEntries(Object.entries(all).filter(() => rng.chance(0.3)));
}

/** What Lovage sends, with every field that may travel. */
function own(rng: Rng): Message {
  const id = rng.chance(0.7) ? `t-${rng.int(1e9)}` : "11111111-2222-3333-4444-555555555555";
  const headers: { [key: string]: Json } = {
    ...{
      lang: "js",
      task: rng.pick(TASKS),
      id,
      root_id: id,
      parent_id: null,
      group: null,
      retries: 0,
      ignore_result: rng.chance(0.2),
    },
    ...(rng.chance(0.2) && { eta: "2026-11-21T04:13:11.504807+00:00", expires: "2027-11-21T04:13:11.504807+00:00" }),
    ...(rng.chance(0.2) && { timelimit: [30, 20], shadow: "seen", origin: "gen1@host", group: "g", group_index: 1 }),
    ...(rng.chance(0.2) && {
      lovage_hops: 3,
      lovage_resends: 1,
      lovage_args_changed: true,
      lovage_redriven_from: "t-0",
    }),
    ...(rng.chance(0.1) && { stamps: { a: ["b"] }, stamped_headers: ["a"], "x-own": { deep: ["1"] } }),
    ...(rng.chance(0.1) && {
      lovage_args_ref: { key: "32d/args/t-1.abc", bytes: 12, sha256: "abc", kept_until: 1_800_000_000_000 },
    }),
  };
  const embed: { [key: string]: Json } = {
    ...(rng.chance(0.2) && {
      callbacks: rng.list(3, () => signature(rng)),
      errbacks: rng.list(3, () => signature(rng)),
    }),
    ...(rng.chance(0.02) && { callbacks: Array.from({ length: 1_000 }, () => ({ task: "add" })) }),
    ...(rng.chance(0.05) && { chain: [signature(rng)], chord: {} }),
  };
  return {
    outer: {
      "content-encoding": "utf-8",
      "content-type": "application/json",
      headers,
      properties: { correlation_id: id, delivery_info: { exchange: "", routing_key: "q" }, delivery_tag: id },
    },
    inner: [[2, 3], rng.chance(0.3) ? { x: 1 } : {}, embed],
  };
}

/** A body, valid in one case of five or so. */
export function messageBody(rng: Rng): string {
  if (rng.chance(0.03)) return rng.pick(["", "null", "[]", "{}", "1", '"x"', "\0", "AAAA", "{", "[[[[", "e30="]);
  let { outer, inner }: { outer: Json; inner: Json } = rng.chance(0.3) ? rng.pick(CAPTURED) : own(rng);
  for (let n = rng.int(4); n > 0; n--) {
    if (rng.chance(0.6)) outer = deepMutated(outer, rng);
    else inner = deepMutated(inner, rng);
  }
  const body = sealed(outer, jsonText(inner), rng);
  const sent = rng.chance(0.3) ? Buffer.from(body).toString("base64") : body;
  // SQS takes no more.
  return (rng.chance(0.1) ? mangled(sent, rng) : sent).slice(0, 1_048_576 / (/[^ -~]/.test(sent) ? 3 : 1));
}

/** Mostly inside: what is whole at the top level reaches further. */
function deepMutated(json: Json, rng: Rng): Json {
  if (Array.isArray(json) && json.length > 0 && rng.chance(0.8)) {
    const at = rng.int(json.length);
    return json.map((one, i) => (i === at ? deepMutated(one, rng) : one));
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json) && rng.chance(0.8)) {
    const keys = Object.keys(json);
    const key = keys.length === 0 ? "x" : rng.pick(keys);
    return Object.fromEntries(
      Object.entries(json).map(([name, one]) => [name, name === key ? deepMutated(one, rng) : one]),
    );
  }
  return mutated(json, rng);
}

let packedBomb: Buffer | undefined;

/** 64 MiB of brackets in 64 KB. */
function bomb(): Buffer {
  packedBomb ??= gzipSync(Buffer.alloc(64 * 1_048_576, "["));
  return Buffer.from(packedBomb);
}

function sealed(outer: Json, inner: string, rng: Rng): string {
  if (typeof outer !== "object" || outer === null || Array.isArray(outer)) return jsonText(outer);
  if (rng.chance(0.02)) return jsonText({ ...outer, body: value(rng) });
  const properties = typeof outer.properties === "object" && !Array.isArray(outer.properties) ? outer.properties : {};
  const headers = typeof outer.headers === "object" && !Array.isArray(outer.headers) ? outer.headers : null;
  if (rng.chance(0.05) && headers !== null) {
    const packed = rng.chance(0.01) ? bomb() : gzipSync(inner);
    if (rng.chance(0.2)) packed[rng.int(packed.length)] = rng.int(256);
    const how = { ...headers, compression: rng.pick(["application/x-gzip", "gzip", "zlib", "bzip2", "__proto__"]) };
    return jsonText({
      ...outer,
      headers: how,
      body: packed.toString("base64"),
      properties: { ...properties, body_encoding: "base64" },
    });
  }
  const plain = rng.chance(0.7);
  const body = plain ? inner : Buffer.from(inner).toString("base64");
  const encoding = rng.chance(0.97) === plain ? "utf-8" : "base64";
  return jsonText({ ...outer, body, properties: { ...properties, body_encoding: encoding } });
}
