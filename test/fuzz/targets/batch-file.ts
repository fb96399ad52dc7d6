// Files of calls (`send --batch`), and JSON on the command line: a line is a call or is refused, and what is sent is what was written.
import { Readable } from "node:stream";
import { batchCall } from "../../../lib/cli/batch-call.ts";
import { causeOf } from "../../../lib/cli/cause.ts";
import { parseExact } from "../../../lib/cli/exact-json.ts";
import { linesOf } from "../../../lib/cli/lines.ts";
import { type Json, jsonText, mangled, mutated, text, value } from "../hostile.ts";
import { demand, plain, typed } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";
import { World } from "../world.ts";

const CALL = {
  task: "add",
  args: [2, 3],
  kwargs: {},
  countdown: "5s",
  eta: "2026-11-21T12:00:00Z",
  expires: "1h",
  headers: { a: 1 },
};

function line(rng: Rng): string {
  switch (rng.int(5)) {
    case 0:
      return jsonText(value(rng));
    case 1:
      return text(rng);
    default: {
      const some = Object.fromEntries(Object.entries(CALL).filter(() => rng.chance(0.6))) as Json; // parts of it
      return jsonText(mutated(rng.chance(0.3) ? [1, 2] : some, rng));
    }
  }
}

export const make: MakeTarget = async () => {
  const world = new World();
  const signal = new AbortController().signal;
  return target<string>({
    generate: (rng) => {
      const file = rng.list(4, () => line(rng)).join(rng.pick(["\n", "\r\n", "\n\n"]));
      return rng.chance(0.2) ? mangled(file, rng) : file;
    },
    run: async (file) => {
      world.fresh();
      let number = 0;
      const bytes = Buffer.from(file);
      const chunks = [bytes.subarray(0, 7), bytes.subarray(7)];
      for await (const { number: n, text, problem } of linesOf(Readable.from(chunks), signal)) {
        demand(n > number, "protocol", `line ${n} after line ${number}`);
        number = n;
        if (problem !== undefined) continue;
        const found = parseExact(text);
        if ("problem" in found)
          demand(found.problem.length < 1_000, "log injection", "a problem that repeats the line");
        const call = await typed(() => batchCall(text, "add"));
        if ("error" in call) {
          const { message } = causeOf(call.error);
          demand(message.length < 2_000, "log injection", `a problem of ${message.length} characters`);
          continue;
        }
        const sent = await typed(() => world.app.sendTask(call.value.task, call.value.args, call.value.options));
        if ("value" in sent) plain(call.value.args, "the arguments of a call");
      }
      world.look();
    },
    close: () => world.close(),
  });
};
