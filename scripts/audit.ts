// `npm run audit`: what the lockfile allows, what the registry knows of vulnerabilities, and whether packages are signed. Of what
// users install everything counts, of what only this repository uses what is high or critical. A registry that cannot be asked, as
// a mirror, fails a release (`--release`) and is said loudly otherwise.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { answerOf, needless, problemsWith, type Severity, signaturesOf } from "./audit/advisories.ts";
import { ALLOWED_ADVISORIES, ALLOWED_LICENCES } from "./audit/allowed.ts";
import { lockfileProblems } from "./audit/lockfile.ts";

const [mistyped] = process.argv.slice(2).filter((option) => option !== "--release");
if (mistyped !== undefined) {
  console.error(`unknown option ${JSON.stringify(mistyped)}; npm run audit takes --release, or nothing`);
  process.exit(2);
}
const release = process.argv.includes("--release");
const problems: string[] = [];
const notDone: string[] = [];

/** npm's own retries, with pauses of 10 s and more, make a network without the signing service wait for minutes. */
const PATIENCE = { npm_config_fetch_retries: "1", npm_config_fetch_retry_mintimeout: "1000" };

function npm(...args: readonly string[]): string {
  const { stdout } = spawnSync("npm", [...args, "--json"], {
    encoding: "utf8",
    maxBuffer: 64 * 1_048_576,
    env: { ...process.env, ...PATIENCE },
  });
  return stdout ?? ""; // npm is not there: nothing was printed
}

function audit(what: string, least: Severity, args: readonly string[]): void {
  const answer = answerOf(npm("audit", ...args));
  if (answer.kind === "audited") {
    const found = problemsWith(answer.advisories, least, ALLOWED_ADVISORIES, new Date().toISOString().slice(0, 10));
    problems.push(...found.map((problem) => `${what}: ${problem}`));
    if (args.length === 0) problems.push(...needless(answer.advisories, ALLOWED_ADVISORIES));
    console.log(
      `audited: ${what}: ${answer.advisories.length} advisories, ${found.length} from ${least} on that are not allowed`,
    );
  } else if (answer.kind === "no endpoint") {
    notDone.push(`not audited: ${what}: the registry has no endpoint for it: ${answer.reason}`);
  } else problems.push(`${what}: the audit failed: ${answer.reason}`);
}

const { allowScripts = {} } = JSON.parse(readFileSync("package.json", "utf8"));
const rules = { scripts: Object.keys(allowScripts), licences: ALLOWED_LICENCES };
problems.push(...lockfileProblems(JSON.parse(readFileSync("package-lock.json", "utf8")), rules));
audit("what users install", "low", ["--omit=dev"]);
audit("all of it", "high", []);
const signatures = signaturesOf(npm("audit", "signatures"));
if (signatures.kind === "checked") {
  problems.push(...signatures.problems);
  console.log(`signatures: ${signatures.problems.length} problems`);
} else notDone.push(`signatures not checked: ${signatures.reason}`);

for (const reason of notDone) console.error(`!!! ${reason}`);
if (release) problems.push(...notDone.map((reason) => `a release needs it: ${reason}`));
for (const problem of problems) console.error(`problem: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
else console.log(notDone.length === 0 ? "audit: nothing found" : "audit: nothing found in what could be looked at");
