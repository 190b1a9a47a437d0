"""The app's routes over HTTP, without Streamlit: valid and hostile requests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.training.runs.test_snapshot_writer import make_look
from vpc2.training.presets import RECIPES
from vpc2.training.runs.events import FILE_NAME, EventWriter
from vpc2.training.runs.snapshot_writer import SnapshotWriter, to_numbers
from vpc2.training.runs.store import RunStore
from vpc2.training.tensorboard.sink import TensorBoardSink
from vpc2.ui.server import routes, tensorboard

ROOT = Path(__file__).parents[3]


@pytest.fixture
def client():
    # Routes of its own: what one test's TensorBoard has read, the next one does not see.
    with TestClient(Starlette(routes=routes.routes(), middleware=routes.MIDDLEWARE), follow_redirects=False) as client:
        yield client


def make_run(name):
    return RunStore().create(RECIPES["digits"].recipe, name=name)


@pytest.fixture
def run():
    return make_run("<b>digits</b>/one")


def record(run, end="finished"):
    """Write six steps, an epoch and the end to the run's events and its TensorBoard files."""
    epoch = {"epoch": 1, "step": 6, "train_loss": 0.3, "train_accuracy": 0.5, "val_loss": float("nan"), "val_accuracy": 0.75}
    events = [
        {"type": "start", "epochs": 2, "steps_per_epoch": 3, "classes": ["a", "b"], "counts": {"train": 6}},
        *({"type": "step", "step": n, "epoch": 1, "loss": 1 / 3 / n, "accuracy": 0.5, "learning_rate": 0.1} for n in range(1, 7)),
        {"type": "epoch", **epoch, "images_per_s": 10.0, "elapsed_s": 1.0, "planned_epochs": 2, "is_best": True},
        {"type": "note", "text": {"en": "x", "es": "x"}},
    ]
    if end:
        events.append({"type": "end", "state": end, "reason": None, "test_accuracy": 0.5, "confusion": [[1, 0], [0, 1]], "best_epoch": 1})
    writer, sink = EventWriter(run.folder), TensorBoardSink(run)
    for event in events:
        sink(writer.write(event))
    writer.close()
    sink.close()


def test_a_run_streams_its_events_once_each(client, run):
    record(run, end="")
    first = client.get(f"/api/runs/{run.id}")
    assert first.headers["content-type"] == "application/json" and first.headers["cache-control"] == "no-store"
    body = first.json()
    assert body["state"] == "queued" and not body["more"]
    assert [event["type"] for event in body["events"]] == ["start", *["step"] * 6, "epoch"]
    assert body["events"][1] == {"type": "step", "step": 1, "loss": 0.33333, "accuracy": 0.5, "learning_rate": 0.1}
    assert body["events"][-1]["val_loss"] is None and body["events"][-1]["is_best"] is True
    again = client.get(f"/api/runs/{run.id}?since={body['next']}").json()
    assert again["events"] == [] and again["next"] == body["next"]
    writer = EventWriter(run.folder)
    writer.write({"type": "end", "state": "stopped", "reason": None, "best_epoch": 1})
    writer.close()
    last = client.get(f"/api/runs/{run.id}?since={body['next']}").json()
    assert last["state"] == "stopped" and last["events"] == [{"type": "end", "best_epoch": 1}]
    assert again["t"] is None and last["t"] >= body["t"] >= body["events"][-1]["t"] >= 0


def test_the_latest_look_is_told_once_and_its_pictures_lie_beside(client, run):
    address = f"/api/runs/{run.id}/look"
    assert client.get(address).status_code == 204
    write = SnapshotWriter(run.folder).write_snapshot
    write(make_look(step=120))
    found = client.get(address)
    assert found.headers["cache-control"] == "no-store" and found.headers["run-state"] == "queued"
    assert found.json() == to_numbers(make_look(step=120))
    assert client.get(f"{address}?since=120").status_code == 204
    record(run)
    still = client.get(f"{address}?since=120")
    assert still.status_code == 204 and still.headers["run-state"] == "finished" and still.content == b""
    write(make_look(step=140))
    assert client.get(f"{address}?since=120").json()["step"] == 140
    for name in ("batch", "mistakes"):
        sheet = client.get(f"/api/runs/{run.id}/{name}.jpg?step=120")
        assert sheet.headers["content-type"] == "image/jpeg" and sheet.headers["cache-control"] == "no-store"
        assert sheet.content == (run.folder / f"{name}-120.jpg").read_bytes()
        for step in ("", "?step=7", "?step=-1", "?step=../../x", "?step=" + "9" * 5000):
            assert client.get(f"/api/runs/{run.id}/{name}.jpg{step}").status_code == 404


@pytest.mark.parametrize("bad", ["0" * 16, "short", "A" * 5000, "..%2f..%2fetc", "%2e%2e", "%00%00%00%00%00%00%00%00"])
@pytest.mark.parametrize("leaf", ["look", "batch.jpg", "mistakes.jpg"])
def test_a_look_of_no_run_is_refused(client, run, bad, leaf):
    found = client.get(f"/api/runs/{bad}/{leaf}?step=1")
    assert found.status_code == 404 and str(RunStore().folder) not in found.text
    assert client.get(f"/api/runs/{run.id}/spec.json").status_code == 404
    assert client.post(f"/api/runs/{run.id}/{leaf}").status_code == 405


def test_a_long_record_comes_in_parts(client, run):
    steps = routes.MAX_EVENTS + 10
    lines = ({"n": n, "t": 0.0, "type": "step", "step": n + 1, "loss": 1.0, "accuracy": 0.5} for n in range(steps))
    (run.folder / FILE_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    first = client.get(f"/api/runs/{run.id}").json()
    second = client.get(f"/api/runs/{run.id}?since={first['next']}").json()
    assert first["more"] and not second["more"]
    assert [event["step"] for event in first["events"] + second["events"]] == list(range(1, steps + 1))


@pytest.mark.parametrize("since", ["-1", "x", "", "1e9", "٣", "9" * 5000, "0x1", "3;drop"])
def test_a_since_that_is_no_number_asks_from_the_start(client, run, since):
    record(run)
    assert client.get(f"/api/runs/{run.id}", params={"since": since}).json()["events"][0]["type"] == "start"


@pytest.mark.parametrize("bad", ["0" * 16, "short", "ABCDEFGH12", "a" * 33, "A" * 5000, "........", "%00%00%00%00%00%00%00%00"])
def test_an_unknown_run_is_one_sentence_in_each_language(client, run, bad):
    found = client.get(f"/api/runs/{bad}")
    assert found.status_code == 404 and found.headers["content-type"] == "application/json"
    assert found.json()["error"].endswith(".") and found.json()["error_es"].endswith(".")
    assert found.json()["error"] != found.json()["error_es"]


@pytest.mark.parametrize("path", ["..%2f..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e", "..", ".%2e/spec.json"])
def test_no_path_leads_out_of_the_runs(client, run, path):
    for where in ("api/runs", "tensorboard"):
        found = client.get(f"/{where}/{path}")
        assert found.status_code == 404 and "root:" not in found.text and str(RunStore().folder) not in found.text


def test_only_reading_is_answered(client, run):
    assert client.post(f"/api/runs/{run.id}").status_code == 405
    assert client.delete(f"/api/runs/{run.id}").status_code == 405


def test_health_and_headers(client):
    found = client.get("/api/health")
    assert found.status_code == 200 and found.json()["status"] == "ok"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'self'" in found.headers["content-security-policy"]
    assert found.headers["referrer-policy"] == "same-origin"


def test_routes_follow_the_base_path():
    with TestClient(Starlette(routes=routes.routes("/lab/"))) as client:
        assert client.get("/lab/api/health").status_code == 200
        assert client.get("/lab/tensorboard/").status_code == 200
        assert client.get("/api/health").status_code == 404


def scalars(client, where=""):
    tags = client.get(f"/tensorboard/{where}data/plugin/scalars/tags").json()
    return {run: set(inner) for run, inner in tags.items()}


def test_tensorboard_shows_the_runs_that_the_address_names(client, run):
    other = make_run("other")
    for each in (run, other):
        record(each)
    one, two = f"<b>digits<-b>-one ({run.id})", f"other ({other.id})"
    assert client.get("/tensorboard?regexInput=a").headers["location"] == "/tensorboard/?regexInput=a"
    page = client.get("/tensorboard/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html") and "tb-relative-root" in page.text
    assert client.get("/tensorboard/data/environment").json()["data_location"] == "vpc2"  # no folder of the machine
    assert client.get(f"/tensorboard/{run.id}").headers["location"] == f"/tensorboard/{run.id}/"
    assert client.get(f"/tensorboard/{run.id}/").status_code == 200
    assert scalars(client).keys() == {one, two}
    assert scalars(client, f"{run.id}/").keys() == {one}
    assert scalars(client, f"{run.id}+{other.id}/").keys() == {one, two}
    assert {"loss/train", "accuracy/validation"} <= scalars(client, f"{other.id}/")[two]
    points = client.get(f"/tensorboard/{other.id}/data/plugin/scalars/scalars", params={"run": two, "tag": "loss/train"}).json()
    assert [point[1] for point in points] == [1, 2, 3, 4, 5, 6]
    assert points[0][2] == pytest.approx(1 / 3)
    # As TensorBoard's own page asks.
    assert set(client.get("/tensorboard/experiment/defaultExperimentId/data/runs").json()) == {one, two}
    assert client.get(f"/tensorboard/{run.id}/experiment/defaultExperimentId/data/runs").json() == [one]


def test_tensorboard_lists_everyones_runs_only_where_visitors_may_see_them(client, run, monkeypatch):
    record(run)
    monkeypatch.setattr(tensorboard, "RELOAD_S", 0.0)
    monkeypatch.setattr(st, "get_option", {"server.address": "0.0.0.0"}.get)
    assert scalars(client) == {}
    headers = {"Tensorboard-Experiment-Id": run.id}
    assert client.get("/tensorboard/data/plugin/scalars/tags", headers=headers).json() == {}
    assert len(scalars(client, f"{run.id}/")) == 1  # who has the id may look
    monkeypatch.setenv("VPC2_SHARED_RUNS", "1")
    assert len(scalars(client)) == 1


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via"])
def test_behind_a_proxy_nobody_sees_everyones_runs(client, run, monkeypatch, header):
    """Caddy and other proxies listen publicly and forward to this server: listening on loopback alone is then no protection."""
    record(run)
    monkeypatch.setattr(tensorboard, "RELOAD_S", 0.0)
    monkeypatch.setattr(st, "get_option", {"server.address": "127.0.0.1"}.get)
    asked = lambda where="": client.get(f"/tensorboard/{where}data/plugin/scalars/tags", headers={header: "192.0.2.7"}).json()  # noqa: E731
    assert len(scalars(client)) == 1 and asked() == {}
    assert len(asked(f"{run.id}/")) == 1  # who has the id may look
    assert client.get("/tensorboard/", headers={header: "192.0.2.7"}).status_code == 200
    monkeypatch.setenv("VPC2_SHARED_RUNS", "1")
    assert len(asked()) == 1


def test_tensorboard_forgets_a_deleted_run(client, run, monkeypatch):
    monkeypatch.setattr(tensorboard, "RELOAD_S", 0.0)
    record(run)
    assert len(scalars(client, f"{run.id}/")) == 1
    RunStore().delete(run.id, by=run.owner)
    assert scalars(client, f"{run.id}/") == {}


def test_the_front_door_opens_without_the_heavy_libraries():
    script = (
        "import sys\nfrom vpc2.system import host\nasked = []\nhost.keep_freed_memory = lambda: asked.append(True)\n"
        "import streamlit_app\nassert asked == [True]\n"
        "assert streamlit_app.app.script_path.is_file() and streamlit_app.app.script_path.is_absolute()\n"
        "print(sorted({'torch', 'torchvision', 'kornia', 'tensorboard', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_preload_brings_the_libraries_once_and_freezes_them():
    script = (
        "import gc, sys, threading\n"
        "from vpc2.ui.server import preload\n"
        "assert 'torch' not in sys.modules and not preload.READY.is_set()\n"
        "preload.start()\nbefore = threading.active_count()\npreload.start()\n"
        "assert threading.active_count() <= before and preload.READY.wait(120)\n"
        "print('torch' in sys.modules, 'kornia.augmentation' in sys.modules, gc.get_freeze_count() > 100_000)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "True True True"
