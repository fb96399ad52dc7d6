// What `npm audit --json` and `npm audit signatures --json` answer (npm 11), and what follows from it.
import type { AllowedAdvisory } from "./allowed.ts";

export const SEVERITIES = ["info", "low", "moderate", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Advisory {
  readonly id: string;
  readonly package: string;
  readonly severity: Severity;
  readonly title: string;
  readonly range: string;
}

/**
 * - audited: the registry was asked, and this is all it knows
 * - no endpoint: it cannot be asked, as mirrors often cannot
 * - failed: it can, and did not answer
 */
export type Answer =
  | { readonly kind: "audited"; readonly advisories: readonly Advisory[] }
  | { readonly kind: "no endpoint" | "failed"; readonly reason: string };

/** The parts that are read of a report, version 2, and of what npm prints instead. */
interface Report {
  readonly auditReportVersion?: number;
  readonly vulnerabilities?: Readonly<Record<string, { readonly via: readonly (string | Via)[] }>>;
  readonly message?: string;
  readonly statusCode?: number;
  readonly error?: { readonly code?: string; readonly summary?: string };
}

interface Via {
  readonly name: string;
  readonly title: string;
  readonly url: string;
  readonly severity: Severity;
  readonly range: string;
}

/** HTTP: there is nothing at this address, it takes no POST, or the server does not know how. */
const NO_ENDPOINT: readonly (number | undefined)[] = [404, 405, 501];

export function answerOf(stdout: string): Answer {
  const report = parsed<Report>(stdout);
  if (report?.auditReportVersion === 2 && report.vulnerabilities !== undefined) {
    // A package that is concerned through another names that one; the advisory is there.
    const found = Object.values(report.vulnerabilities).flatMap(({ via }) =>
      via.filter((one) => typeof one !== "string"),
    );
    const advisories = found.map(({ name, title, url, severity, range }) => ({
      id: url.split("/").at(-1) ?? url,
      package: name,
      severity,
      title,
      range,
    }));
    return { kind: "audited", advisories: unique(advisories) };
  }
  const reason = report?.message ?? report?.error?.summary ?? `npm printed no report: ${stdout.slice(0, 200)}`;
  return { kind: NO_ENDPOINT.includes(report?.statusCode) ? "no endpoint" : "failed", reason };
}

function unique(advisories: readonly Advisory[]): readonly Advisory[] {
  return [...new Map(advisories.map((one) => [`${one.id} ${one.package}`, one])).values()];
}

/** Problems with what was found from `least` on, and with what is allowed. `today`: such as "2026-11-21". */
export function problemsWith(
  advisories: readonly Advisory[],
  least: Severity,
  allowed: readonly AllowedAdvisory[],
  today: string,
): readonly string[] {
  return advisories
    .filter(({ severity }) => SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least))
    .flatMap((found) => {
      const exception = allowed.find((one) => one.advisory === found.id && one.package === found.package);
      if (exception !== undefined && today <= exception.until) return [];
      const expired = exception === undefined ? "" : `; it was allowed until ${exception.until}: ${exception.reason}`;
      return [`${found.severity}: ${found.package} ${found.range}: ${found.title} (${found.id})${expired}`];
    });
}

/** What is allowed, and is there no more: it would hide the next one. */
export function needless(advisories: readonly Advisory[], allowed: readonly AllowedAdvisory[]): readonly string[] {
  return allowed
    .filter((one) => !advisories.some((found) => found.id === one.advisory && found.package === one.package))
    .map(({ advisory, package: name }) => `${advisory} of ${name} is allowed, and npm knows of none: remove it`);
}

export type SignaturesAnswer =
  | { readonly kind: "checked"; readonly problems: readonly string[] }
  | { readonly kind: "not checked"; readonly reason: string };

interface Signatures {
  readonly invalid?: readonly { readonly name: string; readonly version: string; readonly code?: string }[];
  readonly missing?: readonly { readonly name: string; readonly version: string }[];
  readonly error?: { readonly code?: string; readonly summary?: string };
}

export function signaturesOf(stdout: string): SignaturesAnswer {
  const report = parsed<Signatures>(stdout);
  if (report?.invalid === undefined || report.missing === undefined) {
    const { code = "", summary = `npm printed no report: ${stdout.slice(0, 200)}` } = report?.error ?? {};
    return { kind: "not checked", reason: `${code} ${summary}`.trim() };
  }
  const problems = [
    ...report.invalid.map(({ name, version, code }) => `${name}@${version}: its signature is wrong (${code})`),
    ...report.missing.map(({ name, version }) => `${name}@${version}: it has no signature`),
  ];
  return { kind: "checked", problems };
}

function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T; // its fields are looked at one by one
  } catch {
    return undefined;
  }
}
