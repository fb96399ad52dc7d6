// `npm start`, as a stranger runs it: the numbers it prints, the files it leaves, and that they agree.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../../examples/duckling/main.ts", import.meta.url));
const LIMIT_MS = 120_000;

interface Row {
  readonly tasks: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly retried: number;
  readonly runsPerTask: number;
}

describe("npm start", () => {
  let directory: string;
  let exitCode: number | string | null | undefined;
  let output = "";
  let rows: ReadonlyMap<string, Row>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "duckling-"));
    const env = { ...process.env, DUCKLING_DIR: directory };
    await new Promise<void>((ended) => {
      const child = execFile(process.execPath, [MAIN], { env, timeout: LIMIT_MS }, (_, stdout, stderr) => {
        exitCode = child.exitCode;
        output = stdout + stderr;
        ended();
      });
    });
    rows = tableOf(output);
  }, LIMIT_MS + 10_000);

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("loses nothing, finishes nothing twice, and exits 0", () => {
    expect(output).toMatch(/^ +lost: 0$/m);
    expect(output).toMatch(/^ +finished twice: 0$/m);
    expect(output).toContain("tweeted twice: 0");
    expect(exitCode, output).toBe(0);
  });

  it("prints a table that agrees with itself", () => {
    const { all, ...each } = Object.fromEntries(rows);
    const sum = (of: keyof Row) => Object.values(each).reduce((total, row) => total + row[of], 0);
    expect(rows.size, output).toBe(7);
    for (const column of ["tasks", "succeeded", "failed", "retried"] as const) expect(all?.[column]).toBe(sum(column));
    expect(all?.tasks).toBe((all?.succeeded ?? 0) + (all?.failed ?? 0));
    expect(all?.failed).toBeGreaterThan(0);
    expect(all?.retried).toBeGreaterThan(0);
    expect(all?.runsPerTask).toBeGreaterThan(1);
    expect(rows.get("storePoster")?.tasks).toBe(rows.get("renderPoster")?.succeeded);
    expect(rows.get("noteUnreachable")?.tasks).toBe(rows.get("tweet")?.failed);
  });

  it("survives a worker killed in the middle of its tasks", () => {
    const [, killed, recovered] = /killed +(\d+) tasks? .* of which (\d+) ran again and succeeded/.exec(output) ?? [];
    expect(Number(killed), output).toBeGreaterThan(0);
    expect(recovered).toBe(killed);
    expect(rows.get("renderPoster")?.runsPerTask).toBeGreaterThan(1);
  });

  it("leaves every poster as a picture", () => {
    const files = readdirSync(join(directory, "posters")).filter((name) => name.endsWith(".png"));
    expect(files).toHaveLength(rows.get("renderPoster")?.tasks ?? 0);
    for (const file of files) {
      const { width, height, data } = PNG.sync.read(readFileSync(join(directory, "posters", file)));
      expect(data).toHaveLength(width * height * 4);
    }
  });

  it("leaves a store that agrees with the table", () => {
    using database = new DatabaseSync(join(directory, "duckling.sqlite"), { readOnly: true });
    const count = (sql: string) => Number(database.prepare(`SELECT count(*) AS n FROM ${sql}`).get()?.n);
    expect(count("executions WHERE outcome = 'finished'")).toBe(rows.get("all")?.succeeded);
    expect(count("executions WHERE ended_at IS NULL")).toBe(count("killed"));
    expect(count("unreachable")).toBe(rows.get("tweet")?.failed);
    expect(count("posters")).toBe(rows.get("renderPoster")?.succeeded);
  });
});

function tableOf(text: string): ReadonlyMap<string, Row> {
  const lines = text.matchAll(/^ +(\w+) +(\d+) +(\d+) +(\d+) +(\d+) +([\d.]+)$/gm);
  return new Map(
    [...lines].map(([, name = "", ...cells]) => {
      const [tasks = 0, succeeded = 0, failed = 0, retried = 0, runsPerTask = 0] = cells.map(Number);
      return [name, { tasks, succeeded, failed, retried, runsPerTask }];
    }),
  );
}
