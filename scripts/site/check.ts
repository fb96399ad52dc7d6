// `npm run site:check`: every link of every page of site/ leads to a page and to a heading of it. Links to elsewhere are not
// followed: whether this passes must not depend on somebody else's server.
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LinkChecker, LinkState } from "linkinator";

const serverRoot = fileURLToPath(new URL("../../site", import.meta.url));
const path = globSync("**/*.html", { cwd: serverRoot }); // all: the navigation, made by a script, is not followed
const isElsewhere = async (link: string) => !/^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(link);

const { links } = await new LinkChecker().check({ path, serverRoot, linksToSkip: isElsewhere, checkFragments: true });
const broken = links.filter(({ state }) => state === LinkState.BROKEN);
for (const { url, parent, status } of broken) console.error(`${parent}: ${url} (${status ?? "no such heading"})`);
const followed = links.filter(({ state }) => state === LinkState.OK).length;
console.log(`${path.length} pages, ${followed} links, ${broken.length} broken`);
if (broken.length > 0 || followed < path.length || path.length === 0) process.exitCode = 1;
