// Each rule can fail: small made-up sources that break it, and their nearest neighbours that do not.
import { describe, expect, test } from "vitest";
import * as rules from "./rules.ts";
import { parse, type Source } from "./source.ts";

const sources = (files: Readonly<Record<string, string>>): readonly Source[] =>
  Object.entries(files).map(([path, text]) => parse(path, text));

/** What a rule says about one file, and where. */
const found = (rule: rules.Rule, path: string, text: string) => rule(sources({ [path]: text })).map(({ what }) => what);

describe("parse", () => {
  const targets = (text: string) =>
    parse("lib/worker/x.ts", text).imports.map(({ target, typeOnly }) => (typeOnly ? `type ${target}` : target));

  test.each([
    ['import { a } from "./a.ts";', ["lib/worker/a.ts"]],
    ['import a, { b } from "../core/b.ts";', ["lib/core/b.ts"]],
    ['import * as a from "node:fs";', ["node:fs"]],
    ['import "./effects.ts";', ["lib/worker/effects.ts"]],
    ['import {\n  a,\n  b,\n} from "./a.ts";', ["lib/worker/a.ts"]],
    ['export { a } from "./a.ts";\nexport * from "./b.ts";', ["lib/worker/a.ts", "lib/worker/b.ts"]],
    ['const a = await import("./a.ts");', ["lib/worker/a.ts"]],
    ['const { A } = await import("./a.ts");', ["lib/worker/a.ts"]],
    ['import type { A } from "./a.ts";', ["type lib/worker/a.ts"]],
    ['export type { A } from "./a.ts";', ["type lib/worker/a.ts"]],
    ['import { type A } from "./a.ts";', ["lib/worker/a.ts"]], // the module is loaded all the same
    ['let a: import("./a.ts").A;', ["type lib/worker/a.ts"]],
    ['type A = typeof import("./a.ts");', ["type lib/worker/a.ts"]],
    ['// import { a } from "./a.ts";\n/* import "./b.ts" */', []],
    ['const text = `import { a } from "./a.ts";`;', []],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source code
    ['const text = `${f(await import("./a.ts"))} import "./b.ts"`;', ["lib/worker/a.ts"]],
    ['const slash = /"/; import { a } from "./a.ts";', ["lib/worker/a.ts"]],
    ['const url = "https://example.org"; import { a } from "./a.ts";', ["lib/worker/a.ts"]],
    ['export const from = (x: string) => x;\nconst y = from("./a.ts");', []],
  ])("imports of %s", (text, expected) => {
    expect(targets(text)).toEqual(expected);
  });

  test("positions are those of the text", () => {
    const { bare, code, imports } = parse("lib/x.ts", '// é 🦆\n\nimport { a } from "./a.ts"; // why\n');
    expect(imports[0]?.line).toBe(3);
    expect(code.split("\n")[2]).toBe('import { a } from "./a.ts";       ');
    expect(bare.split("\n")[2]).toBe('import { a } from "      ";       ');
  });

  test("nested templates and divisions end where they end", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source code
    const { bare } = parse("lib/x.ts", "a(`x${b(`y${c}z`)}w`, d / e, /f[/]\"/g, 'h\\'i'); // j");
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source code
    expect(bare.trimEnd()).toBe("a(` ${b(` ${c} `)} `, d / e, /     /g, '    ');");
  });
});

describe("core and wire do no I/O", () => {
  test.each([
    ["lib/core/decide.ts", 'import { readFileSync } from "node:fs";', ["node:fs"]],
    ["lib/wire/envelope.ts", 'import { systemClock } from "../clock.ts";', ["lib/clock.ts"]],
    ["lib/core/decide.ts", 'const fs = await import("node:fs");', ["node:fs"]],
    ["lib/core/decide.ts", 'import { type Broker } from "../ports/broker.ts";', ["lib/ports/broker.ts"]],
    ["lib/core/decide.ts", 'import type { Broker } from "../ports/broker.ts";', []],
    ["lib/core/ids.ts", 'import { createHash } from "node:crypto";\nimport { SQS } from "../defaults.ts";', []],
    ["lib/wire/failure.ts", 'import { TABLE } from "../store/table.ts";\nimport { x } from "../errors.ts";', []],
    ["lib/worker/execute.ts", 'import { readFileSync } from "node:fs";', []],
  ])("%s: %s", (path, text, expected) => {
    expect(found(rules.pureLayersDoNoIo, path, text)).toEqual(expected);
  });
});

test.each([
  ["lib/app.ts", 'import { SQSClient } from "@aws-sdk/client-sqs";', ["@aws-sdk/client-sqs"]],
  ["lib/ports/broker.ts", 'import type { Message } from "@aws-sdk/client-sqs";', ["@aws-sdk/client-sqs"]],
  ["lib/aws/sqs-broker.ts", 'import { SQSClient } from "@aws-sdk/client-sqs";', []],
])("the AWS SDK is known to lib/aws alone: %s: %s", (path, text, expected) => {
  expect(found(rules.sdkOnlyInAws, path, text)).toEqual(expected);
});

test.each([
  ["lib/app.ts", 'import { Duration } from "aws-cdk-lib";', ["aws-cdk-lib"]],
  ["functions/worker/main.ts", 'import type { Construct } from "constructs";', ["constructs"]],
  ["lib/app.ts", 'import { Queue } from "aws-cdk-lib/aws-sqs";', ["aws-cdk-lib/aws-sqs"]],
  ["infra/constructs/task-app.ts", 'import { Queue } from "aws-cdk-lib/aws-sqs";', []],
])("the CDK is known to infra alone: %s: %s", (path, text, expected) => {
  expect(found(rules.cdkOnlyInInfra, path, text)).toEqual(expected);
});

describe("infra takes only pure files from lib", () => {
  const judged = (files: Readonly<Record<string, string>>) =>
    rules.infraTakesPureFilesOnly(sources(files)).map(({ file, what }) => `${file} -> ${what}`);

  test("not the app", () => {
    expect(judged({ "infra/app.ts": 'import { createApp } from "../lib/app.ts";' })).toEqual([
      "infra/app.ts -> lib/app.ts",
    ]);
  });

  test("not even its type, which would tie a deployment to the runtime", () => {
    expect(judged({ "infra/app.ts": 'import type { App } from "../lib/app.ts";' })).toEqual([
      "infra/app.ts -> lib/app.ts",
    ]);
  });

  test("not through a pure file that is no longer pure", () => {
    const files = {
      "infra/app.ts": 'import { onLambda } from "../lib/workload.ts";',
      "lib/workload.ts": 'import { systemClock } from "./clock.ts";\nimport type { App } from "./app.ts";',
    };
    expect(judged(files)).toEqual(["lib/workload.ts -> lib/clock.ts"]);
  });

  test("the pure ones, and its own", () => {
    const files = {
      "infra/app.ts": 'import { onLambda } from "../lib/workload.ts";\nimport { x } from "./index.ts";',
      "lib/workload.ts": "",
    };
    expect(judged(files)).toEqual([]);
  });
});

test.each([
  ["lib/app.ts", "const region = process.env.AWS_REGION;", ["process.env"]],
  ["lib/app.ts", 'const region = process["env"].AWS_REGION;', ['process["env"]']],
  ["lib/app.ts", "const { env } = process;", ["{ env } = process"]],
  ["lib/app.ts", 'import { env } from "node:process";', ['from "node:process"']],
  ["infra/main.ts", "const account = process.env.CDK_DEFAULT_ACCOUNT;", ["process.env"]],
  ["lib/environment.ts", "export const region = process.env.AWS_REGION;", []],
  ["lib/app.ts", "// process.env is read elsewhere\nconst pid = process.pid;", []],
])("the environment is read in lib/environment.ts: %s: %s", (path, text, expected) => {
  expect(found(rules.environmentInOnePlace, path, text)).toEqual(expected);
});

describe("time and randomness come from the clock", () => {
  test.each([
    "Date.now()",
    "new Date()",
    "Date()",
    "setTimeout(f, 1)",
    "setInterval(f, 1)",
    "setImmediate(f)",
    "Math.random()",
    "performance.now()",
    "process.hrtime.bigint()",
    'import { setTimeout } from "node:timers/promises";',
    "new Worker(`setInterval(f, 1)`, { eval: true })",
  ])("%s", (text) => {
    expect(found(rules.timeOnlyThroughClock, "lib/worker/execute.ts", text)).not.toEqual([]);
    expect(found(rules.timeOnlyThroughClock, "functions/worker/main.ts", text)).not.toEqual([]);
    expect(found(rules.timeOnlyThroughClock, "lib/clock.ts", text)).toEqual([]);
    expect(found(rules.timeOnlyThroughClock, "lib/testing/fake-clock.ts", text)).toEqual([]);
  });

  test.each(["new Date(ms)", "clearTimeout(handle)", "// Date.now()", "toDate()", "clock.now()", "x.Date()"])(
    "not %s",
    (text) => {
      expect(found(rules.timeOnlyThroughClock, "lib/worker/execute.ts", text)).toEqual([]);
    },
  );
});

describe("error classes live in lib/errors.ts", () => {
  const home = {
    "lib/errors.ts": "export class LovageError extends Error {}\nexport class Retry extends LovageError {}",
  };
  const judged = (text: string) =>
    rules.errorsInOnePlace(sources({ ...home, "lib/app.ts": text })).map(({ what }) => what);

  test.each([
    "class Oops extends Error",
    "class Oops extends LovageError",
    "class Oops extends TypeError",
    "class Again extends Retry",
    "class extends Error",
  ])("%s", (text) => {
    expect(judged(`const a = 1;\nexport ${text} {}`)).toEqual([text]);
  });

  test.each([
    "class App extends Base {}",
    '"class Oops extends Error {}"',
    "// class Oops extends Error",
    "new Error()",
  ])("not %s", (text) => {
    expect(judged(text)).toEqual([]);
  });
});

test.each([
  ["export default function f() {}", ["export default"]],
  ["export { f as default };", ["as default"]],
  ["export function f() {}\nswitch (x) { default: }", []],
  ['const text = "export default";', []],
])("exports have names: %s", (text, expected) => {
  expect(found(rules.namedExportsOnly, "lib/app.ts", text)).toEqual(expected);
});

test("files have at most 400 lines", () => {
  expect(found(rules.filesAreShort, "lib/app.ts", "x;\n".repeat(401))).toEqual(["401 lines"]);
  expect(found(rules.filesAreShort, "lib/app.ts", "x;\n".repeat(400))).toEqual([]);
});

test.each([
  ["lib/utils.ts", true],
  ["lib/aws/queue-utils.ts", true],
  ["lib/common/ids.ts", true],
  ["lib/helpers.ts", true],
  ["lib/worker/pool-manager.ts", true],
  ["lib/command.ts", false],
  ["lib/commonality.ts", false],
  ["lib/core/ids.ts", false],
])("files are named after what is in them: %s", (path, refused) => {
  expect(found(rules.filesAreNamed, path, "")).toHaveLength(refused ? 1 : 0);
});

describe("files do not import each other in circles", () => {
  const judged = (files: Readonly<Record<string, string>>) => rules.noCircles(sources(files)).map(({ what }) => what);

  test("not two, not three, not one", () => {
    expect(judged({ "lib/a.ts": 'import "./b.ts";', "lib/b.ts": 'import "./a.ts";' })).toEqual([
      "lib/a.ts -> lib/b.ts -> lib/a.ts",
    ]);
    const three = {
      "lib/a.ts": 'import "./x/b.ts";',
      "lib/x/b.ts": 'export * from "./c.ts";',
      "lib/x/c.ts": 'await import("../a.ts");',
    };
    expect(judged(three)).toEqual(["lib/a.ts -> lib/x/b.ts -> lib/x/c.ts -> lib/a.ts"]);
    expect(judged({ "lib/a.ts": 'import "./a.ts";' })).toEqual(["lib/a.ts -> lib/a.ts"]);
  });

  test("types may, and so may two ways to one file", () => {
    expect(judged({ "lib/a.ts": 'import "./b.ts";', "lib/b.ts": 'import type { A } from "./a.ts";' })).toEqual([]);
    expect(
      judged({ "lib/a.ts": 'import "./b.ts";\nimport "./c.ts";', "lib/b.ts": 'import "./c.ts";', "lib/c.ts": "" }),
    ).toEqual([]);
  });
});

describe("no absolute paths of a machine", () => {
  // In pieces, or this file would break the rule it tests.
  const path = (...parts: string[]) => `/${parts.join("/")}`;

  test.each([
    `see ${path("home", "ann", "lovage")}`,
    `"${path("Users", "ann")}"`,
    `file://${path("root", "x.ts")}`,
    path("work", "main"),
    "C:" + "\\Users\\ann",
  ])("%s", (text) => {
    expect(rules.machinePaths("README.md", `line\n${text}`)).toMatchObject([{ file: "README.md", line: 2 }]);
  });

  test.each(["https://example.org/home/page", "./home/x", "/var/task", "/usr/bin/env", "lib/works/x.ts", "~/home/x"])(
    "not %s",
    (text) => {
      expect(rules.machinePaths("README.md", text)).toEqual([]);
    },
  );
});

describe("exceptions", () => {
  const judged = (what: string) =>
    rules.judge("timeOnlyThroughClock", sources({ "lib/app.ts": "Date.now();" }), [
      { rule: "timeOnlyThroughClock", file: "lib/app.ts", what, reason: "a test" },
    ]);

  test("allow what they name", () => {
    expect(judged("Date.now")).toEqual({ violations: [], unused: [] });
  });

  test("allow nothing else, and do not outlive their need", () => {
    expect(judged("Math.random")).toEqual({
      violations: ["lib/app.ts:1: Date.now (time and randomness come from the clock)"],
      unused: ["lib/app.ts: Math.random is allowed and does not occur"],
    });
  });
});
