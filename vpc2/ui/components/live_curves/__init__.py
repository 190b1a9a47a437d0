"""Loss, accuracy and learning rate as they happen, and how far a run is: asks the server for its events, without reruns."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from vpc2.ui.addresses import base_path

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


@functools.cache
def _component() -> Any:
    html, css, js = ((_FOLDER / f"view.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("vpc2.live_curves", html=html, css=css, js=js)


def live_curves(
    runs: Sequence[Mapping[str, Any]],
    *,
    key: str,
    words: Mapping[str, str] | None = None,
    height: int = 280,
    has_charts: bool = True,
) -> None:
    """Draw the curves of the runs; they go on moving until every run is over. `height` is a panel's, in px.

    A run is `{"id", "label"}`, with a `hue` of its own perhaps, with `state` where it is known (a run that is taken up again is
    asked for again), and with `given`, the whole answer of the route, where there is no route. One run alone has its progress
    above; without charts, only that.
    """
    data = {
        "runs": [{"hue": "", "state": "", "given": None, **run, "id": str(run["id"]), "label": str(run["label"])} for run in runs],
        "base": base_path(),
        "words": {**WORDS, **(words or {})},
        "height": int(height),
        "hasCharts": has_charts,
    }
    _component()(key=key, data=data)
