import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { StartupFailed } from "../../lib/errors.ts";
import { loadApp } from "../../lib/worker/load-app.ts";

const fixture = (name: string) =>
  relative(process.cwd(), fileURLToPath(new URL(`../fixtures/pool/load/${name}`, import.meta.url)));

async function failure(path: string): Promise<StartupFailed> {
  const error = await loadApp(path).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(StartupFailed);
  return error as StartupFailed; // just checked
}

describe("an app is found", () => {
  test("under its own name, with the tasks of the modules it includes", async () => {
    const app = await loadApp(fixture("named.ts"));
    expect(app.name).toBe("named");
    expect([...app.tasks.keys()]).toEqual(["included"]);
  });

  test("as the default export", async () => expect((await loadApp(fixture("default.ts"))).name).toBe("by-default"));

  test("under any name, and twice under two names", async () =>
    expect((await loadApp(fixture("any.ts"))).name).toBe("any"));

  test("and a list of built files serves its sources", async () =>
    expect([...(await loadApp(fixture("built-include.ts"))).tasks.keys()]).toEqual(["count"]));
});

describe("one clear cause", () => {
  test("the file is missing", async () => {
    const path = fixture("nowhere.ts");
    expect((await failure(path)).message).toContain(`app file "${path}" does not exist`);
  });

  test("the file is a directory", async () => {
    expect((await failure(fixture("sub"))).message).toContain("is a directory");
  });

  test("the module throws: its error, where, and the error itself as the cause", async () => {
    const error = await failure(fixture("throws.ts"));
    expect(error.message).toContain("throws.ts: ConfigMissing: no DATABASE_URL (at readConfig (");
    expect(error.message).toMatch(/throws\.ts:4:\d+\)\)$/);
    expect(error.cause).toMatchObject({ message: "no DATABASE_URL" });
  });

  test("lovage itself refuses the app: the line that asked for it", async () => {
    const { message } = await failure(fixture("refused.ts"));
    expect(message).toContain("InvalidOption: ");
    expect(message).toMatch(/\(at .*refused\.ts:3:\d+\)?\)$/);
  });

  test("no app is exported", async () => {
    expect((await failure(fixture("none.ts"))).message).toContain(
      "exports no app, it exports version, settings; write: ",
    );
    expect((await failure(fixture("empty.ts"))).message).toContain("exports no app, it exports nothing");
  });

  test("two apps are exported", async () =>
    expect((await failure(fixture("two.ts"))).message).toMatch(/exports 2 apps: (shop, bank|bank, shop);/));

  test("the app is of another copy of the package", async () =>
    expect((await failure(fixture("another-copy.ts"))).message).toContain("is an app of another copy of lovage"));

  test("an included file is missing", async () =>
    expect((await failure(fixture("missing-include.ts"))).message).toMatch(
      /^"\.\/taks\.ts", included by .*missing-include\.ts, does not exist/,
    ));

  test("an included file is a directory", async () =>
    expect((await failure(fixture("directory-include.ts"))).message).toMatch(/^"\.", included by .* is a directory/));

  test("an included module throws", async () =>
    expect((await failure(fixture("throwing-include.ts"))).message).toContain("cannot load ./throws.ts, included by "));
});
