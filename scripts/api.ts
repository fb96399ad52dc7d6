// The API reports in docs/api: everything a user can name, as text, so that a change of the public interface shows in a review.
// `npm run api` fails where a report no longer says what the build says; `npm run api -- --local` writes the reports.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
  type ExtractorMessage,
  type IConfigFile,
} from "@microsoft/api-extractor";
import { publicEntries } from "./public-entries.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const reports = `${root}docs/api`;
const drafts = `${root}.lovage/api`;
const localBuild = process.argv.includes("--local");
const entries = publicEntries();

function configOf(specifier: string, types: string): ExtractorConfig {
  const configObject: IConfigFile = {
    projectFolder: root,
    mainEntryPointFilePath: `${root}${types}`,
    newlineKind: "lf",
    compiler: {
      overrideTsconfig: { extends: "./tsconfig.json", include: [], files: entries.map((entry) => entry.types) },
    },
    apiReport: {
      enabled: true,
      reportFileName: specifier.replace("/", "-"),
      reportFolder: reports,
      reportTempFolder: drafts,
    },
    messages: {
      extractorMessageReporting: {
        default: { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
        // What is public is what an entry exports: no release tags.
        "ae-missing-release-tag": { logLevel: ExtractorLogLevel.None },
        "ae-undocumented": { logLevel: ExtractorLogLevel.None }, // the report marks each anyhow
      },
    },
  };
  return ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: undefined,
    packageJsonFullPath: `${root}package.json`,
  });
}

/** The extractor is to be heard where it could not do its work; what changed is said below. */
function quiet(message: ExtractorMessage): void {
  message.handled = message.logLevel !== ExtractorLogLevel.Error;
}

function showDifference(config: ExtractorConfig): void {
  const known = existsSync(config.reportFilePath) ? config.reportFilePath : "/dev/null";
  spawnSync("git", ["--no-pager", "diff", "--no-index", known, config.reportTempFilePath], { stdio: "inherit" });
}

mkdirSync(reports, { recursive: true });
const configs = entries.map(({ specifier, types }) => configOf(specifier, types));
const [first] = configs;
if (first === undefined) throw new Error("package.json exports no declarations");
const compilerState = CompilerState.create(first);
const changed = configs.filter((config) => {
  const { apiReportChanged, errorCount } = Extractor.invoke(config, {
    localBuild,
    compilerState,
    messageCallback: quiet,
  });
  if (errorCount > 0) process.exitCode = 1;
  return apiReportChanged;
});

if (localBuild) {
  for (const { reportFilePath } of changed) console.log(`wrote ${reportFilePath.slice(root.length)}`);
} else if (changed.length > 0) {
  changed.forEach(showDifference);
  console.error(
    "\nthe public interface has changed: if that is meant, run `npm run api -- --local` and commit docs/api with it",
  );
  process.exitCode = 1;
}
