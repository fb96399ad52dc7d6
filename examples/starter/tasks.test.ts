// A task is a plain function, too: its logic needs no queue to be tested. `npm test` runs this.
import assert from "node:assert/strict";
import { test } from "node:test";
import { add, primes } from "./tasks.ts";

test("add adds", () => {
  assert.equal(add(2, 3), 5);
});

test("primes counts primes", async () => {
  assert.equal(await primes(100), 25);
});
