import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dynamoClients } from "../../lib/aws/dynamo-clients.ts";
import { Sha256 } from "../../lib/aws/sha256.ts";
import { sqsClients } from "../../lib/aws/sqs-clients.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const source = fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array());
const asBytes = (value: string | Uint8Array) => (typeof value === "string" ? Buffer.from(value) : value);

describe("Sha256", () => {
  test("is node:crypto's SHA-256 of all it was updated with", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(source, { maxLength: 4 }), async (parts) => {
        const ours = new Sha256();
        for (const part of parts) ours.update(part);
        const all = Buffer.concat(parts.map(asBytes));
        expect(hex(await ours.digest())).toBe(createHash("sha256").update(all).digest("hex"));
      }),
    );
  });

  test("is node:crypto's HMAC with a secret, each time it is asked", async () => {
    await fc.assert(
      fc.asyncProperty(source, source, async (secret, data) => {
        const expected = createHmac("sha256", asBytes(secret)).update(asBytes(data)).digest("hex");
        for (let i = 0; i < 2; i++) {
          const ours = new Sha256(secret);
          ours.update(data);
          expect(hex(await ours.digest())).toBe(expected);
        }
      }),
    );
  });

  test("tells secrets apart, more than it keeps, and forgets none", async () => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 20; i++) {
        const ours = new Sha256(`secret ${i}`);
        ours.update("data");
        expect(hex(await ours.digest())).toBe(createHmac("sha256", `secret ${i}`).update("data").digest("hex"));
      }
    }
  });

  test("reads a part of a buffer as that part", async () => {
    const ours = new Sha256();
    ours.update(new DataView(new TextEncoder().encode("-abc-").buffer, 1, 3));
    expect(hex(await ours.digest())).toBe(createHash("sha256").update("abc").digest("hex"));
  });

  test("begins again after a reset", async () => {
    const ours = new Sha256();
    ours.update("wrong");
    ours.reset();
    ours.update("abc");
    expect(hex(await ours.digest())).toBe(createHash("sha256").update("abc").digest("hex"));
  });
});

test("the clients sign with it, and the SDK's logging is gone", () => {
  const region = "us-east-1";
  const [sqs, dynamodb] = [sqsClients({ region }), dynamoClients({ region })];
  for (const client of [sqs.requests, sqs.polls, dynamodb.client]) {
    expect(client.config.sha256).toBe(Sha256);
    expect(client.middlewareStack.identify().filter((name) => name.startsWith("loggerMiddleware"))).toEqual([]);
  }
  sqs.destroy();
  dynamodb.destroy();
});
