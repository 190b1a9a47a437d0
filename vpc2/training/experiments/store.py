"""The store of experiments: two recipes, each trained with the same seeds. The status is derived from the runs' folders.

`home/experiments/<id>/experiment.json` holds the experiment, its owner, and the ids of the runs, paired by seed.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vpc2.codec import from_document, read_json, to_document
from vpc2.knobs import Number, Whole
from vpc2.predict.statistics import Interval, crossed_interval
from vpc2.system.files import atomic_write_json
from vpc2.text import Refusal, Text
from vpc2.training.experiments.comparison import AccuracyGap, Side, hits_of, measure_gap
from vpc2.training.runs.events import curves, last_event, read_events
from vpc2.training.runs.status import status_of
from vpc2.training.runs.store import Run, RunStore
from vpc2.training.settings import SETTINGS
from vpc2.training.spec import Experiment
from vpc2.version import APP

_NO_EXPERIMENT = Text("There is no such experiment; it may have been deleted.")
_NOT_YOURS = Text("This experiment is somebody else's.")
_SAME = Text("Both sides are the same recipe: there is nothing to compare. Change something on one side.")
_OTHER_DATA = Text("Both sides must be tested on the same pictures: choose two recipes of one data set.")
_ID = re.compile(r"[a-z0-9]{8,32}")


@dataclass(frozen=True)
class StoredExperiment:
    """An experiment with owner, time of creation (seconds since 1970) and run ids: one pair (left, right) per seed."""

    id: str
    spec: Experiment
    owner: str
    created: float
    pairs: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return f"{self.spec.left_name} · {self.spec.right_name}"

    @property
    def runs(self) -> tuple[str, ...]:
        """The ids of all runs in the order in which they are trained."""
        return tuple(run_id for pair in self.pairs for run_id in pair)


class ExperimentStore:
    """The experiments of this machine, one folder each under `home/experiments`."""

    def __init__(self, store: RunStore):
        self.store = store
        self.folder = store.home / "experiments"

    def create(self, spec: Experiment, owner: str) -> StoredExperiment:
        """Create an experiment with its runs, not yet queued. Raises `Refusal` for equal recipes or different data sets."""
        if to_document(replace(spec.left, name="")) == to_document(replace(spec.right, name="")):
            raise Refusal(_SAME)
        if spec.left.dataset != spec.right.dataset:
            raise Refusal(_OTHER_DATA)
        pairs = []
        for i, (left, right) in enumerate(spec.recipes(), 1):
            first = self.store.create(left, name=f"{spec.left_name} · {i}", owner=owner)
            second = self.store.create(right, name=f"{spec.right_name} · {i}", owner=owner)
            pairs.append((first.id, second.id))
        experiment = StoredExperiment(secrets.token_hex(8), spec, owner, time.time(), tuple(pairs))
        folder = self.folder / experiment.id
        folder.mkdir(parents=True)
        document = {"app": APP, "owner": owner, "created": experiment.created, "experiment": to_document(spec), "pairs": pairs}
        atomic_write_json(folder / "experiment.json", document)
        return experiment

    def get(self, experiment_id: object) -> StoredExperiment:
        """Return an experiment by its id. Raises `Refusal` if there is none."""
        path = self.folder / str(experiment_id) / "experiment.json"
        if not isinstance(experiment_id, str) or not _ID.fullmatch(experiment_id) or not path.is_file():
            raise Refusal(_NO_EXPERIMENT)
        document = read_json(path.read_bytes())
        spec = from_document(document["experiment"], "experiment").spec
        pairs = tuple((str(left), str(right)) for left, right in document["pairs"])
        return StoredExperiment(experiment_id, spec, str(document["owner"]), float(document["created"]), pairs)

    def list(self, owner: str) -> list[StoredExperiment]:
        """Return an owner's experiments, newest first."""
        experiments = []
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            try:
                experiments.append(self.get(folder.name))
            except Refusal:
                continue
        return sorted((experiment for experiment in experiments if experiment.owner == owner), key=lambda experiment: -experiment.created)

    def delete(self, experiment_id: object, *, by: str) -> None:
        """Delete an experiment; its runs are kept as ordinary runs."""
        if self.get(experiment_id).owner != by:
            raise Refusal(_NOT_YOURS)
        shutil.rmtree(self.folder / str(experiment_id))


@dataclass(frozen=True)
class ExperimentStatus:
    """The status of an experiment: accuracies and seconds (left, right) of complete pairs, the gap if there is any, and what is missing.

    `going` is the number of runs that are not over, `sides` the interval of each side's accuracy.
    """

    accuracies: tuple[tuple[float, float], ...]
    seconds: tuple[tuple[float, float], ...]
    gap: AccuracyGap | None
    going: int
    lost: tuple[str, ...]  # names of runs that ended without a test result
    pictures: int = 0  # test images per run
    sides: tuple[Interval, Interval] | None = None

    @property
    def is_over(self) -> bool:
        return self.going == 0

    def side(self, which: int, name: str) -> Side:
        """Return the means of one side: 0 for left, 1 for right."""
        accuracy, seconds = (float(np.mean([pair[which] for pair in each])) for each in (self.accuracies, self.seconds))
        low, high = (max(self.sides[which].low, 0.0), min(self.sides[which].high, 1.0)) if self.sides else (0.0, 1.0)
        return Side(name, accuracy, seconds, low, high)


def read_experiment_status(experiment: StoredExperiment, store: RunStore) -> ExperimentStatus:
    """Return the status of an experiment from its runs' events; pairs with a lost run are left out, and the lost runs named."""
    accuracies: list[tuple[float, float]] = []
    seconds: list[tuple[float, float]] = []
    hits: list[tuple[np.ndarray, np.ndarray]] = []
    lost: list[str] = []
    going = 0
    groups: list[int] | None = None
    for pair in experiment.pairs:
        ends = []
        for run_id in pair:
            run = _get_run(store, run_id)
            status = status_of(run.folder) if run is not None else None
            end = last_event(run.folder) if run is not None else None
            if status is not None and not status.is_over:
                going += 1
            elif end is None or end["type"] != "end" or end.get("test_accuracy") is None or not end.get("test_hits"):
                lost.append(run.name if run is not None else run_id)
            else:
                ends.append(end)
        if len(ends) == 2:
            left, right = ends
            accuracies.append((left["test_accuracy"], right["test_accuracy"]))
            seconds.append((left["elapsed_s"] + copies_s(store, pair[0]), right["elapsed_s"] + copies_s(store, pair[1])))
            hits.append((_hits_of(left), _hits_of(right)))
            groups = left.get("test_groups")
    if not hits:
        return ExperimentStatus((), (), None, going, tuple(lost))
    first, second = (np.stack([pair[side] for pair in hits]) for side in (0, 1))
    sides = crossed_interval(first, groups), crossed_interval(second, groups)
    gap = measure_gap(first, second, groups)
    return ExperimentStatus(tuple(accuracies), tuple(seconds), gap, going, tuple(lost), first.shape[1], sides)


def _hits_of(end: dict[str, Any]) -> np.ndarray:
    hits = hits_of(end)
    assert hits is not None  # the pair is complete
    return hits


def validation_curves(experiment: StoredExperiment, store: RunStore) -> tuple[list[list[float]], list[list[float]]]:
    """Return validation accuracy by epoch for both sides, one curve per seed; runs without validation are left out."""
    sides: tuple[list, list] = ([], [])
    for pair in experiment.pairs:
        for side, run_id in zip(sides, pair, strict=True):
            values = curves(read_events(store.folder / run_id)[0])["epochs"]["val_accuracy"]
            if values and None not in values:
                side.append(values)
    return sides


def is_still_rising(seeds: Sequence[Sequence[float]]) -> bool:
    """Return whether validation accuracy (one curve per seed) was still rising at the end: more epochs might change the verdict.

    The mean over seeds of the last quarter is compared with that of the quarter before; it counts as rising by one percentage point
    or more that is also at least twice the noise of the curve.
    """
    length = min((len(curve) for curve in seeds), default=0)
    if length < 2:
        return False
    mean = np.mean([curve[:length] for curve in seeds], axis=0)
    window = max(1, length // 4)
    rise = float(mean[-window:].mean() - mean[-2 * window : -window].mean())
    noise = float(np.sqrt((np.diff(mean, 2) ** 2).mean() / 6)) if length > 2 else 0.0  # zero for a straight line
    return rise > max(0.01, 2 * noise * (2 / window) ** 0.5)


def more_epochs(spec: Experiment) -> Experiment:
    """Return the experiment with twice the epochs and twice the time budget on both sides, within the limits of the settings."""
    sides = [replace(side, settings=SETTINGS.clean(_doubled(side.settings))) for side in (spec.left, spec.right)]
    return replace(spec, left=sides[0], right=sides[1])


def _doubled(settings: dict[str, Any]) -> dict[str, Any]:
    changed = dict(settings)
    for key in ("epochs", "budget_s"):
        knob = SETTINGS.knob(key)
        assert isinstance(knob, Number | Whole)
        changed[key] = min(2 * settings[key], knob.high)
    return changed


def copies_s(store: RunStore, run_id: str) -> float:
    """Return the seconds a run spent on augmented copies before its first step, which count as cost of offline augmentation."""
    events, _ = read_events(store.folder / run_id, 0, limit=1)
    return float(events[0].get("copies_s", 0.0)) if events else 0.0


def _get_run(store: RunStore, run_id: str) -> Run | None:
    try:
        return store.get(run_id)
    except Refusal:
        return None
