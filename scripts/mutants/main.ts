// `npm run mutants [-- -m lib/core/delay.ts]`: Stryker changes the pure layers, their tests should notice. Fails where one does
// not and docs/mutants.md does not say why: stricter than a score, and the same for one file as for all.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { explains, explanations, type Report, survivors } from "./explained.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const reportFile = `${root}/.lovage/mutants.json`;
rmSync(reportFile, { force: true }); // where nothing is mutated, Stryker writes none
const stryker = spawnSync("stryker", ["run", ...process.argv.slice(2)], { cwd: root, stdio: "inherit" });
if (stryker.status !== 0) process.exit(stryker.status ?? 1);

const report: Report = JSON.parse(readFileSync(reportFile, "utf8"));
const explained = explanations(readFileSync(`${root}/docs/mutants.md`, "utf8"));
const survived = survivors(report);

const unexplained = survived.filter((survivor) => !explained.some((entry) => explains(entry, survivor)));
const tried = process.argv.length === 2 ? explained : []; // a part of a file says nothing about the rest of it
const killed = tried.filter((entry) => !survived.some((survivor) => explains(entry, survivor)));
for (const { file, line, before, after } of unexplained)
  console.error(`${file}:${line} survived: ${before} → ${after}`);
for (const { file, before, after } of killed) console.log(`${file}: explained, but killed: ${before} → ${after}`);
console.log(`${survived.length} survived, ${unexplained.length} of them not explained in docs/mutants.md`);
if (unexplained.length > 0) process.exitCode = 1;
