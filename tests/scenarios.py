"""What visitors and machines do to a run, an address or a session, each with the tests that hold the outcome. One line a scenario.

The letters are those of the manifest of bad input that may lie beside the project; `tests/test_scenarios.py` holds both against each other.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    key: str
    what: str
    tests: tuple[str, ...]


def _row(key: str, what: str, *tests: str) -> Scenario:
    return Scenario(key, what, tests)


SCENARIOS = (
    _row(
        "T01",
        "the loss leaves all bounds",
        "training/trainer/test_trainer.py::test_a_loss_out_of_bounds_ends_in_a_sentence_with_finite_weights",
    ),
    _row("T02", "learning rates that are none", "test_scenarios.py::test_a_setting_that_is_none_is_refused_by_its_name"),
    _row("T03", "a batch larger than the data", "training/trainer/test_trainer.py::test_a_batch_larger_than_the_data_is_capped_and_noted"),
    _row("T04", "a batch of one", "training/trainer/test_trainer.py::test_no_batch_of_one_ever_meets_batch_norm"),
    _row(
        "T05",
        "no validation",
        "training/runs/test_snapshot_writer.py::test_a_class_without_pictures_has_no_accuracy_and_no_validation_is_no_error",
    ),
    _row("T06", "one class", "training/trainer/test_trainer.py::test_one_class_is_refused_with_counts"),
    _row(
        "T07",
        "more memory than there is",
        "training/test_checks.py::test_a_batch_that_needs_too_much_memory_is_refused_with_a_smaller_one_that_does_not",
        "training/queue/test_worker.py::test_no_memory_ends_only_this_run_in_a_sentence",
        "training/queue/test_faults.py::test_no_memory_fails_the_run_in_a_sentence",
    ),
    _row("T08", "the worker is killed", "training/queue/test_local.py::test_kill_minus_nine_is_said_and_the_model_of_the_last_epoch_loads"),
    _row(
        "T09",
        "killed while a checkpoint is written",
        "training/queue/test_faults.py::test_killed_at_random_moments_everything_loads_and_the_run_ends",
        "system/test_files.py::test_a_write_that_fails_leaves_the_old_file_and_no_litter",
    ),
    _row(
        "T10",
        "the server is killed with three runs",
        "training/queue/test_restarts.py::test_a_server_that_is_killed_with_three_runs_loses_none",
        "training/queue/test_local.py::test_a_run_outlives_its_server_and_waiting_runs_start_again",
    ),
    _row("T11", "stop within an epoch", "training/trainer/test_trainer.py::test_stop_keeps_the_model_and_says_so"),
    _row(
        "T12",
        "a second click on start",
        "training/runs/test_store.py::test_a_run_is_claimed_once",
        "training/queue/test_faults.py::test_thirty_starts_in_five_seconds_all_end_and_none_runs_twice",
    ),
    _row("T13", "two tabs", "browser/test_sessions.py::test_two_tabs_tell_the_same_of_one_run_and_either_stops_it"),
    _row("T14", "a closed browser", "browser/test_sessions.py::test_who_closes_the_browser_finds_the_run_again_by_its_address"),
    _row(
        "T15",
        "thirty starts",
        "training/queue/test_faults.py::test_thirty_starts_in_five_seconds_all_end_and_none_runs_twice",
        "training/queue/test_local.py::test_waiting_runs_of_all_owners_take_turns",
    ),
    _row(
        "T16",
        "a full disk",
        "training/queue/test_faults.py::test_a_disk_with_no_room_fails_the_run_in_a_sentence_and_the_old_model_loads",
        "training/queue/test_worker.py::test_a_full_disk_ends_the_run_in_a_sentence_and_keeps_the_model",
    ),
    _row("T17", "data that is gone", "training/queue/test_worker.py::test_what_the_machine_lacks_is_a_sentence"),
    _row("T18", "the clock set back", "training/queue/test_faults.py::test_a_clock_set_back_moves_no_curve_backwards"),
    _row("T19", "a seed beside neighbours", "training/queue/test_restarts.py::test_the_seed_holds_beside_three_neighbours"),
    _row("T20", "epochs that are none", "test_scenarios.py::test_a_setting_that_is_none_is_refused_by_its_name"),
    _row("T21", "the net is edited while it trains", "training/runs/test_store.py::test_a_run_is_found_again_as_it_was_asked"),
    _row("T22", "a frozen worker", "training/queue/test_local.py::test_a_frozen_worker_is_called_stalled_and_can_still_be_stopped"),
    _row("T23", "processes beside processes", "training/queue/test_worker.py::test_the_worker_is_polite_and_leaves_its_log"),
    _row(
        "T24", "labels that mean nothing", "training/trainer/test_trainer.py::test_labels_that_mean_nothing_train_without_dividing_by_zero"
    ),
    _row("A01", "another number of classes", "predict/test_evaluation.py::test_classes_are_matched_by_name"),
    _row("A02", "another size", "test_scenarios.py::test_a_photograph_of_any_size_and_colour_is_prepared_as_in_training"),
    _row(
        "A03", "grey nets, coloured photographs", "test_scenarios.py::test_a_photograph_of_any_size_and_colour_is_prepared_as_in_training"
    ),
    _row("A04", "views of what has a place", "predict/tta/test_views.py::test_masks_come_back_inside"),
    _row("A05", "no view, or far too many", "predict/tta/test_views.py::test_text_names_views_and_sets"),
    _row("A06", "answers that are no numbers", "predict/test_classifier.py::test_answers_that_are_no_numbers_are_said"),
    _row("A07", "a net left in training mode", "test_scenarios.py::test_a_net_left_in_training_mode_answers_twice_alike"),
    _row("A08", "classes in another order", "predict/test_evaluation.py::test_classes_are_matched_by_name"),
    _row("U01", "markup in the address", "browser/test_sessions.py::test_what_an_address_says_besides_is_ignored"),
    _row(
        "U02", "a path for a run", "ui/server/test_routes.py::test_no_path_leads_out_of_the_runs", "browser/test_bad_input.py::test_links"
    ),
    _row("U03", "numbers that are none", "browser/test_sessions.py::test_what_an_address_says_besides_is_ignored"),
    _row("U04", "a thousand parameters", "browser/test_sessions.py::test_what_an_address_says_besides_is_ignored"),
    _row(
        "U05", "a link that is a bomb", "test_codec.py::test_a_packed_bomb_is_never_unpacked", "test_codec.py::test_a_junk_link_is_refused"
    ),
    _row("U06", "somebody else's run", "training/runs/test_store.py::test_somebody_elses_run_is_not_to_be_changed"),
    _row("U07", "a link that would take for ever", "test_scenarios.py::test_a_link_cannot_ask_for_more_than_a_knob_can"),
    _row(
        "S01",
        "rerun, another page",
        "browser/test_sessions.py::test_a_photograph_and_a_pipeline_are_there_after_a_rerun_and_on_the_next_page",
    ),
    _row("S02", "a lost network", "browser/test_sessions.py::test_a_lost_network_and_a_dead_server_lose_nothing_that_was_made"),
    _row("S03", "another server", "browser/test_sessions.py::test_a_lost_network_and_a_dead_server_lose_nothing_that_was_made"),
    _row(
        "S04",
        "a file twice",
        "browser/test_sessions.py::test_a_photograph_and_a_pipeline_are_there_after_a_rerun_and_on_the_next_page",
        "browser/test_bad_input.py::test_names_stay_text",
    ),
    _row("S05", "a file above the limit", "browser/test_sessions.py::test_a_file_above_the_limit_is_refused_by_the_server_itself"),
    _row("S06", "an upload without a session", "browser/test_sessions.py::test_an_upload_without_a_session_stores_nothing"),
    _row("S07", "a thousand uploads", "test_scenarios.py::test_a_thousand_uploads_leave_a_dozen_photographs"),
    _row("S08", "all have left", "ui/server/test_idle.py::test_caches_are_cleared_once_each_time_the_last_visitor_leaves"),
    _row("S09", "a websocket from elsewhere", "browser/test_sessions.py::test_a_websocket_from_another_place_is_refused"),
    _row("S10", "paths that lead out", "browser/test_sessions.py::test_no_path_leads_out"),
    _row("S11", "an error of ours", "browser/test_trust.py::test_an_error_of_ours_is_a_sentence_with_a_number_that_the_log_knows"),
    _row("S12", "what visitors share", "augment/operations/test_catalog.py::test_neighbours_in_threads_do_not_disturb_one_another"),
)
