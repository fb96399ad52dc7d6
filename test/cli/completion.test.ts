// Completion as a shell asks for it.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { FIXTURES, lovage } from "./lovage.ts";

const MAIN = fileURLToPath(new URL("../../dist/lib/cli/main.js", import.meta.url));
const run = promisify(execFile);

describe.concurrent("completion", () => {
  test("names come from the app, in silence; an app that does not load has none", async () => {
    const tasks = await lovage(["complete", "--", "send", ""]);
    expect(tasks.stdout).toMatch(/^add\tdefault$/m);
    expect(tasks.stdout).toMatch(/^sum\trenders$/m);
    expect(tasks.stdout).not.toContain("greets");
    const broken = await lovage(["complete", "--", "send", "--app", "throws.ts", ""]);
    expect(broken).toMatchObject({ code: 0, stdout: "" });
  });

  test.each(["bash", "zsh", "fish"])("there is a script for %s", async (shell) => {
    const { code, stdout } = await lovage(["completion", shell]);
    expect(code).toBe(0);
    expect(stdout).toContain("complete -- ");
  });

  test("another shell is wrong use", async () => {
    const { code, stderr } = await lovage(["completion", "tcsh"]);
    expect(code).toBe(2);
    expect(stderr).toContain("Allowed choices are bash, zsh, fish");
  });

  test.skipIf(process.platform === "win32" || !existsSync("/bin/bash"))(
    "bash: words, names and options; what is typed is never run; loading it twice is no error",
    async () => {
      const bin = mkdtempSync(join(tmpdir(), "lovage-bin-"));
      symlinkSync(MAIN, join(bin, "lovage"));
      const script = `
        set -e
        for i in 1 2; do lovage completion bash > ${bin}/script; source ${bin}/script; done
        c() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lovage_complete; echo "\${COMPREPLY[*]}"; }
        c lovage re
        c lovage send ad
        c lovage send add --workload = re
        c lovage send --app ""
        c lovage send '$(touch ${bin}/run)' --wa`;
      const env = {
        ...process.env,
        LOVAGE_APP: "",
        PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
      };
      const { stdout, stderr } = await run("/bin/bash", ["--norc", "-c", script], { cwd: FIXTURES, env });
      expect({ stdout, stderr }).toEqual({ stdout: "result revoke redrive\nadd\nrenders\n\n--wait\n", stderr: "" });
      expect(existsSync(join(bin, "run"))).toBe(false);
      rmSync(bin, { recursive: true });
    },
  );
});
