import os
import signal
import time

import pytest

from vpc2.predict.classifier import load_classifier
from vpc2.training import local, spares
from vpc2.training.events import last_event, read_events
from vpc2.training.local import LocalEngine
from vpc2.training.pulse import worker_pid
from vpc2.words import Refusal

LONG = {"epochs": 10_000, "budget_s": 120.0}


@pytest.fixture
def engine(store):
    engine = LocalEngine(store)
    yield engine
    for run in store.list():
        pid = worker_pid(run.folder)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    engine.shutdown()


def wait_for(what, seconds=90.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def has_epochs(run, count=1):
    return len([event for event in read_events(run.folder)[0] if event["type"] == "epoch"]) >= count


def test_one_runs_the_second_waits_and_then_runs(engine, store, make_recipe):
    assert engine.warm(wait_s=90)
    first, second = store.create(make_recipe(**LONG), owner="a"), store.create(make_recipe(), owner="b")
    engine.start(first)
    engine.start(second)
    engine.start(second)  # pressed twice
    assert engine.place_in_line(first.id) == 0 and engine.place_in_line(second.id) == 1
    assert 0 < engine.wait_s(second.id) <= 120
    wait_for(lambda: has_epochs(first))
    assert store.state(first.id) == "running" and store.state(second.id) == "queued"
    engine.stop(first.id, by="a")
    wait_for(lambda: store.state(first.id) == "stopped")
    assert load_classifier(first.model_path)
    wait_for(lambda: store.state(second.id) == "finished")
    assert engine.place_in_line(second.id) is None
    assert len([event for event in read_events(second.folder)[0] if event["type"] == "start"]) == 1


def test_kill_minus_nine_is_said_and_the_model_of_the_last_epoch_loads(engine, store, make_recipe):
    run, following = store.create(make_recipe(**LONG)), store.create(make_recipe())
    engine.start(run)
    engine.start(following)
    wait_for(lambda: has_epochs(run, 2))
    os.kill(worker_pid(run.folder), signal.SIGKILL)
    wait_for(lambda: store.state(run.id) == "interrupted")
    assert "after epoch" in store.status(run.id).reason.en
    assert load_classifier(run.model_path)
    wait_for(lambda: store.state(following.id) == "finished")  # and nothing else is hurt


def test_a_run_outlives_its_server_and_waiting_runs_start_again(engine, store, make_recipe):
    run, waiting = store.create(make_recipe(**LONG)), store.create(make_recipe())
    engine.start(run)
    engine.start(waiting)
    wait_for(lambda: has_epochs(run))
    engine.shutdown()
    seen = last_event(run.folder)["n"]
    wait_for(lambda: last_event(run.folder)["n"] > seen + 5)
    again = LocalEngine(store)
    try:
        again.reconcile()
        assert again.place_in_line(run.id) == 0 and again.place_in_line(waiting.id) == 1
        again.stop(run.id, by="")
        wait_for(lambda: store.state(run.id) == "stopped")
        wait_for(lambda: store.state(waiting.id) == "finished")
    finally:
        again.shutdown()


def test_a_frozen_worker_is_called_stalled_and_can_still_be_stopped(engine, store, monkeypatch, make_recipe):
    monkeypatch.setattr("vpc2.training.pulse.STALLED_S", 2.0)
    monkeypatch.setattr(local, "STOP_PATIENCE_S", 0.5)
    run = store.create(make_recipe(**LONG))
    engine.start(run)
    wait_for(lambda: has_epochs(run))
    os.kill(worker_pid(run.folder), signal.SIGSTOP)
    wait_for(lambda: store.status(run.id).is_stalled)
    assert store.state(run.id) == "running"
    engine.stop(run.id, by="")
    wait_for(lambda: store.state(run.id) == "stopped")
    assert load_classifier(run.model_path)


def test_sigterm_means_stop(engine, store, make_recipe):
    run = store.create(make_recipe(**LONG))
    engine.start(run)
    wait_for(lambda: has_epochs(run))
    os.kill(worker_pid(run.folder), signal.SIGTERM)
    wait_for(lambda: store.state(run.id) == "stopped")
    assert last_event(run.folder)["state"] == "stopped"


class _Idle:
    """An engine whose workers never start: only the line is looked at."""

    def __new__(cls, store, monkeypatch):
        engine = LocalEngine(store, runs_at_once=0)
        monkeypatch.setattr(engine, "_begin", lambda: None)
        return engine


def test_the_line_is_fair(store, monkeypatch, make_recipe):
    engine = _Idle(store, monkeypatch)
    runs = [store.create(make_recipe(), owner=owner) for owner in ("a", "a", "a", "b", "c", "b")]
    for run in runs:
        engine.start(run)
    assert [engine.place_in_line(run.id) for run in runs] == [1, 4, 6, 2, 3, 5]
    engine.stop(runs[0].id, by="a")
    assert engine.place_in_line(runs[0].id) is None and engine.place_in_line(runs[1].id) == 1


def test_a_full_line_is_refused_in_words(store, monkeypatch, make_recipe):
    engine = _Idle(store, monkeypatch)
    engine.most_waiting = 2
    engine.start(store.create(make_recipe()))
    engine.start(store.create(make_recipe()))
    with pytest.raises(Refusal, match="line is full"):
        engine.start(store.create(make_recipe()))


def test_a_worker_that_cannot_start_is_said_so(store, monkeypatch, make_recipe):
    monkeypatch.setattr(spares.sys, "executable", "/bin/false")
    engine = LocalEngine(store)
    run = store.create(make_recipe())
    engine.start(run)
    wait_for(lambda: store.state(run.id) == "failed")
    assert "could not be started" in store.status(run.id).reason.en
    engine.shutdown()
