// What runs. Arguments have schemas: the API has nothing to check of its own, and a worker trusts nobody.
import { createHash } from "node:crypto";
import { z } from "zod";
import { app } from "./app.ts";

const name = z.string().trim().min(1).max(80);

export const write = app.task(
  "write",
  { args: [name, name] },
  (to, from) => `Dear ${to}, wish you were here. Greetings from ${from}!`,
);

const ZEROS = { stamp: "0", airmail: "0000" } as const;

/** Finds the number that makes a text's SHA-256 begin with zeros: the more of them, the longer it takes. */
export const frank = app.task(
  "frank",
  { workload: "franking", args: [z.string().max(1_000), z.enum(["stamp", "airmail"])], timeLimit: "5m" },
  (text, postage) => {
    for (let number = 0; ; number++) {
      const hash = createHash("sha256").update(`${text}${number}`).digest("hex");
      if (hash.startsWith(ZEROS[postage])) return { number, hash };
    }
  },
);
