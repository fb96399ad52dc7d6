// The audit of dependencies, on npm's own answers: what is a problem, what is let pass, and what nobody could look at.

import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { answerOf, needless, problemsWith, signaturesOf } from "../../scripts/audit/advisories.ts";
import type { AllowedAdvisory } from "../../scripts/audit/allowed.ts";
import { type LockedPackage, lockfileProblems } from "../../scripts/audit/lockfile.ts";

const NONE = { auditReportVersion: 2, vulnerabilities: {}, metadata: { vulnerabilities: { total: 0 } } };
/** As npm 11 reports them: mkdirp is concerned through minimist. */
const FOUND = {
  auditReportVersion: 2,
  vulnerabilities: {
    minimist: {
      name: "minimist",
      severity: "critical",
      isDirect: false,
      via: [
        {
          source: 1097678,
          name: "minimist",
          dependency: "minimist",
          title: "Prototype Pollution in minimist",
          url: "https://github.com/advisories/GHSA-xvch-5gv4-984h",
          severity: "critical",
          cwe: ["CWE-1321"],
          range: "<0.2.4",
        },
        {
          source: 1096465,
          name: "minimist",
          dependency: "minimist",
          title: "Prototype Pollution in minimist",
          url: "https://github.com/advisories/GHSA-vh95-rmgr-6w4m",
          severity: "moderate",
          cwe: ["CWE-1321"],
          range: "<0.2.1",
        },
      ],
      effects: ["mkdirp"],
      range: "<=0.2.3",
      nodes: ["node_modules/minimist"],
      fixAvailable: true,
    },
    mkdirp: {
      name: "mkdirp",
      severity: "critical",
      isDirect: true,
      via: ["minimist"],
      effects: [],
      range: "0.4.1 - 0.5.1",
      nodes: ["node_modules/mkdirp"],
      fixAvailable: true,
    },
  },
  metadata: { vulnerabilities: { info: 0, low: 0, moderate: 0, high: 0, critical: 2, total: 2 } },
};
const NO_ENDPOINT = {
  message: "405 Method Not Allowed - POST https://registry.npmjs.org/-/npm/v1/security/advisories/bulk",
  method: "POST",
  statusCode: 405,
  body: "",
  error: { summary: "", detail: "" },
};
const UNREACHABLE = {
  message: "request to https://registry.npmjs.org/ failed, reason: getaddrinfo ENOTFOUND",
  error: {},
};
const SIGNED = { invalid: [], missing: [] };
const UNSIGNED = {
  invalid: [{ code: "EINTEGRITYSIGNATURE", name: "left-pad", version: "1.3.0", location: "node_modules/left-pad" }],
  missing: [{ name: "mkdirp", version: "0.5.1", location: "node_modules/mkdirp" }],
};
const ALLOWED: AllowedAdvisory = {
  advisory: "GHSA-xvch-5gv4-984h",
  package: "minimist",
  reason: "its parser is not called",
  until: "2026-12-31",
};

const json = (value: unknown) => JSON.stringify(value);

function advisoriesOf(report: unknown) {
  const answer = answerOf(json(report));
  if (answer.kind !== "audited") throw new Error(answer.reason);
  return answer.advisories;
}

describe("advisories", () => {
  test("each is counted once, whoever is concerned through it", () => {
    expect(advisoriesOf(NONE)).toEqual([]);
    expect(advisoriesOf(FOUND).map(({ id, severity }) => [id, severity])).toEqual([
      ["GHSA-xvch-5gv4-984h", "critical"],
      ["GHSA-vh95-rmgr-6w4m", "moderate"],
    ]);
  });

  test("from a severity on they are problems, which say package, versions and advisory", () => {
    const found = advisoriesOf(FOUND);
    expect(problemsWith(found, "low", [], "2026-11-21")).toHaveLength(2);
    expect(problemsWith(found, "high", [], "2026-11-21")).toEqual([
      "critical: minimist <0.2.4: Prototype Pollution in minimist (GHSA-xvch-5gv4-984h)",
    ]);
  });

  test("one that is allowed passes to the end of its last day, and not longer", () => {
    const found = advisoriesOf(FOUND);
    expect(problemsWith(found, "high", [ALLOWED], "2026-12-31")).toEqual([]);
    expect(problemsWith(found, "high", [ALLOWED], "2027-01-01")).toEqual([
      expect.stringMatching(/it was allowed until 2026-12-31: its parser is not called$/),
    ]);
    expect(problemsWith(found, "high", [{ ...ALLOWED, package: "other" }], "2026-12-31")).toHaveLength(1);
  });

  test("one that is allowed and is no more has to go", () => {
    expect(needless(advisoriesOf(FOUND), [ALLOWED])).toEqual([]);
    expect(needless([], [ALLOWED])).toEqual([expect.stringContaining("remove it")]);
  });

  test.each([
    ["a mirror's refusal", json(NO_ENDPOINT), "no endpoint", "405"],
    ["a network that is down", json(UNREACHABLE), "failed", "ENOTFOUND"],
    ["a server's error", json({ ...NO_ENDPOINT, statusCode: 503, message: "503" }), "failed", "503"],
    ["no report", "npm: command not found", "failed", "npm: command not found"],
    ["nothing", "", "failed", "npm printed no report"],
    ["a report of another version", json({ auditReportVersion: 3, vulnerabilities: {} }), "failed", "no report"],
  ])("%s is no clean bill of health", (_what, stdout, kind, reason) => {
    expect(answerOf(stdout)).toEqual({ kind, reason: expect.stringContaining(reason) });
  });
});

test("signatures: wrong and missing ones are problems, and what could not be checked is not checked", () => {
  expect(signaturesOf(json(SIGNED))).toEqual({ kind: "checked", problems: [] });
  expect(signaturesOf(json(UNSIGNED))).toEqual({
    kind: "checked",
    problems: ["left-pad@1.3.0: its signature is wrong (EINTEGRITYSIGNATURE)", "mkdirp@0.5.1: it has no signature"],
  });
  expect(signaturesOf(json({ error: { code: "ENOTFOUND", summary: "no key" } }))).toEqual({
    kind: "not checked",
    reason: "ENOTFOUND no key",
  });
  expect(signaturesOf("")).toMatchObject({ kind: "not checked" });
});

describe("the lockfile", () => {
  const RULES = { scripts: ["esbuild"], licences: ["MIT", "Apache-2.0"] };
  const GOOD = { version: "1.0.0", integrity: "sha512-abc", license: "MIT" };
  const ESBUILD = { ...GOOD, dev: true, hasInstallScript: true };
  const problemsOf = (packages: Readonly<Record<string, LockedPackage>>) =>
    lockfileProblems({ lockfileVersion: 3, packages: { "node_modules/esbuild": ESBUILD, ...packages } }, RULES);

  test("what is locked, permissive and runs no script is fine; so are workspaces, and what lies in another's tarball", () => {
    expect(
      problemsOf({
        "": { version: "0.1.0" },
        "scripts/site": { version: "0.0.0" },
        "node_modules/lovage-site": { resolved: "scripts/site", link: true },
        "node_modules/a": { ...GOOD, resolved: "https://registry.npmjs.org/a/-/a-1.0.0.tgz" },
        "node_modules/a/node_modules/b": { version: "1.0.0", inBundle: true, license: "(GPL-3.0 OR MIT)" },
        "node_modules/c": { ...GOOD, license: "GPL-3.0", dev: true },
      }),
    ).toEqual([]);
  });

  test.each([
    ["from elsewhere", { ...GOOD, resolved: "https://example.com/a.tgz" }, "it comes from https://example.com/a.tgz"],
    ["from a repository", { ...GOOD, resolved: "git+ssh://git@github.com/a/a.git#1" }, "it comes from git+ssh"],
    ["not locked", { version: "1.0.0", license: "MIT" }, "its integrity is not locked"],
    ["locked weakly", { ...GOOD, integrity: "sha1-abc" }, "its integrity is sha1-abc"],
    ["with a script", { ...GOOD, hasInstallScript: true }, "allowScripts does not name it"],
    ["copyleft", { ...GOOD, license: "GPL-3.0" }, "its licence is GPL-3.0"],
    ["without a licence", { version: "1.0.0", integrity: "sha512-abc" }, "its licence is not stated"],
  ])("a package %s is a problem", (_what, locked, problem) => {
    expect(problemsOf({ "node_modules/a": locked })).toEqual([expect.stringContaining(problem)]);
  });

  test("a script that is allowed and not run any more is a problem", () => {
    expect(problemsOf({ "node_modules/esbuild": GOOD })).toEqual([expect.stringContaining("names esbuild")]);
  });
});

describe("npm run audit", () => {
  const MIRROR = [NO_ENDPOINT, NO_ENDPOINT, SIGNED];
  const NO_KEYS = [NONE, NONE, { error: { code: "ENOTFOUND" } }];
  const IN_TOOLS = [NONE, FOUND, SIGNED];
  const NO_NETWORK = [UNREACHABLE, UNREACHABLE, SIGNED];
  test.each([
    ["a release of which all is known", [NONE, NONE, SIGNED], ["--release"], 0, "audit: nothing found\n"],
    ["a grave vulnerability in a tool", IN_TOOLS, [], 1, "problem: all of it: critical: minimist"],
    ["a mirror", MIRROR, [], 0, "!!! not audited: what users install: the registry has no endpoint for it: 405"],
    ["a release from a mirror", MIRROR, ["--release"], 1, "problem: a release needs it: not audited"],
    ["no network", NO_NETWORK, [], 1, "the audit failed: request to"],
    ["no keys for signatures", NO_KEYS, [], 0, "!!! signatures not checked: ENOTFOUND"],
    ["a release without them", NO_KEYS, ["--release"], 1, "problem: a release needs it: signatures not checked"],
    ["a mistyped option, which would let a release pass", NO_KEYS, ["--relase"], 2, 'unknown option "--relase"'],
  ] as const)("%s", async (_what, answers, args, code, says) => {
    using npm = new FakeNpm(answers);
    expect(await npm.audit(...args)).toEqual({ code, output: expect.stringContaining(says) });
  });
});

/** A package with nothing in it, and an npm that answers so: of what users install, of all of it, of signatures. */
class FakeNpm implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "lovage-audit-"));

  constructor([omitted, all, signatures]: readonly unknown[]) {
    const program = `#!/bin/sh
case "$*" in
  "audit --omit=dev --json") cat <<'END'\n${json(omitted)}\nEND\n;;
  "audit --json") cat <<'END'\n${json(all)}\nEND\n;;
  "audit signatures --json") cat <<'END'\n${json(signatures)}\nEND\n;;
  *) echo "npm $*" >&2; exit 9 ;;
esac
exit 1
`;
    writeFileSync(join(this.#folder, "npm"), program);
    chmodSync(join(this.#folder, "npm"), 0o755);
    writeFileSync(join(this.#folder, "package.json"), "{}");
    writeFileSync(join(this.#folder, "package-lock.json"), json({ lockfileVersion: 3, packages: {} }));
  }

  audit(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
    const script = fileURLToPath(new URL("../../scripts/audit.ts", import.meta.url));
    const env = { ...process.env, PATH: `${this.#folder}${delimiter}${process.env.PATH}` };
    return new Promise((resolve) => {
      execFile(process.execPath, [script, ...args], { cwd: this.#folder, env }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, output: stdout + stderr }),
      );
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}
