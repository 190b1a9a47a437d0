import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vpc2.text import Refusal
from vpc2.training.runs.events import EventWriter
from vpc2.training.runs.liveness import beat, claim, process_start
from vpc2.training.runs.store import RunStore, make_run, read_run

# Everything that changes a run: what a visitor may do to their own ones only.
CHANGES = {
    "stop": lambda store, run_id, by: store.request_stop(run_id, by=by),
    "pause": lambda store, run_id, by: store.request_pause(run_id, by=by),
    "resume": lambda store, run_id, by: store.request_resume(run_id, by=by),
    "rename": lambda store, run_id, by: store.rename(run_id, "x", by=by),
    "annotate": lambda store, run_id, by: store.annotate(run_id, "x", by=by),
    "delete": lambda store, run_id, by: store.delete(run_id, by=by),
}


def test_a_run_is_found_again_as_it_was_asked(store, recipe):
    run = store.create(recipe, name="first try", owner="me")
    assert store.get(run.id) == run
    assert RunStore(store.folder.parent).list() == [run]
    assert store.list("me") == [run] and store.list("you") == []
    assert store.state(run.id) == "queued"


def test_runs_are_listed_newest_first_without_foreign_folders(store, recipe):
    first, second = store.create(recipe), store.create(recipe)
    (store.folder / "0123456789abcdef").mkdir()
    (store.folder / "junk").write_text("x")
    broken = store.create(recipe)
    (broken.folder / "spec.json").write_text("{")
    assert [run.id for run in store.list()] == [second.id, first.id]


@pytest.mark.parametrize(
    "bad", ["", "..", "../../etc", "a/b", "A" * 16, "0" * 7, "0" * 33, "0123456789abcdef", None, 7, "x" * 16 + "\n", "%2e%2e%2f"]
)
def test_anything_but_an_id_is_no_run(store, recipe, bad):
    store.create(recipe)
    for ask in (store.get, store.status, lambda run_id: store.clone(run_id, ""), lambda run_id: store.continue_from(run_id, recipe, "")):
        with pytest.raises(Refusal, match="no such run"):
            ask(bad)
    for change in CHANGES.values():
        with pytest.raises(Refusal, match="no such run"):
            change(store, bad, "")


def test_rename_cleans_and_keeps_the_rest(store, recipe):
    run = store.create(recipe, owner="me")
    renamed = store.rename(run.id, "better\n\u202e name", by="me")
    assert renamed.name == "better name" and store.get(run.id) == renamed
    assert renamed.recipe == run.recipe and renamed.owner == "me"


def test_a_queued_run_that_is_stopped_never_ran(store, recipe):
    run = store.create(recipe)
    store.request_stop(run.id, by="")
    assert store.status(run.id).state == "stopped"


class TestStateIsReadOffTheFolder:
    def test_running_while_its_process_lives_and_then_interrupted(self, store, recipe):
        run = store.create(recipe)
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        try:
            beat(run.folder)
            worker = {"pid": sleeper.pid, "started": process_start(sleeper.pid)}
            (run.folder / "worker.json").write_text(json.dumps(worker))
            writer = EventWriter(run.folder)
            writer.write({"type": "epoch", "epoch": 3})
            writer.write({"type": "step", "step": 40, "epoch": 4})
            assert store.status(run.id).state == "running" and not store.status(run.id).is_stalled
            with pytest.raises(Refusal, match="stop it first"):
                store.delete(run.id, by="")
            (run.folder / "heartbeat").write_text(f"{time.monotonic() - 60}")
            assert store.status(run.id).is_stalled
        finally:
            sleeper.kill()
        deadline = time.monotonic() + 10
        while store.state(run.id) == "running" and time.monotonic() < deadline:
            time.sleep(0.01)  # a zombie until it is waited for: dead all the same
        status = store.status(run.id)
        assert status.state == "interrupted" and "after epoch 3" in status.reason.en
        sleeper.wait()

    def test_another_process_with_the_same_number_is_not_the_worker(self, store, recipe):
        run = store.create(recipe)
        beat(run.folder)
        (run.folder / "worker.json").write_text(json.dumps({"pid": os.getpid(), "started": 1}))
        assert store.state(run.id) == "interrupted"

    def test_a_record_that_ended_is_over_whoever_lives(self, store, recipe):
        run = store.create(recipe)
        assert claim(run.folder)
        assert store.state(run.id) == "running"
        EventWriter(run.folder).write({"type": "end", "state": "failed", "reason": {"en": "why", "es": "por qué"}})
        assert store.state(run.id) == "failed" and store.status(run.id).reason.say("es") == "por qué"


def test_a_run_is_claimed_once(store, recipe):
    run = store.create(recipe)
    assert claim(run.folder) and not claim(run.folder)


def test_delete_removes_everything(store, recipe):
    run = store.create(recipe)
    store.delete(run.id, by="")
    assert store.list() == [] and not run.folder.exists()
    with pytest.raises(Refusal):
        store.get(run.id)


def test_a_folder_of_ones_own_is_a_run_too(tmp_path, make_recipe):
    run = make_run(tmp_path / "out", make_recipe())
    assert read_run(tmp_path / "out") == run
    with pytest.raises(FileExistsError):
        make_run(tmp_path / "out", make_recipe())


def test_sweep_removes_litter_and_nothing_else(store, recipe):
    run = store.create(recipe)
    EventWriter(run.folder).write({"type": "end", "state": "finished", "reason": None})
    (run.folder / "model.safetensors").write_bytes(b"m")
    (run.folder / "model.safetensors.1.tmp").write_bytes(b"half")
    (store.folder / ".deleted-0123456789abcdef").mkdir()
    store.sweep()
    assert sorted(file.name for file in run.folder.iterdir()) == ["events.jsonl", "model.safetensors", "spec.json"]
    assert [file.name for file in store.folder.iterdir()] == [run.id]


@pytest.mark.parametrize("change", CHANGES)
def test_somebody_elses_run_is_not_to_be_changed(store, recipe, monkeypatch, change):
    monkeypatch.setenv("VPC2_SHARED_RUNS", "1")  # seeing is not changing
    run = store.create(recipe, owner="me")
    EventWriter(run.folder).write({"type": "pause", "step": 1, "epoch": 1})
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    with pytest.raises(Refusal, match="somebody else"):
        CHANGES[change](store, run.id, "you")
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before
    CHANGES[change](store, run.id, "me")
    after = {path.name: path.read_bytes() for path in run.folder.iterdir()} if run.folder.exists() else {}
    assert (after != before) == (change != "pause"), "it is paused already; everything else makes a difference"


def test_others_see_a_run_once_it_is_over_and_only_where_the_host_shares(store, recipe, monkeypatch):
    run = store.create(recipe, owner="me")
    for over, shared, seen in ((False, False, False), (False, True, False), (True, False, False), (True, True, True)):
        monkeypatch.setenv("VPC2_SHARED_RUNS", "1" if shared else "0")
        if over and store.state(run.id) == "queued":
            EventWriter(run.folder).write({"type": "end", "state": "finished", "reason": None})
        assert store.visible_to("me") == [run]
        assert store.visible_to("you") == ([run] if seen else [])
        if seen:
            assert store.clone(run.id, "you").owner == "you"
        else:
            with pytest.raises(Refusal, match="no such run"):
                store.clone(run.id, "you")


def test_a_note_is_kept_in_the_owners_words_cleaned_and_cut(store, recipe):
    run = store.create(recipe, owner="me")
    store.annotate(run.id, "  rate ×10\n\u202efrom <b>here</b>\x00 ", by="me")
    assert store.get(run.id).note == "rate ×10 from <b>here</b>"
    assert store.rename(run.id, "other", by="me").note == "rate ×10 from <b>here</b>"
    assert len(store.annotate(run.id, "x" * 10_000, by="me").note) == 500
    assert store.annotate(run.id, "", by="me").note == "" and "note" not in json.loads((run.folder / "spec.json").read_text())


def test_a_clone_is_a_new_run_of_the_same_recipe(store, recipe):
    run = store.create(recipe, name="first", owner="me")
    store.annotate(run.id, "mine", by="me")
    EventWriter(run.folder).write({"type": "end", "state": "finished", "reason": None})
    clone = store.clone(run.id, "me")
    assert clone.id != run.id and (clone.recipe, clone.name, clone.note) == (recipe, "first", "")
    assert store.state(clone.id) == "queued" and store.get(clone.id) == clone


def test_a_run_that_continues_another_begins_with_its_weights_and_says_so(store, recipe, make_recipe):
    run = store.create(recipe, owner="me")
    with pytest.raises(Refusal, match="no classifier yet"):
        store.continue_from(run.id, recipe, "me")
    run.model_path.write_bytes(b"weights")
    longer = store.continue_from(run.id, make_recipe(epochs=9), "me")
    assert store.get(longer.id).continues == run.id and longer.recipe.settings["epochs"] == 9
    store.delete(run.id, by="me")
    assert (longer.folder / "start.safetensors").read_bytes() == b"weights"
    again = store.clone(longer.id, "me")
    assert again.continues == run.id and (again.folder / "start.safetensors").read_bytes() == b"weights"


def dead_worker(run):
    (run.folder / "worker.json").write_text(json.dumps({"pid": os.getpid(), "started": 1}))


class TestGoingOn:
    """The effect of each request in each state, and a valid status between any two steps of it."""

    def test_a_waiting_run_is_paused_and_waits_again(self, store, recipe):
        run = store.create(recipe)
        store.request_pause(run.id, by="")
        assert store.status(run.id) == store.status(run.id).__class__("paused", is_resumable=True)
        assert store.request_resume(run.id, by="") and store.state(run.id) == "queued"
        assert not store.request_resume(run.id, by=""), "the second tab's click"
        store.request_stop(run.id, by="")
        store.request_pause(run.id, by="")
        assert store.state(run.id) == "stopped", "a stopped run is not paused"

    def test_paused_by_its_worker_resumed_and_ended(self, store, recipe):
        run = store.create(recipe)
        assert claim(run.folder) and store.state(run.id) == "running"
        store.request_pause(run.id, by="")
        assert store.state(run.id) == "running", "until the worker has written its checkpoint"
        writer = EventWriter(run.folder)
        writer.write({"type": "pause", "step": 3, "epoch": 1, "elapsed_s": 1.0})
        assert store.state(run.id) == "paused" and not store.status(run.id).is_over
        store.request_resume(run.id, by="")
        assert store.state(run.id) == "queued"
        assert claim(run.folder) and store.state(run.id) == "running", "claimed, and has not said anything yet"
        writer.write({"type": "resume", "step": 3, "epoch": 1})
        (run.folder / "queued").unlink()
        assert store.state(run.id) == "running"
        writer.write({"type": "end", "state": "stopped", "reason": None})
        (run.folder / "checkpoint.safetensors").touch()
        assert store.status(run.id).is_resumable
        store.request_resume(run.id, by="")
        assert store.state(run.id) == "queued", "an end that a resume follows is not the last word"
        store.request_stop(run.id, by="")
        assert store.state(run.id) == "stopped"

    def test_a_paused_run_is_stopped(self, store, recipe):
        run = store.create(recipe)
        EventWriter(run.folder).write({"type": "pause", "step": 3, "epoch": 1})
        store.request_stop(run.id, by="")
        store.request_stop(run.id, by="")
        assert store.state(run.id) == "stopped" and store.status(run.id).is_over

    def test_a_dead_worker_is_resumable_and_dies_again_before_its_first_word(self, store, recipe):
        run = store.create(recipe)
        EventWriter(run.folder).write({"type": "epoch", "epoch": 2, "step": 9})
        dead_worker(run)
        status = store.status(run.id)
        assert status.state == "interrupted" and "after epoch 2" in status.reason.en and "resumed" in status.reason.en
        store.request_resume(run.id, by="")
        assert store.state(run.id) == "queued"
        dead_worker(run)
        assert store.state(run.id) == "interrupted"
        assert store.request_resume(run.id, by="")

    @pytest.mark.parametrize(("state", "resumable"), [("stopped", True), ("failed", True), ("finished", False)])
    def test_what_ended_goes_on_from_a_checkpoint_unless_it_is_done(self, store, recipe, state, resumable):
        run = store.create(recipe)
        EventWriter(run.folder).write({"type": "end", "state": state, "reason": None})
        with pytest.raises(Refusal, match="nothing left to resume"):
            store.request_resume(run.id, by="")
        (run.folder / "checkpoint.safetensors").touch()
        assert store.status(run.id).is_resumable == resumable
        if resumable:
            assert store.request_resume(run.id, by="") and store.state(run.id) == "queued"

    @pytest.mark.parametrize("most", range(4))
    def test_a_resume_that_is_cut_short_after_any_move_can_be_made_again(self, store, recipe, most):
        run = store.create(recipe)
        EventWriter(run.folder).write({"type": "epoch", "epoch": 1, "step": 2})
        dead_worker(run)
        (run.folder / "pause").touch()
        moves = []

        def counted(real):
            def move(path, **named):
                moves.append(path.name)
                if len(moves) > most:
                    raise Cut
                return real(path, **named)

            return move

        with pytest.MonkeyPatch.context() as patch:
            for name in ("unlink", "touch"):
                patch.setattr(Path, name, counted(getattr(Path, name)))
            with pytest.raises(Cut):
                store.request_resume(run.id, by="")
        assert store.state(run.id) in ("paused", "queued")
        store.request_resume(run.id, by="")
        assert store.state(run.id) == "queued"


class Cut(BaseException):
    """Simulates a server that dies."""


@pytest.mark.parametrize(
    "change",
    [
        lambda store, run: store.create(run.recipe),
        lambda store, run: store.rename(run.id, "x", by=""),
        lambda store, run: store.annotate(run.id, "x", by=""),
        lambda store, run: store.clone(run.id, ""),
    ],
)
def test_a_full_disk_is_a_sentence_and_changes_nothing(store, recipe, monkeypatch, change):
    run = store.create(recipe)

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refusal, match="disk is full"):
        change(store, run)
    assert store.list() == [run] and len(list(store.folder.iterdir())) == 1
