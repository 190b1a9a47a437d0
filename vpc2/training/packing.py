"""A run to take home: the script with its pictures as one ZIP."""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

import numpy as np

from vpc2 import codec
from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import ImageSet, units_of
from vpc2.host import MB
from vpc2.predict.classifier import load_classifier
from vpc2.training.checks import fit_to_data
from vpc2.training.code import DATA_NAME, SCRIPT_NAME, to_script
from vpc2.training.events import ALL_STEPS, read_events
from vpc2.training.run import Run
from vpc2.training.schedule import SCHEDULES
from vpc2.training.spec import Recipe
from vpc2.words import Refusal, Text

MOST_BYTES = 200 * MB

_LARGE = Text(
    "The pictures of this run take {found:,} MB; at most {most:,} MB are packed. The recipe can be saved instead.",
    "Las imágenes de este entrenamiento ocupan {found:,} MB; se empaquetan como máximo {most:,} MB. Se puede guardar la receta.",
)
_LONG = Text(
    "The learning rates of this run followed the clock (or were counted as in an earlier version), and it has more steps than are recorded "
    "one by one, so no script gives the same curve.",
    "Las tasas de aprendizaje de este entrenamiento siguieron el reloj (o se contaron como en una versión anterior), y tiene más pasos de "
    "los que se registran uno por uno, así que ningún script da la misma curva.",
)
_README = "Run: python train.py (needs torch and numpy, and what the script's first lines name). It writes curve.csv.\n"


def pack_run(run: Run) -> bytes:
    """Return a ZIP with the run's script, its pictures and its recipe. Raises `Refusal` for what cannot be packed."""
    classifier = load_classifier(run.folder)
    recipe, _ = fit_to_data(run.recipe)
    data = load_dataset(recipe.dataset, recipe.settings["size_px"])
    if data.images.nbytes > MOST_BYTES:
        raise Refusal(_LARGE.fill(found=data.images.nbytes // MB, most=MOST_BYTES // MB))
    events, _ = read_events(run.folder)
    rates = [event["learning_rate"] for event in events if event["type"] == "step"]
    last = max((event["step"] for event in events if event["type"] == "step"), default=0)
    is_cut = has_followed_the_clock(recipe, events)
    if is_cut and last > ALL_STEPS:
        raise Refusal(_LONG)
    means = classifier.preprocessing
    script = to_script(recipe, means.mean, means.std, steps=last if is_cut else None)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(SCRIPT_NAME, script, zipfile.ZIP_DEFLATED)
        archive.writestr(DATA_NAME, pack_pictures(data, rates if is_cut else []), zipfile.ZIP_DEFLATED, 1)
        archive.writestr("recipe.json", codec.to_json(run.recipe))
        archive.writestr("README.txt", _README)
    return out.getvalue()


def has_followed_the_clock(recipe: Recipe, events: list[dict[str, Any]]) -> bool:
    """True where the steps alone do not give a run's learning rates, or where the seconds ended it before its epochs.

    A run that was slow at first and quick later goes through all its epochs, and its rates are still not those of the schedule.
    """
    steps = [event for event in events if event["type"] == "step"]
    planned = [event["planned_epochs"] for event in events if event["type"] == "epoch"]
    if planned and planned[-1] < recipe.settings["epochs"]:
        return True
    total = next((event["steps_per_epoch"] for event in events if event["type"] == "start"), 0) * recipe.settings["epochs"]
    factor, rate = SCHEDULES[recipe.settings["schedule"]].factor, recipe.settings["learning_rate"]
    expected = (rate * factor((event["step"] - 1) / max(total - 1, 1), total) for event in steps)
    return any(not math.isclose(event["learning_rate"], one, rel_tol=1e-9) for event, one in zip(steps, expected, strict=True))


def pack_pictures(data: ImageSet, rates: list[float]) -> bytes:
    """Return the pictures with their classes and the units of the split, as numpy's own file without pickles."""
    units, strata = units_of(data)
    file = io.BytesIO()
    arrays = {"images": data.images, "labels": data.labels.astype(np.int64), "units": units, "strata": strata}
    np.savez(file, **arrays, classes=np.array(data.classes), rates=np.array(rates, dtype=np.float64))
    return file.getvalue()
