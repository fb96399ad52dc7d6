// Names of headers. A caller's own headers lie beside the protocol's at the top level, as in Celery, so some are taken.

/** Times the dead-letter consumer sent the message again. Ours; everything that begins with `lovage_` is. */
export const RESENDS_HEADER = "lovage_resends";
/** Messages before it in its line of descent. */
export const HOPS_HEADER = "lovage_hops";
export const ARGS_CHANGED_HEADER = "lovage_args_changed";
/** Where the arguments lie that were too large for the message. */
export const ARGS_REF_HEADER = "lovage_args_ref";

/** The group whose results are its first argument, instead of the results. */
export const RESULTS_HEADER = "lovage_results";

/** Id of the failed task that this message sends again. */
export const REDRIVEN_FROM_HEADER = "lovage_redriven_from";

/**
 * Names a caller's own header must not have: those of Celery's protocol, and those under which a Celery worker keeps
 * something else in the request it makes of the headers (there they would be overwritten, or would break the task).
 */
export const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  ..."lang task id root_id parent_id group group_index shadow eta expires retries timelimit argsrepr kwargsrepr origin".split(
    " ",
  ),
  ..."ignore_result replaced_task_nesting stamped_headers stamps compression args kwargs callbacks errbacks chain chord".split(
    " ",
  ),
  ..."properties reply_to correlation_id hostname delivery_info headers is_eager called_directly children taskset utc".split(
    " ",
  ),
  ..."loglevel logfile".split(" "),
  ...[HOPS_HEADER, RESENDS_HEADER, RESULTS_HEADER, ARGS_CHANGED_HEADER, ARGS_REF_HEADER, REDRIVEN_FROM_HEADER],
]);

/** Whether a caller's own header must not have this name: in RESERVED_HEADERS, or beginning with `lovage_`. */
export function isReservedHeader(name: string): boolean {
  return RESERVED_HEADERS.has(name) || name.startsWith("lovage_");
}
