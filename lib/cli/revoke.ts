import type { RevokeAnswer } from "../revoke.ts";
import { eachOf, worst } from "./each-id.ts";
import { EXIT } from "./exit-codes.ts";
import { Output, type OutputOptions } from "./output.ts";
import type { Verb } from "./program.ts";
import { type TargetOptions, target, withTarget } from "./target.ts";
import { taskIds } from "./values.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly terminate?: boolean;
}

const SAID: Readonly<Record<RevokeAnswer, string>> = {
  revoked: "revoked: it had not started and never will",
  requested: "requested: it runs; its worker is told at the next heartbeat, at the latest before a retry",
  ended: "ended: it had ended already, nothing changed",
};

const UNKNOWN =
  "revoked in advance: this app did not make the id and has no record of it; should a message with it come, it will not run";

const HELP = `
Works with no worker up: what has not started is ended at once, in DynamoDB. What runs is asked to stop (ctx.signal aborts);
--terminate kills its process where the workload is CPU-heavy, and stops waiting for it elsewhere.

Examples:
  $ lovage revoke 019a7c5e-...
  $ lovage revoke 019a7c5e-... --terminate
  $ lovage revoke 019a7c5e-... --name duckling --json | jq -r .answer`;

export const revokeVerb: Verb = (program, done) => {
  withTarget(program.command("revoke"))
    .description("end a task that has not started, or ask its worker to stop it")
    .argument("<ids...>", "the ids that send printed, or delay() returned", taskIds)
    .option("--terminate", "kill the execution instead of asking it to stop")
    .addHelpText("after", HELP)
    .action(async (ids: readonly string[], _options: object, command) => {
      const options = command.optsWithGlobals() as Options; // the options declared above
      await using found = await target(command, options);
      const output = new Output(options);
      const revoke = async (id: string) => {
        const result = found.app.result(id);
        const known = (await result.state()) !== "UNKNOWN";
        const answer = await result.revoke({ terminate: options.terminate ?? false });
        const said = known ? SAID[answer] : UNKNOWN;
        output.show({ id, known, answer }, () => (ids.length === 1 ? said : `${id}   ${said}`));
        return EXIT.ok;
      };
      done(worst(await eachOf(ids, revoke, output)));
    });
};
