// As main.mjs, from CommonJS; and both ways of loading give one package, not two.
const assert = require("node:assert/strict");
const { App } = require("lovage");
const { createLambdaHandler } = require("lovage/lambda");
const { inMemory } = require("lovage/testing");
const { add, app } = require("./app.cjs");

async function main() {
  const { context, eventOf } = await import("./event.mjs");
  const test = inMemory(app);
  const result = await add.delay(2, 3);
  assert.equal(await result.state(), "PENDING");
  const { broker } = await app.backends();
  const deliveries = await broker.receive("packed-default", { max: 10, waitSeconds: 0, visibilitySeconds: 60 });
  assert.deepEqual(await createLambdaHandler(app)(eventOf(deliveries), context), { batchItemFailures: [] });
  console.log(await result.state(), await result.get({ timeout: "5s" }));
  await test.close();
  await app.close();

  assert.equal((await import("lovage")).App, App);
  assert.throws(() => require("lovage/infra"), { code: "ERR_MODULE_NOT_FOUND", message: /'aws-cdk-lib'/ });
}

main();
