import { expect, test } from "vitest";
import { filesOf, unexecuted } from "./guide.ts";

const block = (info: string, code: string) => `Some words.\n\n\`\`\`ts${info}\n${code}\n\`\`\`\n\n`;
const names = (markdown: string) => filesOf(markdown).map(({ name, how, line }) => [name, how, line]);

test("a comment with a file name makes a block that file", () => {
  expect(names(block("", "// app.ts: what exists\nexport {};") + block("", "// sub/a.test.ts\n"))).toEqual([
    ["app.ts", "imported", 3],
    ["sub/a.test.ts", "test", 10],
  ]);
});

test("a block without a name is a file of its own", () => {
  expect(names(block(" run", "1;") + block(" run local", "2;") + block(" not run: it deploys", "3;"))).toEqual([
    ["line-3.ts", "run", 3],
    ["line-9.ts", "run local", 9],
    ["line-15.ts", "not run", 15],
  ]);
});

test("the same name again adds to the file", () => {
  const [file, ...others] = filesOf(block("", "// a.test.ts\none();") + block("", "// a.test.ts\ntwo();"));
  expect(file?.code).toBe("// a.test.ts\none();\n\n// a.test.ts\ntwo();\n");
  expect(others).toEqual([]);
  expect(() => filesOf(block(" run", "// a.ts\n") + block(" not run: why", "// a.ts\n"))).toThrow(
    '"run" in an earlier',
  );
});

test("blocks of other languages are none of it", () => {
  expect(filesOf("```sh\nnpm test\n```\n\n```tsx\n1\n```\n")).toEqual([]);
});

test.each([" norun", " not run:", " not run", " runs"])("a mark that is not understood is refused: ts%s", (info) => {
  expect(() => filesOf(block(info, "1;"))).toThrow("line 3: a block is");
});

test("a file that nothing executes is named", () => {
  const app = block("", "// app.ts\nexport {};");
  expect(unexecuted(filesOf(app))).toEqual([expect.stringContaining("line 3: app.ts is run by nothing")]);
  expect(unexecuted(filesOf(block("", "1;")))).toHaveLength(1);
  expect(unexecuted(filesOf(app + block("", '// a.test.ts\nimport "./app.ts";')))).toEqual([]);
  const through = block("", '// lib/tasks.ts\nimport "../app.ts";') + block(" run", 'import "./lib/tasks.ts";');
  expect(unexecuted(filesOf(app + through))).toEqual([]);
  expect(unexecuted(filesOf(app + block("", '// b.ts\nimport "./app.ts";')))).toHaveLength(2);
  expect(unexecuted(filesOf(app + block(" run local", "1;")))).toEqual([]);
  expect(unexecuted(filesOf(block(" not run: it deploys", "1;")))).toEqual([]);
});
