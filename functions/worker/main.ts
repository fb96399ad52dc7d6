// What a container starts: `lovage worker` without its screen. The app's module is LOVAGE_APP, or --app on the command line;
// further options are those of `lovage worker --help`.
import { main } from "../../lib/cli/program.ts";

await main([process.execPath, "lovage", "worker", "--no-screen", ...process.argv.slice(2)]);
