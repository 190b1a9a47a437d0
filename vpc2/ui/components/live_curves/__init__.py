"""Loss, accuracy and learning rate as they happen: a canvas that asks the server for a run's events by itself, without reruns."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

WORDS = {
    "loss": "loss",
    "accuracy": "accuracy",
    "step": "step",
    "train": "training",
    "validation": "validation",
    "smoothed": "smoothed",
    "best": "best epoch",
    "waiting": "waiting for the first step…",
    "nothing": "ended before the first step",
    "learning_rate": "learning rate, as it is",
    "preparing": "preparing:",
    "epoch_of": "epoch {n} of {of}",
    "left": "{s} s left",
    "pace": "{n} pictures/s",
    "smoothing": "Smoothing",
    "log": "Log scale",
    "summary": "Loss and accuracy of training and validation, step by step",
}
_FOLDER = Path(__file__).parent


@functools.cache
def _component() -> Any:
    html, css, js = ((_FOLDER / f"view.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("vpc2.live_curves", html=html, css=css, js=js)


def live_curves(runs: Sequence[Mapping[str, str]], *, key: str, words: Mapping[str, str] | None = None, height: int = 280) -> None:
    """Draw the curves of the runs, each `{"id", "label"}` and perhaps a `"hue"`; they go on moving until every run is over.

    `height` is a panel's, in px.
    """
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    # Own routes are served at the root even under a base path, unless a proxy in front lets only the base path through.
    bases = [f"/{base}", ""] if base else [""]
    data = {
        "runs": [{name: str(run[name]) for name in ("id", "label", "hue") if name in run} for run in runs],
        "bases": bases,
        "words": {**WORDS, **(words or {})},
        "height": int(height),
    }
    _component()(key=key, data=data)
