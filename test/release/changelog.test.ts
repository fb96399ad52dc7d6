import { expect, test } from "vitest";
import { release } from "../../scripts/changelog.ts";

const UNRELEASED = "# Changes\n\n## Unreleased\n\nFirst version.\n\n- One, over\n  two lines.\n";

test("a first version is what is unreleased", () => {
  expect(release(UNRELEASED, "0.1.0")).toBe(UNRELEASED.replace("Unreleased", "0.1.0"));
});

test("what was written by hand joins what changesets say of the same version, and older versions stay", () => {
  const changelog = [
    "# Changes\n\n## 0.2.0\n\n### Minor Changes\n\n- By changeset.\n",
    "## Unreleased\n\n- By hand.\n",
    "## 0.1.0\n\n- Old.\n",
  ].join("\n");
  expect(release(changelog, "0.2.0")).toBe(
    "# Changes\n\n## 0.2.0\n\n- By hand.\n\n### Minor Changes\n\n- By changeset.\n\n## 0.1.0\n\n- Old.\n",
  );
});

test("with nothing by hand the changelog stays as changesets left it", () => {
  const changelog = "# Changes\n\n## 0.2.0\n\n### Minor Changes\n\n- By changeset, for $& and $1.\n";
  expect(release(changelog, "0.2.0")).toBe(changelog);
});
