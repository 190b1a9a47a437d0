"""The exported script, executed in a process without vpc2, gives the curve of the run."""

import csv
import io
import os
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, edit_add, edit_mix
from vpc2.nets.spec import make_net
from vpc2.predict.spec import Backbone
from vpc2.training.code import CURVE_NAME, SCRIPT_NAME
from vpc2.training.events import read_events
from vpc2.training.packing import pack_run
from vpc2.training.worker import train

FLIP = edit_add(Pipeline(), "RandomHorizontalFlip", {"p": 0.5})
COLOUR = make_net(
    "colour",
    (3, 8, 8),
    ("Residual", {}, [[("Conv2d", {"out_channels": 8, "kernel_size": 3, "padding": 1}), "BatchNorm2d", "ReLU"]]),
    "GlobalAvgPool",
    ("Dropout", {"p": 0.2}),
    ("Linear", {"out_features": 10}),
)
CASES = {
    "plain": {},
    "sgd, steps, smoothing, clipping": {
        "optimiser": "sgd",
        "schedule": "step",
        "learning_rate": 0.05,
        "label_smoothing": 0.1,
        "clip_norm": 0.5,
        "momentum": 0.8,
    },
    "adam, cosine, weights": {"optimiser": "adam", "schedule": "cosine", "imbalance": 5.0, "balance": "weights"},
    "sampling, constant, patience": {"schedule": "constant", "imbalance": 5.0, "balance": "sampling", "patience": 1, "epochs": 6},
    "online": {"pipeline": PIPELINES["gentle"].pipeline},
    "offline, balanced": {"pipeline": FLIP, "augment": "both", "copies": 1, "imbalance": 4.0, "balance": "augmentation"},
    "mixed": {"pipeline": edit_mix(FLIP, "RandomCutMixV2", {})},
    "mixed in pieces": {"pipeline": edit_mix(Pipeline(), "RandomMosaic", {}), "balance": "weights", "imbalance": 3.0},
    "attacked in one step": {"adversary": "fgsm", "adversary_epsilon": 0.05, "net": COLOUR},
    "attacked in ten": {"adversary": "pgd", "adversary_share": 1.0, "epochs": 1},
    "attacked by length, augmented, mixed": {
        "adversary": "pgd_l2",
        "adversary_epsilon": 0.5,
        "pipeline": edit_mix(FLIP, "RandomCutMixV2", {}),
        "epochs": 1,
    },
    "colour, with a block": {"net": COLOUR},
}


def run_script(packed: bytes, place) -> list[dict[str, str]]:
    """Unpack a ZIP, execute its script alone and return the rows of the curve it wrote."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(place)
    assert "vpc2." not in (place / SCRIPT_NAME).read_text().replace("a run of vpc2", "")
    env = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads()), "PYTHONPATH": ""}
    done = subprocess.run([sys.executable, SCRIPT_NAME], cwd=place, env=env, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "test loss" in done.stdout
    with (place / CURVE_NAME).open() as file:
        return list(csv.DictReader(file))


def compare(run, place, rel):
    events, _ = read_events(run.folder)
    ours = [event for event in events if event["type"] == "step"]
    theirs = run_script(pack_run(run), place)
    assert len(theirs) == len(ours)
    assert [float(row["learning_rate"]) for row in theirs] == pytest.approx([event["learning_rate"] for event in ours], rel=1e-9)
    assert [float(row["loss"]) for row in theirs] == pytest.approx([event["loss"] for event in ours], rel=rel)


@pytest.mark.parametrize("name", CASES)
def test_the_script_gives_the_curve(store, make_recipe, tmp_path, name):
    given = dict(CASES[name])
    pipeline, net = given.pop("pipeline", None), given.pop("net", None)
    recipe = replace(make_recipe(**{"epochs": 2, **given}), pipeline=pipeline)
    recipe = recipe if net is None else replace(recipe, net=net)
    run = store.create(recipe)
    assert train(run) == "finished"
    # The quicker ways of the app's own operations and its fewer passes over a batch round a little differently.
    # Under an attack the sign of a gradient that is almost nothing decides a whole step of a pixel: rounding grows, and no more.
    compare(run, tmp_path / "out", 2e-2 if recipe.is_attacked else 2e-3 if pipeline is not None else 1e-4)


def test_a_run_that_the_seconds_ended_takes_its_rates_along(store, make_recipe, tmp_path):
    run = store.create(make_recipe(epochs=10_000, budget_s=1.5))
    assert train(run) == "finished"
    compare(run, tmp_path / "out", 1e-3)


@pytest.mark.parametrize("backbone", [Backbone(), Backbone("resnet18"), Backbone("mobilenet_v3_small"), Backbone(is_frozen=False)], ids=str)
def test_a_backbone_too(store, make_recipe, tmp_path, monkeypatch, backbone, stand_in_weights):
    from vpc2.training import loop, packing

    if backbone.ready != "imagenet":
        stand_in_weights(backbone.ready)
    rng = np.random.default_rng(0)
    from vpc2.data.imageset import ImageSet

    data = ImageSet(rng.integers(0, 255, (60, 32, 32, 3), np.uint8), np.arange(60) % 10, tuple("0123456789"))
    monkeypatch.setattr(loop, "load_dataset", lambda key, size_px: data)
    monkeypatch.setattr(packing, "load_dataset", lambda key, size_px: data)
    run = store.create(replace(make_recipe(epochs=2, size_px=32), net=backbone))
    assert train(run) == "finished"
    compare(run, tmp_path / "out", 1e-3)
