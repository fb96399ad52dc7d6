// Celery's tests of canvases, by name: every one of t/integration/test_canvas.py (5.6), and of t/smoke/tests/test_dedup_chain_dispatch.py.
// The number is its row in the table of those that a reimplementation is judged by. A class is named where a name is there twice.

export const ROWS: Readonly<Record<number, readonly string[]>> = {
  23: ["test_simple_chain", "test_single_chain"],
  24: ["test_complex_chain"],
  25: ["test_chain_inside_group_receives_arguments"],
  26: ["test_chain_on_error"],
  27: ["test_group_chord_group_chain"],
  28: [
    "test_chain::test_parent_ids",
    "test_group::test_parent_ids",
    "test_chord::test_parent_ids",
    "test_chord::test_parent_ids__OR",
  ],
  29: [
    "test_chain_of_task_a_group_and_a_chord",
    "test_chain_of_chords_as_groups_chained_to_a_task_with_two_tasks",
    "test_chain_of_chords_with_two_tasks",
    "test_chain_of_explicit_chords",
    "test_chain_of_nine_chords",
    "test_chain_of_a_chord_and_a_group_with_two_tasks",
    "test_chain_of_a_chord_and_a_task_and_a_group",
    "test_chain_of_a_chord_and_two_tasks_and_a_group",
    "test_chain_of_a_chord_and_three_tasks_and_a_group",
  ],
  30: ["test_nested_chain_group_lone", "test_nested_chain_group_mid", "test_nested_chain_group_last"],
  31: ["test_chain_error_handler_with_eta"],
  32: ["test_chord_soft_timeout_recuperation"],
  33: ["test_groupresult_serialization"],
  34: [
    "test_task_replaced_with_chain",
    "test_chain_child_replaced_with_chain_first",
    "test_chain_child_replaced_with_chain_middle",
    "test_chain_child_replaced_with_chain_last",
  ],
  35: ["test_replace_chain_with_empty_chain"],
  36: ["test_chain_children_with_callbacks", "test_chain_children_with_errbacks"],
  37: ["test_chain_with_cb_replaced_with_chain_with_cb"],
  38: ["test_chain_flattening_keep_links_of_inner_chain"],
  39: ["test_chord_header_id_duplicated_on_rabbitmq_msg_duplication"],
  40: [
    "test_chaining_upgraded_chords_pure_groups",
    "test_chaining_upgraded_chords_starting_with_chord",
    "test_chaining_upgraded_chords_mixed_canvas",
    "test_chaining_upgraded_chords_mixed_canvas_protocol_2[False]",
    "test_chaining_upgraded_chords_mixed_canvas_protocol_2[True]",
  ],
  41: ["test_freezing_chain_sets_id_of_last_task"],
  42: ["test_group_in_center_of_chain", "test_upgrade_to_chord_inside_chains"],
  43: ["test_result_set", "test_result_set_error", "test_result_set_built_via_add"],
  44: ["test_nested_group", "test_nested_group_group"],
  45: ["test_large_group"],
  46: ["test_empty_group_result"],
  47: ["simple", "chain", "group", "chord", "mixed"].map((shape) => `test_nested_group_chord_counting_${shape}`),
  48: [
    "test_callback_called_by_group",
    "test_errback_called_by_group_fail_first",
    "test_errback_called_by_group_fail_last",
    "test_errback_called_by_group_fail_multiple",
    "test_mutable_errback_called_by_group",
    "test_group_children_with_callbacks",
    "test_group_children_with_errbacks",
  ],
  49: ["test_task_replace_with_group_preserves_group_order"],
  50: ["test_simple_chord_with_a_delay_in_group_save"],
  51: ["test_chord_order", "test_group_kwargs", "test_group_args_and_kwargs"],
  52: ["test_single_task_header", "test_empty_header_chord"],
  53: ["test_nested_chord", "test_replaced_nested_chord", "test_parallel_chords"],
  54: ["test_chord_in_chords_with_chains", "test_chain_chord_chain_chord"],
  55: ["test_large_header", "test_chain_to_a_chord_with_large_header"],
  56: [
    "test_error_propagates_from_chord2",
    ...["simple", "chain", "chain_tail", "group"].map((shape) => `test_error_propagates_to_chord_from_${shape}`),
  ],
  57: [
    ...["simple", "chain", "chain_tail", "group"].flatMap((shape) => [
      `test_immutable_errback_called_by_chord_from_${shape}`,
      `test_mutable_errback_called_by_chord_from_${shape}`,
    ]),
    "test_immutable_errback_called_by_chord_from_group_fail_multiple",
    "test_mutable_errback_called_by_chord_from_group_fail_multiple_on_header_failure",
    "test_mutable_errback_called_by_chord_from_group_fail_multiple_on_body_failure",
  ],
  58: [
    "test_enabling_flag_allow_error_cb_on_chord_header",
    "test_disabling_flag_allow_error_cb_on_chord_header",
    "test_flag_allow_error_cb_on_chord_header_on_upgraded_chord",
    "test_upgraded_chord_link_error_with_header_errback_enabled",
    "test_nested_chord_header_link_error",
  ],
  59: [
    ...["single_task", "chain", "group", "chord"].map(
      (body) => `test_chord_error_propagation_with_different_body_types[body is a ${body}]`,
    ),
    "test_chord_error_in_nested_chain_does_not_crash",
    "test_chord_unlock_with_failed_task_in_nested_chain_member",
  ],
  60: [
    "test_chord_header_task_replaced_with_chain",
    "test_chord_header_child_replaced_with_chain_first",
    "test_chord_header_child_replaced_with_chain_middle",
    "test_chord_header_child_replaced_with_chain_last",
    "test_chord_body_task_replaced_with_chain",
    "test_chord_body_chain_child_replaced_with_chain_first",
    "test_chord_body_chain_child_replaced_with_chain_middle",
    "test_chord_body_chain_child_replaced_with_chain_last",
  ],
  61: ["chain", "group", "chord"].flatMap((outer) =>
    ["chain", "group", "chord"].map((inner) => `test_rebuild_nested_${outer}_${inner}`),
  ),
  62: [
    "test_stamping_workflow",
    "test_all_tasks_of_canvas_are_stamped",
    "test_replace_merge_stamps",
    "test_stamps_remain_on_task_retry",
    "test_properties_not_affected_from_stamping",
  ],
  67: [
    "test_reject_requeue_completes_chain",
    "test_dedup_dispatches_chain_on_redelivery",
    "test_dedup_dispatches_callback_on_redelivery",
  ],
};

/** Those that Celery marks as known to fail, but for two that have a row. */
export const KNOWN_WRONG: readonly string[] = [
  "test_group_results_in_chain",
  "test_nested_group_chord_body_chain",
  "test_chord_in_chain_with_args",
  "test_chain_in_chain_with_args",
  "test_error_propagates_from_chord",
];

/** Those of test_canvas.py that no row names. */
export const OTHERS: readonly string[] = [
  ...["eager", "", "using_signature_eager", "using_signature"].map((how) => `test_link_error${how && `_${how}`}`),
  "test_link_error_callback_error_callback_retries_eager",
  "test_link_error_callback_retries",
  "test_chain_of_chain_with_a_single_task",
  "test_eager_chain_inside_task",
  "test_group_result_not_has_cache",
  "test_second_order_replace",
  "test_chain_replaced_with_a_chain_and_a_callback",
  "test_chain_replaced_with_a_chain_and_an_error_callback",
  "test_chain_with_eb_replaced_with_chain_with_eb",
  ...["chain", "group"].flatMap((canvas) =>
    ["callback", "errback"].flatMap((link) => [
      `test_${canvas}_with_${link}_child_replaced`,
      `test_${canvas}_child_with_${link}_replaced`,
    ]),
  ),
  "test_ready_with_exception",
  "test_group_lone",
  ...["first", "middle", "last"].map((where) => `test_group_child_replaced_with_chain_${where}`),
  "test_redis_subscribed_channels_leak",
  "test_add_to_chord",
  "test_add_chord_to_chord",
  "test_eager_chord_inside_task",
  "test_group_chain",
  "test_nested_group_chain",
  "test_chord_on_error",
  "test_generator",
  "test_priority",
  "test_priority_chain",
  "test_nested_chord_group",
  "test_nested_chord_group_chain_group_tail",
  "test_stamping_example_canvas",
  "test_stamp_value_type_defined_by_visitor",
  "test_task_received_has_access_to_stamps",
  "test_linking_stamped_sig",
  "test_err_linking_stamped_sig",
  "test_stamp_canvas_with_dictionary_link",
  "test_stamp_canvas_with_dictionary_link_error",
];

const LINKS = "of a single task, not of a canvas: test/behaviour/link.test.ts";
const PRIORITY = "SQS has no priorities, and the option is refused";
const ADD_TO_CHORD =
  "Redis alone has it in Celery: a chord's header is as large as its head says, so that all of it can be counted";

/** Tests without a case, and why. */
export const GAPS: Readonly<Record<string, string>> = {
  test_link_error: LINKS,
  test_link_error_eager: LINKS,
  test_link_error_callback_error_callback_retries_eager: LINKS,
  test_link_error_callback_retries: LINKS,
  test_link_error_using_signature_eager: LINKS,
  test_link_error_using_signature: LINKS,
  test_priority: PRIORITY,
  test_priority_chain: PRIORITY,
  test_add_to_chord: ADD_TO_CHORD,
  test_add_chord_to_chord: ADD_TO_CHORD,
  test_redis_subscribed_channels_leak: "of Redis's channels",
};
