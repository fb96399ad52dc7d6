import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename, relative, resolve } from "node:path";
import { StartupFailed } from "../errors.ts";
import { EXIT } from "./exit-codes.ts";
import { Output, type OutputOptions } from "./output.ts";
import type { Verb } from "./program.ts";
import { appNameOf, starterFiles, type Written, writeStarter } from "./starter.ts";
import { appName } from "./values.ts";

interface Options extends OutputOptions {
  readonly name?: string;
  readonly force?: boolean;
  readonly install?: boolean;
  readonly infra: boolean;
}

const HELP = `
Writes app.ts, tasks.ts, a script that calls them, a test, a CDK app with the function it deploys, a Dockerfile, a systemd unit and a
package.json. A directory that holds something is refused; --force adds what is missing there and overwrites nothing. Nothing is installed without --install.

Examples:
  $ lovage init my-app
  $ lovage init . --name shop --install
  $ lovage init my-app --no-infra               without the AWS CDK`;

export const initVerb: Verb = (program, done) => {
  program
    .command("init")
    .description("make a project that runs")
    .argument("[directory]", "where", ".")
    .option("--name <app>", "the app's name (default: the directory's)", appName)
    .option("--no-infra", "leave out the CDK app, and the CDK")
    .option("--install", 'run "npm install" in it')
    .option("--force", "also where there is something: add what is missing, overwrite nothing")
    .addHelpText("after", HELP)
    .action(async (given: string, _options: object, command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      const directory = resolve(given);
      const name = options.name ?? appNameOf(basename(directory));
      const written = writeStarter(directory, starterFiles(name, options.infra, directory), options.force ?? false);
      const output = new Output(options);
      if (options.install) await npmInstall(directory);
      output.show({ app: name, directory, ...written }, ({ bold, dim }) => {
        const here = relative(process.cwd(), directory);
        const steps = [
          ...(here === "" ? [] : [`cd ${/^[\w./-]+$/.test(here) ? here : `'${here}'`}`]),
          ...(options.install ? [] : ["npm install"]),
          "npm run dev       # SQS, DynamoDB and a worker on this machine",
          "npm run call      # in another terminal: sends tasks, waits for their results",
          "npm test",
        ];
        return `${bold(name)}: ${said(written)}\n\n  ${dim("next")}\n${steps.map((step) => `  ${step}`).join("\n")}`;
      });
      done(EXIT.ok);
    });
};

function said({ written, kept }: Written): string {
  const made = written.length === 0 ? "nothing to add" : `wrote ${written.join(", ")}`;
  return kept.length === 0 ? made : `${made}; left as they were: ${kept.join(", ")}`;
}

/** Its output goes to stderr: stdout is the verb's own. */
async function npmInstall(directory: string): Promise<void> {
  const npm = spawn("npm", ["install"], {
    cwd: directory,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32", // npm is a script there
  });
  const [code, signal] = await once(npm, "exit").catch((cause: unknown) => {
    throw new StartupFailed("the project is there, but npm could not be started; is it installed?", { cause });
  });
  if (code !== 0)
    throw new StartupFailed(`the project is there, but "npm install" failed (${signal ?? code}); its output says why`);
}
