// Making a version and releasing it, as far as that goes without a registry.
import { expect, test } from "vitest";
import { Repository } from "./repository.ts";

const RELEASED = "# Changes\n\n## 0.1.0\n\n- First.\n";
const PENDING = "---\nlovage: minor\n---\n\n`revoke` takes a list.\n\nOf ids.\n";
const REPOSITORY = { repository: "github:example/lovage" };

test("a version is made of its changesets and of what was written by hand", async () => {
  using repository = new Repository(RELEASED.replace("## 0.1.0", "## Unreleased\n\n- By hand.\n\n## 0.1.0"));
  repository.write(".changeset/brave-cats.md", PENDING);
  repository.commit();
  expect(await repository.run("changeset", "version")).toMatchObject({ code: 0 });
  expect(await repository.script("changelog.ts")).toMatchObject({ code: 0 });
  expect(JSON.parse(repository.read("package.json"))).toMatchObject({ version: "0.2.0" });
  expect(repository.read("CHANGELOG.md")).toBe(
    "# Changes\n\n## 0.2.0\n\n- By hand.\n\n### Minor Changes\n\n- `revoke` takes a list.\n\n  Of ids.\n\n## 0.1.0\n\n- First.\n",
  );
  expect(repository.git("status", "--porcelain").split("\n").sort()).toEqual([
    "",
    " D .changeset/brave-cats.md",
    " M CHANGELOG.md",
    " M package.json",
  ]);
});

test("a dry run checks, shows what would be published, and publishes nothing", async () => {
  using repository = new Repository(RELEASED, REPOSITORY);
  const { code, output } = await repository.script("release.ts", "--dry-run");
  expect(output).not.toContain("refused");
  expect(output).toContain("checks ran");
  expect(output).toContain("audited --release");
  expect(output).toContain("+ lovage@0.1.0");
  expect(output).toContain("nothing published");
  expect(code).toBe(0);
  expect(repository.git("tag")).toBe("");
});

test("a release that may not be is refused before anything runs, with every reason", async () => {
  using repository = new Repository(RELEASED.replace("0.1.0", "Unreleased"));
  repository.git("tag", "v0.1.0");
  repository.git("switch", "--quiet", "--create", "feature");
  repository.write(".changeset/brave-cats.md", PENDING);
  const { code, output } = await repository.script("release.ts");
  expect(output.match(/^refused: .*/gm)?.map((line) => line.slice(9))).toEqual([
    expect.stringMatching(/^on branch "feature"/),
    expect.stringMatching(/^the working tree has changes/),
    expect.stringMatching(/^v0\.1\.0 exists already/),
    expect.stringMatching(/^changesets wait \(brave-cats\.md\)/),
    expect.stringMatching(/^CHANGELOG\.md has no section 0\.1\.0/),
    expect.stringMatching(/^package\.json has no "repository"/),
    expect.stringMatching(/^no OIDC token/),
  ]);
  expect(output).not.toContain("checks ran");
  expect(code).toBe(1);
});

test("so do dependencies with problems, or that nobody could look at", async () => {
  using repository = new Repository(RELEASED, { ...REPOSITORY, scripts: { check: "exit 0", audit: "exit 1" } });
  const { code, output } = await repository.script("release.ts", "--dry-run");
  expect(output).toContain("refused: dependencies have problems");
  expect(output).not.toContain("npm publish");
  expect(code).toBe(1);
});

test("checks that another job ran are not run again; dependencies are", async () => {
  using repository = new Repository(RELEASED, REPOSITORY);
  const { code, output } = await repository.script("release.ts", "--dry-run", "--checked");
  expect(output).not.toContain("checks ran");
  expect(output).toContain("audited --release");
  expect(output).toContain("+ lovage@0.1.0");
  expect(code).toBe(0);
});

test("checks that fail end it", async () => {
  using repository = new Repository(RELEASED, { ...REPOSITORY, scripts: { check: "exit 1" } });
  const { code, output } = await repository.script("release.ts", "--dry-run");
  expect(output).toContain("refused: the checks failed");
  expect(output).not.toContain("npm publish");
  expect(code).toBe(1);
});
