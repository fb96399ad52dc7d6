// `npm run site`: the documentation as a static site in site/. The README is its front page, docs/ its documents, and the four
// entries of the package its API reference.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Application, type Context, Converter, type Reflection, StructureRouter } from "typedoc";
import { pages } from "./pages.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = `${root}site`;

const MODULES = new Map([
  ["lib", "lovage"],
  ["lib/worker/lambda", "lovage/lambda"],
  ["lib/testing", "lovage/testing"],
  ["infra", "lovage/infra"],
]);

const documents = pages(root);

/** Addresses of documents are those of their files, so that a new heading breaks no link from outside. */
class Router extends StructureRouter {
  protected override getIdealBaseName(reflection: Reflection): string {
    const page = documents.find(({ title }) => reflection.isDocument() && title === reflection.name);
    return page === undefined ? super.getIdealBaseName(reflection) : page.address;
  }
}

const app = await Application.bootstrap({
  name: "Lovage",
  tsconfig: `${root}scripts/site/tsconfig.json`,
  entryPoints: ["lib/index.ts", "lib/worker/lambda.ts", "lib/testing/index.ts", "infra/index.ts"].map(
    (path) => root + path,
  ),
  displayBasePath: root,
  readme: `${root}README.md`,
  projectDocuments: documents.map(({ path }) => root + path),
  router: "files",
  sort: ["source-order"],
  sortEntryPoints: false,
  groupOrder: [...new Set(documents.map(({ group }) => group)), "Modules", "*"],
  navigation: { includeGroups: true, includeCategories: false, includeFolders: false },
  searchInDocuments: true,
  searchInComments: true,
  customCss: fileURLToPath(new URL("style.css", import.meta.url)),
  customFooterHtml: "<p>Lovage: Celery's task API for TypeScript, run by AWS alone.</p>",
  hideGenerator: true,
  disableSources: true, // they would lead to a repository whose address is not known here
  excludeExternals: true,
  excludePrivate: true,
  highlightLanguages: ["typescript", "javascript", "json", "yaml", "bash", "shellscript", "console", "python"],
  lightHighlightTheme: "github-light",
  darkHighlightTheme: "github-dark",
  validation: { notExported: false, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: false },
});

app.renderer.defineRouter("files", Router);
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }: Context) => {
  for (const module of project.children ?? []) module.name = MODULES.get(module.name) ?? module.name;
  for (const [index, document] of (project.documents ?? []).entries()) {
    const page = documents[index];
    if (page === undefined) continue;
    document.name = page.title;
    document.frontmatter.group = page.group;
  }
});

const project = await app.convert();
if (project === undefined) process.exit(1);
app.validate(project);
rmSync(out, { recursive: true, force: true });
await app.generateDocs(project, out);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
