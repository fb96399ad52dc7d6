// examples/http-api: runs on one machine as its README says; deployed, each function may do its part and nothing more.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { arn } from "../infra/deploy.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/http-api", import.meta.url));
const MINUTE = 60_000;

/** Nothing of this process's environment but where things are. */
const { PATH = "", HOME = "" } = process.env;
const env = { PATH, HOME };

describe("on one machine", () => {
  let url = "";
  let stop = async () => {};

  beforeAll(async () => {
    const main = spawn(process.execPath, ["main.ts"], { cwd: EXAMPLE, env: { ...env, PORT: "0", NO_COLOR: "1" } });
    const ended = once(main, "close");
    stop = async () => {
      main.kill("SIGTERM");
      await ended;
    };
    let said = "";
    const address = Promise.withResolvers<string>();
    for (const stream of [main.stdout, main.stderr])
      stream.on("data", (chunk) => {
        said += chunk;
        const found = /The API is at (?<url>\S+)/.exec(said)?.groups?.url;
        if (found) address.resolve(found);
      });
    main.once("exit", () => address.reject(new Error(said)));
    url = await address.promise;
  }, MINUTE);
  afterAll(() => stop(), MINUTE);

  interface Answered {
    readonly id: string;
    readonly state: string;
    readonly error: string;
  }

  async function request(path: string, body?: string, type = "application/json") {
    const init = body === undefined ? {} : { method: "POST", headers: { "content-type": type }, body };
    const response = await fetch(`${url}${path}`, init);
    const answered = (await response.json()) as Answered; // each test looks at what it is
    return { status: response.status, location: response.headers.get("location"), body: answered };
  }

  async function ending(id: string) {
    for (;;) {
      const { status, body } = await request(`/tasks/${id}`);
      if (!["PENDING", "STARTED", "RETRY"].includes(body.state)) return { status, body };
      await new Promise((resolve) => setTimeout(resolve, 100)); // a client of an API has nothing else to wait for
    }
  }

  test("a task is sent, and its result read, by a function and by a container", { timeout: MINUTE }, async () => {
    const card = await request("/tasks", '{"task":"write","args":[" Ada ","Lisbon"]}');
    expect(card).toEqual({ status: 202, location: `/tasks/${card.body.id}`, body: { id: expect.any(String) } });
    const text = "Dear Ada, wish you were here. Greetings from Lisbon!";
    expect(await ending(card.body.id)).toEqual({
      status: 200,
      body: { id: card.body.id, state: "SUCCESS", result: text },
    });
    // As curl sends it where nobody says what it is: API Gateway passes it on in base64.
    const form = "application/x-www-form-urlencoded";
    const { body } = await request("/tasks", JSON.stringify({ task: "frank", args: [text, "stamp"] }), form);
    expect((await ending(body.id)).body).toMatchObject({
      state: "SUCCESS",
      result: { hash: expect.stringMatching(/^0/) },
    });
  });

  test("an id that nobody has made is unknown", async () => {
    for (const id of ["nonsense", "00000000-0000-7000-8000-000000000000", "x".repeat(3_000), "%2E%2E%2Fetc"])
      expect(await request(`/tasks/${id}`)).toMatchObject({ status: 404 });
  });

  test.each([
    ["{", "send {"],
    ["null", "send {"],
    ['{"task":"format","args":[]}', "send {"],
    ['{"task":"constructor","args":[]}', "send {"],
    ['{"task":"write","args":"Ada"}', "send {"],
    ['{"task":"write","args":["Ada"]}', "args"],
    ['{"task":"write","args":["Ada",""]}', "args[1]"],
    ['{"task":"frank","args":["Dear Ada","surface"]}', "args[1]"],
  ])("%s is refused, with what is wrong", async (body, problem) => {
    const refused = await request("/tasks", body);
    expect(refused.status).toBe(400);
    expect(refused.body.error).toContain(problem);
  });
});

describe("deployed", () => {
  let out: string;
  let template: { readonly Resources: Readonly<Record<string, Resource>> };

  interface Resource {
    readonly Type: string;
    readonly Properties: Readonly<Record<string, unknown>>;
    readonly Metadata?: Readonly<Record<string, string>>;
  }

  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), "lovage-http-api-"));
    const context = { "aws:cdk:bundling-stacks": ["postcards-api"], "aws:cdk:enable-asset-metadata": true };
    const variables = { ...env, CDK_OUTDIR: out, CDK_CONTEXT_JSON: JSON.stringify(context) };
    await promisify(execFile)(process.execPath, ["infra/main.ts"], { cwd: EXAMPLE, env: variables });
    template = JSON.parse(await readFile(join(out, "postcards-api.template.json"), "utf8"));
  }, MINUTE);
  afterAll(() => rm(out, { recursive: true, force: true }));

  const of = (type: string, name: string) => {
    const found = Object.entries(template.Resources).filter(([id, one]) => one.Type === type && id.startsWith(name));
    expect(found.map(([id]) => id)).toHaveLength(1);
    return (found[0] as [string, Resource])[1]; // the line above has counted
  };
  /** Everything a function may do: its own policies, and the managed ones. */
  const allowed = (name: string) => {
    const { ManagedPolicyArns, Policies } = of("AWS::IAM::Role", `${name}ServiceRole`).Properties;
    const policies = Object.values(template.Resources).filter(
      ({ Type, Properties }) =>
        Type === "AWS::IAM::Policy" && JSON.stringify(Properties.Roles).includes(`"${name}ServiceRole`),
    );
    const statements = policies.flatMap(
      ({ Properties }) => (Properties.PolicyDocument as { Statement: object[] }).Statement,
    ); // CloudFormation's
    return { managed: JSON.stringify(ManagedPolicyArns), inline: Policies, statements };
  };
  const LOGS_ONLY =
    '[{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]]}]';

  test("send may send to the two queues, and nothing else; it is told where they are", () => {
    expect(allowed("send")).toEqual({
      managed: LOGS_ONLY,
      inline: undefined,
      statements: [
        {
          Action: "sqs:SendMessage",
          Effect: "Allow",
          Resource: [arn("sqs", "postcards-default"), arn("sqs", "postcards-franking")],
        },
      ],
    });
    const base = [
      "https://sqs.",
      { Ref: "AWS::Region" },
      ".",
      { Ref: "AWS::URLSuffix" },
      "/",
      { Ref: "AWS::AccountId" },
    ];
    expect(of("AWS::Lambda::Function", "send").Properties.Environment).toEqual({
      Variables: { LOVAGE_QUEUE_URL_BASE: { "Fn::Join": ["", base] } },
    });
  });

  test("result may read records of the table, and nothing else; it is told nothing", () => {
    expect(allowed("result")).toEqual({
      managed: LOGS_ONLY,
      inline: undefined,
      statements: [
        {
          Action: ["dynamodb:GetItem", "dynamodb:BatchGetItem"],
          Effect: "Allow",
          Resource: arn("dynamodb", "table/postcards"),
        },
      ],
    });
    expect(of("AWS::Lambda::Function", "result").Properties.Environment).toBeUndefined();
  });

  test("the routes are the README's, and the functions have no other way in", () => {
    const routes = Object.values(template.Resources).filter(({ Type }) => Type === "AWS::ApiGatewayV2::Route");
    expect(routes.map(({ Properties }) => Properties.RouteKey)).toEqual(["POST /tasks", "GET /tasks/{id}"]);
    const permissions = Object.values(template.Resources).filter(({ Type }) => Type === "AWS::Lambda::Permission");
    expect(permissions.map(({ Properties }) => Properties.Principal)).toEqual(
      Array(2).fill("apigateway.amazonaws.com"),
    );
  });

  test.each(["send", "result"])("the bundle of %s loads, and answers", async (name) => {
    const asset = of("AWS::Lambda::Function", name).Metadata?.["aws:asset:path"] ?? "";
    const { handler } = createRequire(import.meta.url)(join(out, asset, "index.js"));
    const { statusCode } = await handler({ isBase64Encoded: false, pathParameters: { id: "?" }, body: "" });
    expect(statusCode).toBe(name === "send" ? 400 : 404);
  });
});
