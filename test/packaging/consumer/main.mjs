// A call, an execution as on Lambda, a result; and what is there when the CDK is not.
import assert from "node:assert/strict";
import { createLambdaHandler } from "lovage/lambda";
import { inMemory } from "lovage/testing";
import { add, app } from "./app.mjs";
import { context, eventOf } from "./event.mjs";

const test = inMemory(app);
const result = await add.delay(2, 3);
assert.equal(await result.state(), "PENDING");
const { broker } = await app.backends();
const deliveries = await broker.receive("packed-default", { max: 10, waitSeconds: 0, visibilitySeconds: 60 });
assert.deepEqual(await createLambdaHandler(app)(eventOf(deliveries), context), { batchItemFailures: [] });
console.log(await result.state(), await result.get({ timeout: "5s" }));

const drained = await add.delay(4, 5);
await test.drain();
assert.equal(await drained.get(), 9);
await test.close();
await app.close();

const eager = app.eager();
assert.equal(await (await add.delay(6, 7)).get(), 13);
eager[Symbol.dispose]();

await assert.rejects(import("lovage/infra"), { code: "ERR_MODULE_NOT_FOUND", message: /'aws-cdk-lib'/ });
