import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from vpc2.predict.classifier import load_classifier
from vpc2.text import Refusal
from vpc2.training.queue import base as module
from vpc2.training.queue import local, worker_pool
from vpc2.training.queue.local import LocalQueue
from vpc2.training.runs.events import EventWriter, last_event, read_events
from vpc2.training.runs.liveness import is_same_process, process_start, worker_pid

ROOT = Path(__file__).parents[3]
LONG = {"epochs": 10_000, "budget_s": 120.0}


@pytest.fixture
def queue(store, quick_workers):
    queue = LocalQueue(store)
    yield queue
    for run in store.list():
        pid = worker_pid(run.folder)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    queue.shutdown()


def wait_for(what, seconds=90.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def has_epochs(run, count=1):
    return len([event for event in read_events(run.folder)[0] if event["type"] == "epoch"]) >= count


def test_one_runs_the_second_waits_and_then_runs(queue, store, make_recipe):
    assert queue.warm(wait_s=90)
    first, second = store.create(make_recipe(**LONG), owner="a"), store.create(make_recipe(), owner="b")
    queue.start(first)
    queue.start(second)
    queue.start(second)  # pressed twice
    assert queue.place_in_queue(first.id) == 0 and queue.place_in_queue(second.id) == 1
    assert 0 < queue.wait_s(second.id) <= 120
    wait_for(lambda: has_epochs(first))
    assert store.state(first.id) == "running" and store.state(second.id) == "queued"
    queue.stop(first.id, by="a")
    wait_for(lambda: store.state(first.id) == "stopped")
    assert load_classifier(first.model_path)
    wait_for(lambda: store.state(second.id) == "finished")
    assert queue.place_in_queue(second.id) is None
    assert len([event for event in read_events(second.folder)[0] if event["type"] == "start"]) == 1


def test_kill_minus_nine_is_said_and_the_model_of_the_last_epoch_loads(queue, store, make_recipe):
    run, following = store.create(make_recipe(**LONG)), store.create(make_recipe())
    queue.start(run)
    queue.start(following)
    wait_for(lambda: has_epochs(run, 2))
    os.kill(worker_pid(run.folder), signal.SIGKILL)
    wait_for(lambda: store.state(run.id) == "interrupted")
    assert "after epoch" in store.status(run.id).reason.en
    assert load_classifier(run.model_path)
    wait_for(lambda: store.state(following.id) == "finished")  # and no other run is affected


def test_a_run_outlives_its_server_and_waiting_runs_start_again(queue, store, make_recipe):
    run, waiting = store.create(make_recipe(**LONG)), store.create(make_recipe())
    queue.start(run)
    queue.start(waiting)
    wait_for(lambda: has_epochs(run))
    queue.shutdown()
    seen = last_event(run.folder)["n"]
    wait_for(lambda: last_event(run.folder)["n"] > seen + 5)
    again = LocalQueue(store)
    try:
        again.reconcile()
        assert again.place_in_queue(run.id) == 0 and again.place_in_queue(waiting.id) == 1
        again.stop(run.id, by="")
        wait_for(lambda: store.state(run.id) == "stopped")
        wait_for(lambda: store.state(waiting.id) == "finished")
    finally:
        again.shutdown()


def test_a_frozen_worker_is_called_stalled_and_can_still_be_stopped(queue, store, monkeypatch, make_recipe):
    monkeypatch.setattr("vpc2.training.runs.liveness.STALLED_S", 2.0)
    monkeypatch.setattr(local, "STOP_PATIENCE_S", 0.5)
    run = store.create(make_recipe(**LONG))
    queue.start(run)
    wait_for(lambda: has_epochs(run))
    os.kill(worker_pid(run.folder), signal.SIGSTOP)
    wait_for(lambda: store.status(run.id).is_stalled)
    assert store.state(run.id) == "running"
    queue.stop(run.id, by="")
    wait_for(lambda: store.state(run.id) == "stopped")
    assert load_classifier(run.model_path)


def test_sigterm_stops_a_run_like_the_stop_button(queue, store, make_recipe):
    run = store.create(make_recipe(**LONG))
    queue.start(run)
    wait_for(lambda: has_epochs(run))
    os.kill(worker_pid(run.folder), signal.SIGTERM)
    wait_for(lambda: store.state(run.id) == "stopped")
    assert last_event(run.folder)["state"] == "stopped"


class _Idle:
    """A queue without a supervisor: no worker starts, so only the order of the waiting runs is tested."""

    def __new__(cls, store, monkeypatch):
        queue = LocalQueue(store, runs_at_once=0)
        monkeypatch.setattr(queue, "_start_supervisor", lambda: None)
        return queue


def test_waiting_runs_of_all_owners_take_turns(store, monkeypatch, make_recipe):
    queue = _Idle(store, monkeypatch)
    runs = [store.create(make_recipe(), owner=owner) for owner in ("a", "a", "a", "b", "c", "b")]
    for run in runs:
        queue.start(run)
    assert [queue.place_in_queue(run.id) for run in runs] == [1, 4, 6, 2, 3, 5]
    queue.stop(runs[0].id, by="a")
    assert queue.place_in_queue(runs[0].id) is None and queue.place_in_queue(runs[1].id) == 1


def test_a_full_queue_refuses_a_run_in_words(store, monkeypatch, make_recipe):
    queue = _Idle(store, monkeypatch)
    queue.max_waiting = 2
    queue.start(store.create(make_recipe()))
    queue.start(store.create(make_recipe()))
    with pytest.raises(Refusal, match="line is full"):
        queue.start(store.create(make_recipe()))


def test_a_worker_that_cannot_start_is_said_so(store, monkeypatch, make_recipe):
    monkeypatch.setattr(worker_pool.sys, "executable", "/bin/false")
    queue = LocalQueue(store)
    run = store.create(make_recipe())
    queue.start(run)
    wait_for(lambda: store.state(run.id) == "failed")
    assert "could not be started" in store.status(run.id).reason.en
    queue.shutdown()


SERVER = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from vpc2.training.queue.local import LocalQueue
from vpc2.training.runs.store import RunStore
queue = LocalQueue(RunStore(Path(sys.argv[1])))
assert queue.warm(wait_s=90)
for run in queue.store.list():
    queue.start(run)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def dead_server(store):
    """Starts a server in a process of its own, waits for what is to be seen, does something to its workers, and kills it with -9."""

    def serve(until=lambda: True, to_worker=None):
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(store.home)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout.readline() == "ready\n"
            wait_for(until)
            known = [json.loads(note.read_text()) for note in (store.home / "workers").glob("*.json")]
            assert known and all(one["server"] == server.pid for one in known)
            if to_worker is not None:
                for one in known:
                    os.kill(one["pid"], to_worker)
        finally:
            server.kill()
            server.wait()
        return [(one["pid"], one["started"]) for one in known]

    yield serve
    for run in store.list():
        if (pid := worker_pid(run.folder)) is not None:
            os.kill(pid, signal.SIGKILL)


def test_a_server_that_is_killed_leaves_no_spare(dead_server, store):
    spares_left = dead_server()
    wait_for(lambda: not any(is_same_process(*one) for one in spares_left), 20)
    assert worker_pool.end_orphaned_workers(store) == []
    assert list((store.home / "workers").iterdir()) == [], "the dead are struck off the list"


def test_a_spare_that_hangs_is_found_and_ended_by_the_next_server(dead_server, queue, store):
    hung = dead_server(to_worker=signal.SIGSTOP)
    assert all(is_same_process(*one) for one in hung), "it cannot even read that its server is gone"
    queue.reconcile()
    wait_for(lambda: not any(is_same_process(*one) for one in hung), 20)


def test_a_worker_goes_on_without_its_server_until_its_run_is_deleted(dead_server, queue, store, make_recipe):
    run = store.create(make_recipe(**LONG))
    workers = dict(dead_server(until=lambda: has_epochs(run)))
    pid = worker_pid(run.folder)
    queue.reconcile()
    seen = last_event(run.folder)["n"]
    wait_for(lambda: last_event(run.folder)["n"] > seen + 5)
    assert queue.place_in_queue(run.id) == 0 and store.state(run.id) == "running"
    shutil.rmtree(run.folder)
    wait_for(lambda: not is_same_process(pid, workers[pid]), 30)
    assert not run.folder.exists(), "and it leaves nothing behind"
    with pytest.raises(Refusal, match="deleted"):
        store.get(run.id)


def test_a_hung_worker_whose_run_was_deleted_is_ended_by_the_next_server(dead_server, queue, store, make_recipe):
    run = store.create(make_recipe(**LONG))
    hung = dead_server(until=lambda: has_epochs(run), to_worker=signal.SIGSTOP)
    shutil.rmtree(run.folder)
    queue.reconcile()
    wait_for(lambda: not any(is_same_process(*one) for one in hung), 20)


def test_a_process_with_a_reused_worker_id_is_not_ended(store):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        notes = store.home / "workers"
        notes.mkdir(parents=True)
        started = process_start(stranger.pid)
        for name, change in {"1": {"started": started + 1}, "2": {"started": None}, "3": {"pid": "1"}, "4": {"server": None}}.items():
            document = {"pid": stranger.pid, "started": started, "server": 1, "server_started": 0, "run": None, **change}
            if name == "4":
                del document["server"]
            (notes / f"{name}.json").write_text(json.dumps(document))
        (notes / "5.json").write_text("{")
        assert worker_pool.end_orphaned_workers(store) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_waiting_run_is_paused_and_goes_back_into_the_line(store, monkeypatch, make_recipe):
    queue = _Idle(store, monkeypatch)
    first, second = store.create(make_recipe(), owner="a"), store.create(make_recipe(), owner="a")
    queue.start(first)
    queue.start(second)
    queue.pause(first.id, by="a")
    queue.pause(first.id, by="a")
    assert store.state(first.id) == "paused" and queue.place_in_queue(first.id) is None and queue.place_in_queue(second.id) == 1
    with pytest.raises(Refusal, match="somebody else"):
        queue.resume(first.id, by="b")
    queue.resume(first.id, by="a")
    queue.resume(first.id, by="a")
    assert queue.place_in_queue(first.id) == 1 and queue.place_in_queue(second.id) == 2
    queue.stop(first.id, by="a")
    queue.stop(first.id, by="a")
    assert store.state(first.id) == "stopped" and queue.place_in_queue(second.id) == 1


def test_a_run_that_is_declined_does_not_seem_to_wait(store, monkeypatch, make_recipe):
    queue = _Idle(store, monkeypatch)
    queue.max_waiting = 0
    run = store.create(make_recipe())
    with pytest.raises(Refusal, match="line is full"):
        queue.start(run)
    assert store.state(run.id) == "stopped"
    queue.max_waiting = 1
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(Refusal, match="disk is full"):
        queue.start(store.create(make_recipe()))


def test_the_wait_is_what_is_left_of_those_before(store, monkeypatch, make_recipe):
    queue = _Idle(store, monkeypatch)
    runs = [store.create(make_recipe(budget_s=budget), owner="a") for budget in (10.0, 20.0, 40.0)]
    for run in runs:
        queue.start(run)
    assert [queue.wait_s(run.id) for run in runs] == [0.0, 10.0, 30.0]
    writer = EventWriter(runs[0].folder)
    writer.write({"type": "start", "budget_s": 10.0, "epochs": 4, "steps_per_epoch": 5, "t": 0.0})
    writer.write({"type": "step", "step": 10, "t": 3.0})  # half of the twenty steps in three seconds
    writer.close()
    assert queue.seconds_left(runs[0]) == pytest.approx(3.0)
    assert queue.wait_s(runs[1].id) == pytest.approx(3.0)
