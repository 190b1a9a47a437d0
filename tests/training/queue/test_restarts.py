"""The server is killed repeatedly with three runs in its queue: no run is lost or started twice, and recorded events are kept."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from tests.forked import start_forked
from vpc2.predict.classifier import load_classifier
from vpc2.training.runs.events import read_events

ROOT = Path(__file__).parents[3]
RESTARTS = int(os.environ.get("VPC2_RESTARTS", "3"))  # 20 for the figure of docs/trust.md
# What a server does with its runs, without its pages: take up what an earlier one left, and tend it until somebody kills it.
SERVER = (
    "import sys, time\nfrom pathlib import Path\nfrom vpc2.training.queue.local import LocalQueue\n"
    "from vpc2.training.runs.store import RunStore\n"
    "queue = LocalQueue(RunStore(Path(sys.argv[1])))\nqueue.reconcile()\nqueue.warm()\nprint('up', flush=True)\ntime.sleep(600)\n"
)
UNTIMED = ("t", "elapsed_s", "images_per_s", "n")


def serve(home: Path) -> subprocess.Popen:
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(home)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert server.stdout.readline() == b"up\n"
    return server


def untimed(events: list[dict]) -> list[dict]:
    return [{name: value for name, value in event.items() if name not in UNTIMED} for event in events]


def test_a_server_that_is_killed_with_three_runs_loses_none(store, make_recipe):
    chance, runs = random.Random(3), [store.create(make_recipe(epochs=40, seed=i), owner=f"visitor {i}") for i in range(3)]
    told: dict[str, list[dict]] = {run.id: [] for run in runs}
    server = None
    try:
        for _restart in range(RESTARTS):
            server = serve(store.home)
            time.sleep(chance.uniform(0.1, 2.5))
            server.send_signal(signal.SIGKILL)
            server.wait()
            assert {run.id for run in store.list()} == set(told)
            for run in runs:
                events = read_events(run.folder)[0]
                assert events[: len(told[run.id])] == told[run.id], "what was told has changed"
                told[run.id] = events
        server = serve(store.home)
        deadline = time.monotonic() + 200
        while any(not store.status(run.id).is_over for run in runs):
            assert time.monotonic() < deadline, [store.state(run.id) for run in runs]
            time.sleep(0.05)
    finally:
        if server is not None:
            server.kill()
            server.wait()
    for run in runs:
        events = read_events(run.folder)[0]
        assert events[: len(told[run.id])] == told[run.id]
        assert store.state(run.id) == "finished" and load_classifier(run.model_path)
        assert [event["type"] for event in events].count("start") == 1
        assert [event["epoch"] for event in events if event["type"] == "epoch"] == list(range(1, 41))


def test_the_seed_holds_beside_three_neighbours(store, make_recipe):
    """The same run alone and in parallel with three others, each in its worker: all recorded numbers are equal bit for bit."""
    recipe = make_recipe(epochs=3, seed=5)
    alone = store.create(recipe)
    _train([alone])
    beside = store.create(recipe)
    _train([store.create(make_recipe(epochs=4, seed=i)) for i in range(3)] + [beside])
    first, second = (untimed(read_events(run.folder)[0]) for run in (alone, beside))
    assert len(first) > 5 and first == second
    other = store.create(replace(recipe, settings={**recipe.settings, "seed": 6}))
    _train([other])
    assert untimed(read_events(other.folder)[0]) != first, "the comparison sees nothing"


def _train(runs) -> None:
    work = "import sys; from pathlib import Path; from vpc2.training.queue.worker import *; train(read_run(Path(sys.argv[1])))"
    workers = [start_forked(work, run.folder) for run in runs]
    assert [worker.wait(120) for worker in workers] == [0] * len(runs)
