// Any error, as the one cause a person or a program is told.

export interface Cause {
  readonly code: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** One of Lovage's own: its message says all. */
  readonly expected: boolean;
}

export function causeOf(error: unknown): Cause {
  if (!(error instanceof Error))
    return { code: "UNEXPECTED", message: String(error), stack: undefined, expected: false };
  // By its code, not its class: the app's module may have loaded another copy of lovage than this command.
  const code = "code" in error && typeof error.code === "string" ? error.code : "UNEXPECTED";
  return { code, message: error.message || error.name, stack: error.stack, expected: code.startsWith("LOVAGE_") };
}
