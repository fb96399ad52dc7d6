// `npm run release`: publishes the version of package.json and tags it. It refuses before it does anything, with every reason at
// once. `--dry-run` says the reasons, runs the checks, shows what would be published, and changes nothing. `--checked`: they have
// run on this commit, in a job that may publish nothing.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const dryRun = process.argv.includes("--dry-run");
const checked = process.argv.includes("--checked");
const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const tag = `v${manifest.version}`;

function run(program: string, ...args: readonly string[]): boolean {
  console.log(`> ${program} ${args.join(" ")}`);
  return spawnSync(program, args, { stdio: "inherit" }).status === 0;
}

function git(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("git", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

function pendingChangesets(): readonly string[] {
  return readdirSync(".changeset").filter((name) => name.endsWith(".md") && name !== "README.md");
}

function* refusals(): Generator<string> {
  const branch = git("branch", "--show-current");
  if (branch !== "main") yield `on branch "${branch}": releases are made from main`;
  if (git("status", "--porcelain") !== "") yield "the working tree has changes: commit or remove them";
  if (git("tag", "--list", tag) !== "") yield `${tag} exists already: \`npm run version\` makes the next one`;
  const pending = pendingChangesets();
  if (pending.length > 0) yield `changesets wait (${pending.join(", ")}): \`npm run version\`, then commit`;
  if (!readFileSync("CHANGELOG.md", "utf8").includes(`## ${manifest.version}\n`))
    yield `CHANGELOG.md has no section ${manifest.version}: \`npm run version\`, then commit`;
  if (manifest.repository === undefined) yield 'package.json has no "repository": provenance is checked against it';
  if (!dryRun && process.env.ACTIONS_ID_TOKEN_REQUEST_URL === undefined)
    yield "no OIDC token to sign the provenance with: run it in GitHub Actions with the permission `id-token: write`";
}

const reasons = [...refusals()];
for (const reason of reasons) console.error(`refused: ${reason}`);
if (reasons.length > 0) process.exitCode = 1;

if (reasons.length === 0 || dryRun) {
  if (!checked && !run("npm", "run", "check")) {
    console.error("refused: the checks failed");
    process.exitCode = 1;
  } else if (!run("npm", "run", "audit", "--", "--release")) {
    console.error("refused: dependencies have problems, or could not be audited");
    process.exitCode = 1;
  } else if (!run("npm", "publish", ...(dryRun ? ["--dry-run"] : []))) {
    process.exitCode = 1;
  } else if (dryRun) {
    console.log(`dry run: nothing published, no tag ${tag}`);
  } else {
    git("tag", tag);
    console.log(`published ${manifest.name}@${manifest.version}; now: git push origin ${tag}`);
  }
}
