"""Faults of the machine during a run: full disk, no memory, clock set back, random kills, thirty starts at once."""

import os
import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.forked import start_forked
from tests.training.conftest import CHANNELS
from vpc2.predict.classifier import load_classifier
from vpc2.system.host import MB
from vpc2.text import Refusal
from vpc2.training.queue.failures import explain
from vpc2.training.queue.local import LocalQueue
from vpc2.training.runs.events import read_events
from vpc2.training.runs.liveness import worker_pid
from vpc2.training.runs.store import RunStore

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("VPC2_KILLS", "3"))  # 100 for the figure of docs/trust.md
EPOCHS = 20
WORK = "import resource, sys; from vpc2.training.queue.worker import *; {before}; print(train(read_run(Path(sys.argv[1]))))"


def work(run, before="None", wait=True):
    """Train a run in a separate process, after executing `before` in it."""
    process = start_forked(WORK.format(before=before), run.folder)
    if wait:
        process.wait()
        return process.out.read_text().strip(), process.error.read_text()
    return process


def whole(run) -> list[dict]:
    events, _ = read_events(run.folder)
    assert [event["n"] for event in events] == sorted({event["n"] for event in events}), "told twice"
    return events


def test_a_disk_with_no_room_fails_the_run_in_a_sentence_and_the_old_model_loads(store, make_recipe):
    """No file may grow beyond what the first epoch left: the same error as a full disk; no file is left incomplete."""
    run = store.create(make_recipe(epochs=400, budget_s=60.0))
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (24 * 1024, 24 * 1024))"
    out, error = work(run, limit)
    status = store.status(run.id)
    assert out == "failed" and status.state == "failed", (out, error[-2000:])
    assert "full" in status.reason.en and "lleno" in status.reason.say("es") and "Traceback" not in status.reason.en
    assert whole(run)[-1]["type"] == "end"
    assert not list(run.folder.glob("*.tmp"))
    if run.model_path.is_file():
        assert load_classifier(run.model_path)


def test_no_memory_fails_the_run_in_a_sentence(store, make_recipe):
    run = store.create(make_recipe(epochs=3, size_px=224, batch_size=96))
    before = (
        "import torch; size = int([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmSize')][0]) * 1024; "
        f"resource.setrlimit(resource.RLIMIT_AS, (size + {40 * MB}, size + {40 * MB}))"
    )
    out, error = work(run, before)
    status = store.status(run.id)
    assert out == "failed" and status.state == "failed", (out, error[-2000:])
    assert "memory" in status.reason.en and "memoria" in status.reason.say("es")


@pytest.mark.parametrize(("said", "is_memory"), [("a.so: failed to map segment from shared object", True), ("No module named a", False)])
def test_a_library_that_finds_no_room_is_a_lack_of_memory(said, is_memory):
    found = explain(ImportError(said))
    assert (found is not None and "memory" in found.en) is is_memory


def test_a_clock_set_back_moves_no_curve_backwards(store, make_recipe):
    """The run's own times come from the monotonic clock; a record never runs backwards, whatever the machine's time does."""
    run = store.create(make_recipe(epochs=3))
    back = "import time; real = time.time; began = real(); time.time = lambda: began - 3600 * (real() - began)"
    out, error = work(run, back)
    assert out == "finished", error[-2000:]
    elapsed = [event["elapsed_s"] for event in whole(run) if event["type"] == "epoch"]
    assert elapsed == sorted(elapsed) and elapsed[0] > 0


def test_killed_at_random_moments_everything_loads_and_the_run_ends(store, make_recipe):
    """`kill -9` again and again, also inside the writing of a checkpoint: what is on disk always loads, and what is resumed ends.

    It ends at the weights, bit for bit, of a run that nobody killed.
    """
    chance, killed = random.Random(7), 0
    recipe = replace(make_recipe(epochs=EPOCHS, budget_s=600.0), net=CHANNELS)
    undisturbed = store.create(recipe)
    assert work(undisturbed)[0] == "finished"
    expected, took_s = load_file(undisturbed.model_path), whole(undisturbed)[-1]["elapsed_s"]
    while killed < KILLS:
        run = store.create(recipe)
        while killed < KILLS:
            process = work(run, "import vpc2.training.trainer.trainer as loop; loop.SAVE_SHARE = 1.0", wait=False)
            seen = len(whole(run))
            deadline = time.monotonic() + 60
            while len(read_events(run.folder)[0]) <= seen and process.is_running and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, took_s / 3))
            process.kill()
            process.wait()
            killed += 1
            if store.state(run.id) == "finished":
                break
            assert store.state(run.id) in ("interrupted", "queued")
            if run.model_path.is_file():
                assert load_classifier(run.model_path)
            whole(run)
            if store.state(run.id) == "interrupted":
                assert store.request_resume(run.id, by="")
        if store.state(run.id) != "finished":
            _out, error = work(run)
            assert store.state(run.id) == "finished", error[-2000:]
        assert load_classifier(run.model_path)
        epochs = [event["epoch"] for event in whole(run) if event["type"] == "epoch"]
        assert sorted(set(epochs)) == list(range(1, EPOCHS + 1)), "an epoch was lost"
        found = load_file(run.model_path)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert value.tobytes() == found[name].tobytes(), name


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_thirty_starts_in_five_seconds_all_end_and_none_runs_twice(store, make_recipe, quick_workers):
    """Started = finished + stopped + refused, one trains at a time, and a second click starts nothing."""
    queue = LocalQueue(store)
    try:
        assert queue.warm(wait_s=90)
        runs, most = [], 0
        for i in range(30):
            run = store.create(make_recipe(epochs=1), owner=f"visitor {i % 10}")
            queue.start(run)
            queue.start(run)
            runs.append(run)
        for run in runs[8:]:
            queue.stop(run.id, by=run.owner)
        deadline = time.monotonic() + 200
        while any(not store.status(run.id).is_over for run in runs):
            assert time.monotonic() < deadline, [store.state(run.id) for run in runs]
            most = max(most, sum(worker_pid(run.folder) is not None for run in runs))
            time.sleep(0.02)
    finally:
        queue.shutdown()
    states = [store.state(run.id) for run in runs]
    assert states[:8] == ["finished"] * 8 and set(states[8:]) <= {"stopped", "finished"}
    assert most == 1
    for run in runs[:8]:
        assert [event["type"] for event in whole(run)].count("start") == 1 and load_classifier(run.model_path)
    with pytest.raises(Refusal):
        RunStore(store.home).delete(runs[0].id, by="somebody else")
