"""Live curves of loss, accuracy and learning rate, and the progress of a run; polls the server for events, without reruns of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vpc2.ui.addresses import base_path
from vpc2.ui.components.definition import component

WORDS = {
    "loss": "loss",
    "accuracy": "accuracy",
    "learning_rate": "learning rate",
    "step": "step",
    "train": "training",
    "validation": "validation",
    "smoothed": "smoothed",
    "best": "best epoch",
    "waiting": "waiting for the first step…",
    "nothing": "ended before the first step",
    "summary": "Loss and accuracy of training and validation, step by step",
    "smoothing": "Smoothing",
    "log": "Loss on a log scale",
    "progress": "progress",
    "preparing": "preparing the pictures: {n} %",
    "epoch": "epoch {n}",
    "epochOf": "epoch {n} of {total}",
    "time": "{s} s of training, budget {budget} s",
    "left": "about {s} s left",
    "speed": "{n} pictures a second",
    "bestSoFar": "best so far: epoch {n}, {a} in validation",
    "bestLast": "best so far: epoch {n}",
}
_FOLDER = Path(__file__).parent


def live_curves(
    runs: Sequence[Mapping[str, Any]],
    *,
    key: str,
    words: Mapping[str, str] | None = None,
    height: int = 280,
    has_charts: bool = True,
) -> None:
    """Draw the curves of the runs, updated until every run is over. `height` is that of a panel, in px.

    A run is `{"id", "label"}`, optionally with `hue`, with `state` (polling restarts when a run was resumed), and with `record`, the
    complete response of the route, where the routes are not served. A single run also shows its progress; with `has_charts` False,
    only that.
    """
    data = {
        "runs": [{"hue": "", "state": "", "record": None, **run, "id": str(run["id"]), "label": str(run["label"])} for run in runs],
        "base": base_path(),
        "words": {**WORDS, **(words or {})},
        "height": int(height),
        "hasCharts": has_charts,
    }
    component("vpc2.live_curves", _FOLDER, "view.js", "series.js", "drawing.js")(key=key, data=data)
