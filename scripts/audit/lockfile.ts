// What package-lock.json itself tells: where packages come from, which may run scripts when they are installed, and the licences
// of what users get.

export interface Lockfile {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** npm: "package-lock.json", the fields that are read. */
export interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
  /** In this repository: a workspace. */
  readonly link?: boolean;
  /** Inside the tarball of another, whose integrity is its own. */
  readonly inBundle?: boolean;
  readonly dev?: boolean;
}

export interface LockfileRules {
  /** Names of the packages that may run scripts: `allowScripts` of package.json. */
  readonly scripts: readonly string[];
  readonly licences: readonly string[];
}

const REGISTRY = "https://registry.npmjs.org/";

export function lockfileProblems({ packages }: Lockfile, { scripts, licences }: LockfileRules): readonly string[] {
  const installed = Object.entries(packages).filter(([path, { link }]) => path.includes("node_modules/") && !link);
  const withScripts = new Set(
    installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path)),
  );
  return [
    ...installed.flatMap(([path, one]) => originProblems(path, one)),
    ...[...withScripts]
      .filter((name) => !scripts.includes(name))
      .map((name) => `${name} runs a script when it is installed, and package.json's allowScripts does not name it`),
    ...scripts
      .filter((name) => !withScripts.has(name))
      .map((name) => `package.json's allowScripts names ${name}, which runs no script: remove it`),
    ...installed
      .filter(([, { dev, license }]) => !dev && !isAllowed(license, licences))
      .map(([path, { license }]) => `${path}: users get it, and its licence is ${license ?? "not stated"}`),
  ];
}

function originProblems(path: string, { resolved, integrity, inBundle }: LockedPackage): readonly string[] {
  return [
    ...(inBundle || integrity?.startsWith("sha512-") ? [] : [`${path}: its integrity is ${integrity ?? "not locked"}`]),
    // Without an address it is that of whichever registry installs it; the integrity holds for all.
    ...(resolved === undefined || resolved.startsWith(REGISTRY) ? [] : [`${path}: it comes from ${resolved}`]),
  ];
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

/** SPDX: one licence, or a choice of several. */
function isAllowed(expression: string | undefined, licences: readonly string[]): boolean {
  const choice = (expression ?? "").replaceAll(/[()]/g, "").split(" OR ");
  return choice.some((licence) => licences.includes(licence));
}
