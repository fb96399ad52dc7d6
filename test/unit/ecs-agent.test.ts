// The answers of the ECS agent's endpoint, as its documentation and its source have them.
import { expect, test } from "vitest";
import { ecsAgent } from "../../lib/aws/ecs-agent.ts";
import { startAgent } from "../support/ecs-agent.ts";

const ARN = "arn:aws:ecs:eu-central-1:111111111111:task/duckling/1";

test("it is asked as documented", async () => {
  await using agent = await startAgent();
  expect(await ecsAgent(agent.uri).set({ minutes: 6 })).toEqual({ kind: "set" });
  expect(await ecsAgent(agent.uri).set(false)).toEqual({ kind: "set" });
  expect(agent.requests).toEqual([
    { method: "PUT", path: "/api/1/task-protection/v1/state", ProtectionEnabled: true, ExpiresInMinutes: 6 },
    { method: "PUT", path: "/api/1/task-protection/v1/state", ProtectionEnabled: false },
  ]);
});

test.each([
  [
    "a refusal, with status 200",
    200,
    { failure: { Arn: ARN, Reason: "DEPLOYMENT_BLOCKED", Detail: "1 of 2" } },
    { kind: "refused", reason: "DEPLOYMENT_BLOCKED", detail: "1 of 2" },
  ],
  [
    "a role without the permission",
    400,
    { error: { Arn: ARN, Code: "AccessDeniedException", Message: "not authorized" } },
    { kind: "failed", code: "AccessDeniedException", message: "not authorized", maybe: false },
  ],
  [
    "throttled",
    400,
    { requestID: "1", error: { Arn: ARN, Code: "ThrottlingException", Message: "Rate exceeded" } },
    { kind: "failed", code: "ThrottlingException", message: "Rate exceeded", maybe: false },
  ],
  [
    "ECS was too slow for the agent",
    504,
    { error: { Arn: ARN, Code: "RequestCanceled", Message: "Timed out calling ECS Task Protection API" } },
    { kind: "failed", code: "RequestCanceled", message: "Timed out calling ECS Task Protection API", maybe: true },
  ],
  ["an agent without that endpoint", 404, "404 page not found", { code: "status 404", message: "404 page not found" }],
  ["nothing of what there may be", 200, {}, { kind: "failed", code: "status 200" }],
  ["null", 200, null, { kind: "failed", code: "status 200" }],
])("%s", async (_, status, body, expected) => {
  await using agent = await startAgent({ status, body });
  expect(await ecsAgent(agent.uri).set({ minutes: 1 })).toMatchObject(expected);
});

test("nobody listens", async () => {
  expect(await ecsAgent("http://127.0.0.1:9").set(false)).toEqual({
    kind: "failed",
    code: "no answer",
    message: expect.stringMatching(/ECONNREFUSED|bad port/),
    maybe: true,
  });
});
