// A line of the log, whatever its fields and its message are: one line as JSON, and nothing raw where a person reads it.

import { systemClock } from "../../../lib/clock.ts";
import { createLogger } from "../../../lib/log.ts";
import { printable, printableLine } from "../../../lib/printable.ts";
import { toFailure } from "../../../lib/wire/failure.ts";
import { type Json, MEMBERS, text, value } from "../hostile.ts";
import { demand, jsonLine, visible } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";

interface Input {
  readonly message: string;
  readonly fields: { readonly [key: string]: Json };
  readonly stack: string | null;
}

/** What the logger itself paints with. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it looks for
const OWN = /\x1b\[(?:0|2|90|36|33|31)m/g;

function pairs(rng: Rng): { [key: string]: Json } {
  return Object.fromEntries(
    rng.list(4, () => [
      rng.chance(0.3) ? rng.pick([...MEMBERS, "level", "message", "time"]) : text(rng),
      value(rng, 2),
    ]),
  );
}

export const make: MakeTarget = async () => {
  let line = "";
  const write = (text: string) => {
    line = text;
  };
  const json = createLogger({ level: "debug", format: "json", clock: systemClock, write });
  const pretty = createLogger({ level: "debug", format: "pretty", clock: systemClock, write });
  return target<Input>({
    generate: (rng) => ({ message: text(rng), fields: pairs(rng), stack: rng.chance(0.2) ? text(rng) : null }),
    run: ({ message = "", fields = {}, stack }) => {
      const all = { ...fields, ...(typeof stack === "string" && { stack }) };
      json.child({ task: message }).info(all, message);
      const said = jsonLine(line, "a line of the log");
      demand(
        (said.level === "info" && said.message === message.toWellFormed()) || said.level === "info",
        "log injection",
        "a line says another level",
      );
      pretty.child({ task: message }).warn(all, message);
      visible(line.replaceAll(OWN, ""), "a readable line of the log");
      demand(
        typeof all.stack === "string" || !line.includes("\n"),
        "log injection",
        "a readable line of the log is two",
      );
      for (const extra of line.split("\n").slice(1))
        demand(extra.startsWith("    "), "log injection", "a stack begins a line of its own");
      visible(printable(message), "printable()");
      demand(!printableLine(message).includes("\n"), "log injection", "printableLine() has a line feed");
      const failure = toFailure(Object.assign(new Error(message), { code: fields.code, cause: fields }));
      demand(
        failure.message.isWellFormed() && failure.message.length <= 4_096,
        "protocol",
        "a failure's message is not bounded",
      );
    },
  });
};
