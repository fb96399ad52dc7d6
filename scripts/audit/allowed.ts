// What the audit lets pass, for a while and for a reason.

export interface AllowedAdvisory {
  /** Such as "GHSA-xvch-5gv4-984h". */
  readonly advisory: string;
  readonly package: string;
  /** Why it does not concern whoever uses Lovage, or this repository. */
  readonly reason: string;
  /** Until the end of this day (UTC), such as "2026-12-31": then somebody looks again. */
  readonly until: string;
}

export const ALLOWED_ADVISORIES: readonly AllowedAdvisory[] = [];

/** Licences of what is installed with Lovage: permissive, and taken by every company. SPDX. */
export const ALLOWED_LICENCES: readonly string[] = ["MIT", "Apache-2.0", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause"];
