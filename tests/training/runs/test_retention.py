"""Runs go when they are old, or when all take too much: the oldest first, and never one that still goes on."""

import os
import time
from dataclasses import replace

import pytest

from vpc2.system import host
from vpc2.training.runs import retention
from vpc2.training.runs.events import EventWriter
from vpc2.training.runs.liveness import beat, claim
from vpc2.training.runs.status import is_going

DAY = 86_400


@pytest.fixture
def ended(store, recipe):
    """Return what makes a run that ended, with a model of so many bytes."""

    def make(size=1000):
        run = store.create(recipe)
        EventWriter(run.folder).write({"type": "end", "state": "finished", "reason": None})
        (run.folder / "tb").mkdir()
        (run.folder / "tb" / "events").write_bytes(b"e" * size)
        return run

    return make


def ids(store):
    return {run.id for run in store.list()}


def remove_old_runs(store, days=0):
    return set(retention.remove_old_runs(store.folder, is_going, time.time() + days * DAY))


def test_a_run_is_kept_for_so_many_days_and_not_longer(store, ended):
    run, days = ended(), host.LIMITS.run_days
    assert not remove_old_runs(store, days - 1) and ids(store) == {run.id}
    assert remove_old_runs(store, days + 1) == {run.id} and not ids(store)
    assert not list(store.folder.iterdir())


def test_the_oldest_make_room_for_the_new_when_one_is_made(store, ended, recipe, monkeypatch):
    runs = []
    for _number in range(4):
        runs.append(ended(100_000))
        time.sleep(0.02)  # the clock of a disk ticks slowly
    assert not remove_old_runs(store) and len(ids(store)) == 4
    monkeypatch.setattr(host, "LIMITS", replace(host.LIMITS, run_bytes=250_000))
    made = store.create(recipe)
    assert ids(store) == {runs[2].id, runs[3].id, made.id}


def test_what_is_running_or_waits_stays_whatever_its_age(store, ended, recipe, monkeypatch):
    waiting, running, over = store.create(recipe), store.create(recipe), ended()
    claim(running.folder)
    beat(running.folder)
    monkeypatch.setattr(host, "LIMITS", replace(host.LIMITS, run_bytes=1))
    assert remove_old_runs(store, 10_000) == {over.id} and ids(store) == {waiting.id, running.id}


def test_a_note_makes_a_run_new_again(store, ended):
    run = ended()
    long_ago = time.time() - 10_000 * DAY
    for path in (*run.folder.rglob("*"), run.folder):
        os.utime(path, (long_ago, long_ago))
    store.annotate(run.id, "worth keeping", by="")
    store.sweep()
    assert ids(store) == {run.id}


def test_a_restarted_server_sweeps(store, ended):
    run = ended()
    long_ago = time.time() - 10_000 * DAY
    for path in (*run.folder.rglob("*"), run.folder):
        os.utime(path, (long_ago, long_ago))
    store.sweep()
    assert not ids(store) and not run.folder.exists()
