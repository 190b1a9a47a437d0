"""The ZIP export of a run: script, images, recipe and initial weights."""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors.torch import save

from vpc2 import codec
from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import ImageSet, units_of
from vpc2.predict.classifier import Classifier, load_classifier
from vpc2.system.host import MB
from vpc2.text import Refusal, Text
from vpc2.training.checks import fit_to_data
from vpc2.training.export.loop_code import is_written
from vpc2.training.export.script import DATA_NAME, SCRIPT_NAME, START_WEIGHTS, to_script
from vpc2.training.runs.events import ALL_STEPS, read_events
from vpc2.training.runs.file_names import START_NAME
from vpc2.training.runs.store import Run
from vpc2.training.schedule import SCHEDULES, Plan
from vpc2.training.spec import Recipe
from vpc2.version import APP

MAX_BYTES = 200 * MB

_LARGE = Text("The pictures of this run take {found:,} MB; at most {most:,} MB are packed. The recipe can be saved instead.")
_LONG = Text(
    "The learning rates of this run followed the clock (or were counted as in an earlier version), and it has more steps than are recorded "
    "one by one, so no script gives the same curve."
)
_README = "Run: python train.py (needs torch and numpy, and what the script's first lines name). It writes curve.csv.\n"


def pack_run(run: Run) -> bytes:
    """Return a ZIP with the run's script, images and recipe, and its initial weights if they came from another run.

    Raises `Refusal` if the run cannot be exported.
    """
    classifier = load_classifier(run.folder)
    recipe, _ = fit_to_data(run.recipe)
    data = load_dataset(recipe.dataset, recipe.settings["size_px"])
    if data.images.nbytes > MAX_BYTES:
        raise Refusal(_LARGE.fill(found=data.images.nbytes // MB, most=MAX_BYTES // MB))
    history, start = read_run_history(recipe, read_events(run.folder)[0]), run.folder / START_NAME
    preprocessing, has_start = classifier.preprocessing, start.is_file()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.comment = APP.encode()
        script = to_script(recipe, preprocessing.mean, preprocessing.std, has_start=has_start, **history.arguments)
        archive.writestr(SCRIPT_NAME, script, zipfile.ZIP_DEFLATED)
        archive.writestr(DATA_NAME, pack_pictures(data, history.rates), zipfile.ZIP_DEFLATED, 1)
        if has_start:
            archive.writestr(START_WEIGHTS, pack_weights(load_classifier(start)))
        archive.writestr("recipe.json", codec.to_json(run.recipe))
        archive.writestr("README.txt", _README)
    return out.getvalue()


@dataclass(frozen=True)
class RunHistory:
    """What the script needs to know of a run beyond its recipe: `arguments` of `to_script`, and learning rates per step to store.

    `rates` is empty if the script can compute them.
    """

    arguments: dict[str, Any]
    rates: list[float]


def read_run_history(recipe: Recipe, events: list[dict[str, Any]]) -> RunHistory:
    """Return the history of a run from its events.

    Raises `Refusal` if its learning rates depended on the clock and not every step is recorded.
    """
    start = next((event for event in events if event["type"] == "start"), None)
    if start is None:
        return RunHistory({}, [])
    arguments: dict[str, Any] = {name: start[name] for name in ("device", "precision", "threads") if name in start}
    recorded_rates = {event["step"]: event["learning_rate"] for event in events if event["type"] == "step"}
    epochs = {event["step"] for event in events if event["type"] == "epoch"}
    last, state = max([0, *recorded_rates, *epochs]), events[-1].get("state", "")
    steps, is_function = start["steps_per_epoch"] * recipe.settings["epochs"], is_written(recipe.settings["schedule"])
    planned = planned_rates(recipe, start["steps_per_epoch"], last if is_function else steps)
    if state in ("stopped", "failed"):
        arguments |= {"last": last, "is_scored": state == "stopped" and last in epochs, "is_stopped": state == "stopped"}
    is_cut = state == "finished" and last < steps and not _ran_out_of_patience(recipe, events)
    is_clocked = is_cut or any(rate != planned[step - 1] for step, rate in recorded_rates.items())
    if not is_clocked:
        return RunHistory(arguments, [] if is_function else planned)
    if last > ALL_STEPS:
        raise Refusal(_LONG)
    return RunHistory({**arguments, "steps": last}, [recorded_rates[step] for step in sorted(recorded_rates)])


def planned_rates(recipe: Recipe, steps_per_epoch: int, count: int) -> list[float]:
    """Return the learning rates of the first `count` steps of a run that is ended by its epochs, not by the time budget."""
    settings, schedule = recipe.settings, SCHEDULES[recipe.settings["schedule"]]
    plan, rates = Plan(steps_per_epoch, settings["epochs"], math.inf), []
    for step in range(count):
        rates.append(settings["learning_rate"] * schedule.at(plan.progress, plan.total))
        plan.advance(step + 1, 0.0)
    return rates


def _ran_out_of_patience(recipe: Recipe, events: list[dict[str, Any]]) -> bool:
    """True if early stopping ended the run: no improvement for as many epochs as the recipe's `patience`."""
    epochs = [event for event in events if event["type"] == "epoch"]
    best = max((event["epoch"] for event in epochs if event["is_best"]), default=0)
    return 0 < recipe.settings["patience"] <= (epochs[-1]["epoch"] if epochs else 0) - best


def pack_weights(classifier: Classifier) -> bytes:
    """Return a classifier's weights as a safetensors file, named by their index in the state dict: names differ in the script."""
    state = classifier.module.state_dict().values()
    return save({str(i): value.detach().cpu().contiguous() for i, value in enumerate(state)})


def pack_pictures(data: ImageSet, rates: list[float]) -> bytes:
    """Return the images with labels, classes and the units of the split as an `.npz` file without pickled objects."""
    units, strata = units_of(data)
    file = io.BytesIO()
    np.savez(
        file,
        images=data.images,
        labels=data.labels.astype(np.int64),
        units=units,
        strata=strata,
        classes=np.array(data.classes),
        rates=np.array(rates, dtype=np.float64),
    )
    return file.getvalue()
