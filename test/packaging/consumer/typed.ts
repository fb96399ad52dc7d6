// What a user's compiler has to know. Compiled as an ES module, as CommonJS and for a bundler; never run.
import { type AsyncResult, createApp, type OpenTelemetry, onLambda } from "lovage";
import { createLambdaHandler } from "lovage/lambda";
import { type InMemoryApp, inMemory } from "lovage/testing";

const app = createApp("typed", { workloads: { default: onLambda({ memory: "512MB", timeout: "60s" }) } });
const add = app.task("add", (x: number, y: number) => x + y);

export const sum: Promise<AsyncResult<number>> = add.delay(2, 3);
export const known: AsyncResult<number> = add.result("an id");
export const handler = createLambdaHandler(app);
export const test: InMemoryApp = inMemory(app);
// @opentelemetry/api is not installed here, and nothing misses it.
export const traced = (opentelemetry: OpenTelemetry) => createApp("traced", { opentelemetry });

// @ts-expect-error: x is a number
add.delay("2", 3);
