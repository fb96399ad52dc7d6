// Items as they come out of DynamoDB, written by Lovage or by whoever else may write to its table.
import { encode } from "../../lib/wire/envelope.ts";
import { envelopeOf } from "../support/messages.ts";
import { control, type Json, jsonText, mutated, scalar, text, value } from "./hostile.ts";
import { messageBody } from "./messages.ts";
import type { Rng } from "./random.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const N = (number: number | string) => ({ N: String(number) });
const S = (string: string) => ({ S: string });
const json = (one: Json) => S(jsonText(one));

export type HostileItem = Record<string, Json>;

function whole(id: string, rng: Rng): HostileItem {
  const state = rng.pick(["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED", "REPLACED"]);
  const ended = state === "SUCCESS" || state === "FAILURE" || state === "REVOKED" || state === "REPLACED";
  const failure = {
    type: "RangeError",
    message: `no ${control(rng)}`,
    stack: `RangeError: no\n    at x${control(rng)}`,
    code: "E",
    cause: { type: "E", message: "m" },
  };
  return {
    id: S(id),
    state: S(state),
    ...{
      task: S("echo"),
      workload: S("default"),
      attempt: N(rng.int(4)),
      token: S("tok"),
      owner: S("w:1"),
      runs: N(1),
    },
    ...{ started_at: N(NOW - 5_000), lease_until: N(NOW + 5_000), expires_at: N(Math.ceil(NOW / 1_000) + 1e6) },
    ...(state === "RETRY" && { retry_at: N(NOW + 1_000), retry_args: json([[1], {}]), failure: json(failure) }),
    ...(state === "REPLACED" && {
      replacement: S(rng.chance(0.1) ? id : "t-2"),
      replacement_sig: json({ task: "echo" }),
    }),
    ...(state === "PENDING" && { published_at: N(NOW) }),
    ...(state === "SUCCESS" && { result: json(value(rng)), result_expires_at: N(NOW + 1e6) }),
    ...(state === "SUCCESS" &&
      rng.chance(0.3) && { result_ref: json({ key: "16d/results/x.y", bytes: 3, sha256: "x", keptUntil: NOW }) }),
    ...(state === "SUCCESS" && rng.chance(0.1) && { members: json({ group: "g-1", size: rng.int(3) }) }),
    ...(state === "FAILURE" && {
      ...{
        failure: json(failure),
        body: S(encode(envelopeOf({ id, task: "echo" }), "q")),
        failed_on: S("2026-11-21#1"),
      },
      ...{ error_type: S("RangeError"), error_message: S("no"), redrives: N(rng.int(3)) },
    }),
    ...(ended && { ended_at: N(NOW) }),
    ...(rng.chance(0.2) && {
      meta: json({ done: 3 }),
      custom_state: S("HALF"),
      revoke_requested: S("cooperate"),
      last_delivery: { BOOL: true },
    }),
    ...(rng.chance(0.05) && { forgotten: { BOOL: true }, ignored: { BOOL: true }, redriven_from: S("t-0") }),
  };
}

const NUMBERS = [
  "NaN",
  "",
  "1e400",
  "-1",
  "1e300",
  "99999999999999999999999999999999999999",
  "8640000000000001",
  "0.5",
  "x",
];

function attribute(rng: Rng): Json {
  switch (rng.int(9)) {
    case 0:
      return N(rng.pick(NUMBERS));
    case 1:
      return S(rng.chance(0.5) ? jsonText(value(rng)) : text(rng));
    case 2:
      return { BOOL: rng.chance(0.5) };
    case 3:
      return { NULL: true };
    case 4:
      return { L: [S("x")] };
    case 5:
      return { M: { __type: S("x") } };
    case 6:
      return { SS: ["a"] };
    case 7:
      return S(messageBody(rng));
    default:
      return { [rng.pick(["S", "N", "BOOL"])]: scalar(rng) };
  }
}

/** A record that is whole but for a few attributes. */
export function item(id: string, rng: Rng): HostileItem {
  const made = whole(id, rng);
  const names = Object.keys(made).filter((name) => name !== "id"); // it is what was asked for
  for (let n = rng.int(4); n > 0; n--) {
    const name = rng.chance(0.9) ? rng.pick(names) : text(rng);
    const old = made[name];
    if (rng.chance(0.15)) delete made[name];
    else if (isText(old) && rng.chance(0.3)) made[name] = json(mutated(asJson(old.S), rng));
    else if (isText(old) && rng.chance(0.4)) made[name] = S(`${old.S}${control(rng)}`);
    else made[name] = attribute(rng);
  }
  return made;
}

const isText = (one: Json | undefined): one is { S: string } => typeof one === "object" && one !== null && "S" in one;

function asJson(text: string): Json {
  try {
    return JSON.parse(text) as Json; // what an item holds
  } catch {
    return text;
  }
}
