import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vpc2.training.events import EventWriter
from vpc2.training.pulse import beat, claim, process_start
from vpc2.training.run import RunStore, make_run, read_run, write_atomic
from vpc2.words import Refusal

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


def test_newest_first_and_litter_is_passed_over(store, recipe):
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


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
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
        assert store.state(run.id) == "failed" and store.status(run.id).reason.es == "por qué"


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


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "spec.json"
    write_atomic(path, b"old")

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old" and [file.name for file in tmp_path.iterdir()] == ["spec.json"]


def test_sweep_removes_litter_and_nothing_else(store, recipe):
    run = store.create(recipe)
    EventWriter(run.folder).write({"type": "end", "state": "finished", "reason": None})
    (run.folder / "model.safetensors").write_bytes(b"m")
    (run.folder / "model.safetensors.1.tmp").write_bytes(b"half")
    (store.folder / ".deleted-0123456789abcdef").mkdir()
    store.sweep()
    assert sorted(file.name for file in run.folder.iterdir()) == ["events.jsonl", "model.safetensors", "spec.json"]
    assert [file.name for file in store.folder.iterdir()] == [run.id]
