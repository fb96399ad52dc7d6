// What the process says when it ends. Documented in `lovage --help` and docs/cli.md.

export const EXIT = {
  ok: 0,
  /** Could not start, or ended by what it met: one cause on stderr. */
  failed: 1,
  /** The command line itself is wrong: nothing was loaded, nobody was asked. */
  usage: 2,
  /** The task waited for ended in FAILURE, REVOKED or LOST. */
  taskFailed: 3,
  /** The time to wait was over. The task goes on. */
  timedOut: 4,
  /** Ctrl-C (128 + SIGINT): of a worker the second one, which ends it at once. */
  interrupted: 130,
  /** SIGTERM (128 + SIGTERM): of a worker the second one, which ends it at once. */
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES_HELP = `
Exit codes:
  0    done
  1    could not start, or ended by what it met; one cause on stderr (send --batch: calls were refused)
  2    wrong use: unknown verb or option, missing argument
  3    the task, or workflow, waited for ended in FAILURE, REVOKED or LOST (--wait, --follow, --watch)
  4    the task, or workflow, waited for did not end in time (--timeout); it goes on
  130  Ctrl-C, 143  SIGTERM: stopped half-way; dev and worker: a second one, ended at once`;
