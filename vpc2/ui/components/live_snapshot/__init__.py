"""Live snapshot of a training run: its last batch, confusion matrix, mistakes or layer statistics; polls the server, without reruns."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vpc2.ui.addresses import base_path
from vpc2.ui.components.definition import component

VIEWS = ("batch", "classes", "mistakes", "layers")
WORDS = {
    "waiting": "the first look comes after an epoch…",
    "nothing": "ended before the first look",
    "batch": "Epoch {epoch}, step {step}: the last batch, as the net saw it.",
    "classes": "Epoch {epoch}: {right} of {n} validation pictures right, {a} ({low} to {high}).",
    "mistakes": "Epoch {epoch}: the wrong answers that the net is surest of.",
    "layers": "Epoch {epoch}, step {step}: the weights of each layer and their last gradients.",
    "noValidation": "There are no validation pictures.",
    "noMistakes": "Epoch {epoch}: all {n} validation pictures right.",
    "matrix": "Rows: true class; columns: answer",
    "arrows": "Arrow keys move from cell to cell.",
    "perClass": "Accuracy per class",
    "share": "{a} ({low} to {high}), {right} of {n}",
    "worst": "Taken for another most often",
    "pair": "{true} taken for {predicted}: {n} ×",
    "picture": "picture {n}",
    "isTrue": "is {true}",
    "taken": "taken for {predicted}, {p} sure",
    "layersTitle": "Weights and gradients per layer",
    "layer": "layer",
    "weights": "weights",
    "gradients": "gradients",
    "ratio": "length of gradient / weights",
    "count": "{n} values",
    "spread": "histogram from {low} to {high}",
    "between": "{low} … {high}",
    "moments": "mean {mean}, deviation {std}",
    "broken": "{n} are no finite numbers",
    "frozen": "frozen",
}
_FOLDER = Path(__file__).parent


def live_snapshot(
    run_id: str,
    view: str,
    *,
    key: str,
    state: str = "",
    words: Mapping[str, str] | None = None,
    snapshot_data: tuple[Mapping[str, Any], Mapping[str, bytes]] | None = None,
) -> None:
    """Draw one of `VIEWS` of a run's latest snapshot; it is polled until the run is over, and only while visible.

    `state` is the run's (polling restarts when a run was resumed). Where the routes are not served, `snapshot_data` holds the
    snapshot's numbers and its image sheets as JPEG by name.
    """
    snapshot = None
    if snapshot_data is not None:
        numbers, sheets = snapshot_data
        snapshot = {
            "look": numbers,
            **{name: "data:image/jpeg;base64," + base64.b64encode(sheet).decode() for name, sheet in sheets.items()},
        }
    data = {
        "run": run_id,
        "view": view,
        "state": state,
        "base": base_path(),
        "words": {**WORDS, **(words or {})},
        "snapshot": snapshot,
    }
    component("vpc2.live_snapshot", _FOLDER)(key=key, data=data)
