"""Stopped, paused, resumed or killed, a run ends with the weights and events of an uninterrupted run."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from tests.forked import run_forked
from vpc2.augment.presets import PIPELINES
from vpc2.training.queue.local import LocalQueue
from vpc2.training.queue.worker import train
from vpc2.training.runs.events import read_events
from vpc2.training.runs.liveness import worker_pid
from vpc2.training.runs.store import RunStore, read_run

ROOT = Path(__file__).parents[3]
CLOCKED = ("n", "t", "images_per_s", "elapsed_s")


def wait_for(what, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)


def events_of(run, *types):
    events = read_events(run.folder)[0]
    return [event for event in events if event["type"] in types] if types else events


def timeless(events):
    return [{key: value for key, value in event.items() if key not in CLOCKED} for event in events]


def steps(run):
    return [event["step"] for event in events_of(run, "step")]


@pytest.fixture
def recipe(make_recipe):
    drawn = {"adversary": "pgd", "adversary_share": 0.1}  # everything that draws by itself: pictures, dropout, steps, attacks
    return replace(make_recipe(epochs=8, budget_s=600.0, **drawn), pipeline=PIPELINES["gentle"].pipeline)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A recipe's run in one go, made once in a process of its own: its tensors and its record."""
    store = RunStore(tmp_path_factory.mktemp("whole"))

    def train_whole(recipe):
        if not store.list():
            run_in_process(store.create(recipe))
        return store.list()[0]

    return train_whole


def run_in_process(run):
    code = "import sys; from vpc2.training.queue.worker import *; print(train(read_run(Path(sys.argv[1]))))"
    done = run_forked(code, run.folder)
    assert done.stdout == "finished\n", done.stderr


def assert_same(run, whole, kinds):
    """The same tensors bit for bit, the same steps, epochs and end; the events in between are in order."""
    found, expected = load_file(run.model_path), load_file(whole.model_path)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert value.tobytes() == found[name].tobytes(), name
    assert timeless(events_of(run, "start", "note", "step", "epoch")) == timeless(events_of(whole, "start", "note", "step", "epoch"))
    assert timeless(events_of(run)[-1:]) == timeless(events_of(whole)[-1:])
    events = events_of(run)
    assert [event["n"] for event in events] == list(range(len(events))), "nothing lost, nothing twice"
    assert all(a["t"] <= b["t"] for a, b in zip(events, events[1:], strict=False))
    assert [event["type"] for event in events_of(run, "pause", "resume", "end")] == kinds


@pytest.fixture
def queue(store, monkeypatch, quick_workers):
    # As many threads as the uninterrupted run: sums depend on the number of threads.
    monkeypatch.setenv("VPC2_TRAINING_THREADS", str(torch.get_num_threads()))
    queue = LocalQueue(store)
    yield queue
    queue.shutdown()
    for run in store.list():
        if (pid := worker_pid(run.folder)) is not None:
            os.kill(pid, signal.SIGKILL)


def test_paused_twice_stopped_and_killed_it_ends_the_same(queue, store, recipe, undisturbed):
    whole, run = undisturbed(recipe), store.create(recipe)
    total = steps(whole)[-1]
    queue.start(run)
    wait_for(lambda: steps(run)[-1:] > [total // 8])
    queue.pause(run.id, by="")
    queue.pause(run.id, by="")  # the same click in a second tab
    wait_for(lambda: store.state(run.id) == "paused")
    wait_for(lambda: worker_pid(run.folder) is None)
    assert queue.place_in_queue(run.id) is None, "it has given its place back"
    assert events_of(run)[-1]["step"] == steps(run)[-1], "nothing was done that the record does not hold"
    queue.resume(run.id, by="")
    queue.resume(run.id, by="")
    wait_for(lambda: steps(run)[-1:] > [total // 4])
    queue.stop(run.id, by="")
    wait_for(lambda: store.state(run.id) == "stopped")
    queue.resume(run.id, by="")
    wait_for(lambda: steps(run)[-1:] > [total // 2])
    os.kill(worker_pid(run.folder), signal.SIGKILL)
    wait_for(lambda: store.state(run.id) == "interrupted")
    before = events_of(run)
    queue.resume(run.id, by="")
    wait_for(lambda: store.state(run.id) == "finished")
    assert events_of(run)[: len(before)] == before, "the record is only ever added to"
    assert_same(run, whole, ["pause", "resume", "end", "resume", "resume", "end"])


@pytest.mark.parametrize("tick", range(4))
def test_killed_at_any_step_nothing_is_lost_and_nothing_told_twice(store, recipe, undisturbed, tick):
    """kill -9 in the middle of an epoch, at the end of one, and before the first is complete."""
    whole, run = undisturbed(recipe), store.create(recipe)
    per_epoch = steps(whole)[-1] // 8
    at = (per_epoch // 2, per_epoch, 3 * per_epoch + 1, 5 * per_epoch)[tick]
    code = (
        "import os, signal, sys; from vpc2.training.queue.worker import *\n"
        "def die(event):\n"
        "    if event['type'] == 'step' and event['step'] == int(sys.argv[2]): os.kill(os.getpid(), signal.SIGKILL)\n"
        "train(read_run(Path(sys.argv[1])), die)"
    )
    killed = run_forked(code, run.folder, at)
    # The last steps were not written yet; the resumed run reports them again.
    assert killed.returncode == -signal.SIGKILL and steps(run) == list(range(1, steps(run)[-1] + 1)) and steps(run)[-1] <= at
    run_in_process(run)
    assert_same(run, whole, ["resume", "end"])


def test_without_its_checkpoint_a_killed_run_begins_at_the_beginning_and_its_record_goes_on(store, recipe, undisturbed):
    whole, run = undisturbed(recipe), store.create(recipe)
    heard = []

    def die(event):
        heard.append(event)
        if event["type"] == "epoch" and event["epoch"] == 3:
            raise SystemExit

    with pytest.raises(SystemExit):
        train(run, die)
    os.truncate(run.folder / "events.jsonl", (run.folder / "events.jsonl").stat().st_size - 1)
    (run.folder / "checkpoint.safetensors").unlink(missing_ok=True)
    events = (run.folder / "events.jsonl").read_bytes().split(b"\n")
    (run.folder / "events.jsonl").write_bytes(b"\n".join(line for line in events if b'"end"' not in line)[:-20])  # half a line is left
    run_in_process(read_run(run.folder))
    assert events_of(run, "resume")[0]["step"] == 0
    assert_same(run, whole, ["resume", "end"])
