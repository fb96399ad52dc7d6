// docs/cost.md: its command prints what it shows, and its prices are those of the price list.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { PRICE_LIST, PRICES } from "../../lib/core/cost/prices.ts";
import { lovage } from "../cli/lovage.ts";
import { comparable, consoleBlocks } from "./console.ts";
import { filesOf } from "./guide.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const text = await readFile(`${ROOT}/docs/cost.md`, "utf8");

test("its commands print what it shows", async () => {
  await mkdir(`${ROOT}/.lovage`, { recursive: true });
  const cwd = await mkdtemp(`${ROOT}/.lovage/cost-`); // inside the repository, where "lovage" is the package itself
  await using _ = { [Symbol.asyncDispose]: () => rm(cwd, { recursive: true, force: true }) };
  for (const { name, code } of filesOf(text)) await writeFile(`${cwd}/${name}`, code);
  const shown = consoleBlocks(text).flatMap(({ commands }) => commands);
  expect(shown.length).toBeGreaterThan(0);
  for (const { command, output } of shown) {
    const [program, ...args] = command.split(" ");
    expect(program).toBe("lovage");
    const { code, stdout } = await lovage(args, { cwd });
    expect(code).toBe(0);
    expect(comparable(stdout)).toBe(comparable(output));
  }
});

test("its prices are those of the price list, with its date", () => {
  const rows = Object.entries(PRICES).map(
    ([name, { usd, per, unit, confidence, source }]) =>
      `| ${name} | ${usd} | ${per === 1 ? unit : `${per.toLocaleString("en-US")} ${unit}`} | ${confidence} | ${source} |`,
  );
  const table = text.slice(text.indexOf("| | price |")).trim().split("\n").slice(2);
  expect(table).toEqual(rows);
  expect(text).toContain(`${PRICE_LIST.region}, US dollars, as of ${PRICE_LIST.asOf}`);
});
