"""What the page shows of a run's latest look: numbers and sheets of pictures in the run's folder. No torch.

`look.json` the numbers of the latest look · `batch-<step>.jpg`, `mistakes-<step>.jpg` the sheets of pictures it speaks of.
A sheet carries its step in its name and is written before the numbers, so that whoever has read the numbers finds the very
pictures they speak of; those of the look before stay one look longer.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vpc2.files import atomic_write
from vpc2.shares import wilson
from vpc2.training.runs.snapshot import LayerSnapshot, Snapshot
from vpc2.training.runs.snapshot_files import FILE_NAME, SHEETS, sheet_path

TILE_PX = 96  # a picture's longer side on a sheet, at most; smaller ones are enlarged by a whole factor, pixel by pixel
COLUMNS = 8
BINS = 32
SAMPLE = 8_000  # values of a layer that its histogram counts; the other numbers are of all of them

_SHEET = re.compile(rf"(?:{'|'.join(SHEETS)})-(\d+)\.jpg")


class SnapshotWriter:
    """Keeps the looks it hears in a run's folder; each file is whole or not there. Raises OSError on a full disk."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._before = -1

    def __call__(self, event: dict[str, Any]) -> None:
        """Events are the record's business."""

    def close(self) -> None:
        """Nothing is held open."""

    def look(self, look: Snapshot) -> None:
        mistakes = [mistake.picture for mistake in look.mistakes]
        sheets: tuple[Sequence[np.ndarray], Sequence[np.ndarray]] = (list(look.batch), mistakes)
        for name, pictures in zip(SHEETS, sheets, strict=True):
            if len(pictures):
                _put(sheet_path(self._folder, name, look.step), to_sheet(pictures))
        _put(self._folder / FILE_NAME, json.dumps(to_numbers(look), separators=(",", ":"), allow_nan=False).encode())
        for path in self._folder.glob("*.jpg"):
            named = _SHEET.fullmatch(path.name)
            if named and int(named[1]) not in (look.step, self._before):
                path.unlink(missing_ok=True)
        self._before = look.step


def _put(path: Path, data: bytes) -> None:
    atomic_write(path, data, is_synced=False)  # the next look replaces it: no need to wait for the disk


def to_numbers(look: Snapshot) -> dict[str, Any]:
    """Return what a look holds besides pictures, ready for JSON: a number that is not finite is None.

    `batch` is, a picture, its classes with their shares, the largest first; `accuracy` is None for a class without pictures, and
    `intervals` holds the 95 % interval of each class, `interval` that of all pictures.
    """
    confusion = look.confusion()
    shown = confusion.sum(1)
    return {
        "epoch": look.epoch,
        "step": look.step,
        "classes": list(look.classes),
        "columns": COLUMNS,
        "batch": [_shares(row) for row in look.targets[: len(look.batch)]],
        "confusion": confusion.tolist(),
        "accuracy": [round(float(confusion[k, k] / n), 4) if n else None for k, n in enumerate(shown)],
        "intervals": [_interval(confusion[k, k], n) for k, n in enumerate(shown)],
        "interval": _interval(np.trace(confusion), shown.sum()),
        "mistakes": [
            {"index": one.index, "true": one.true, "predicted": one.predicted, "confidence": _short(one.confidence)}
            for one in look.mistakes
        ],
        "layers": [_layer(layer) for layer in look.layers],
    }


def _interval(hits: int, n: int) -> list[float]:
    return [round(bound, 4) for bound in wilson(int(hits), int(n))]


def _shares(target: np.ndarray) -> list[list[float]]:
    return [[int(k), round(float(target[k]), 3)] for k in np.argsort(-target, kind="stable") if target[k] >= 0.005]


def _layer(layer: LayerSnapshot) -> dict[str, Any]:
    weights, gradients, ratio = _summary(layer.weights), None, None
    if layer.gradients is not None:
        gradients = _summary(layer.gradients)
        size = float(np.linalg.norm(layer.weights))
        ratio = _short(float(np.linalg.norm(layer.gradients)) / size) if size else None
    return {"name": layer.name, "weights": weights, "gradients": gradients, "ratio": ratio}


def _summary(values: np.ndarray) -> dict[str, Any]:
    """Return count, mean, standard deviation, limits and histogram of numbers; `broken` of them are not finite and left out."""
    count = values.size
    if not np.isfinite(values.sum(dtype=np.float64)):  # one sum instead of as many tests
        values = values[np.isfinite(values)]
    found: dict[str, Any] = {"count": int(count), "broken": int(count - values.size)}
    if not values.size:
        return {**found, "mean": None, "std": None, "min": None, "max": None, "histogram": []}
    low, high = float(values.min()), float(values.max())
    histogram, _ = np.histogram(
        values[:: -(-values.size // SAMPLE)], bins=BINS, range=(low, high) if high > low else (low - 0.5, low + 0.5)
    )
    return {
        **found,
        "mean": _short(float(values.mean(dtype=np.float64))),
        "std": _short(float(values.std(dtype=np.float64))),
        "min": _short(low),
        "max": _short(high),
        "histogram": histogram.tolist(),
    }


def _short(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def to_sheet(pictures: Sequence[np.ndarray]) -> bytes:
    """Return pictures of one size as one JPEG, `COLUMNS` a row; the place of the ones that lack stays white."""
    height, width = pictures[0].shape[:2]
    side = max(height, width)
    if side <= TILE_PX:
        tiles = [picture.repeat(TILE_PX // side, 0).repeat(TILE_PX // side, 1) for picture in pictures]
    else:
        size = (max(1, round(width * TILE_PX / side)), max(1, round(height * TILE_PX / side)))
        tiles = [np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR)) for picture in pictures]
    height, width = tiles[0].shape[:2]
    sheet = np.full((-(-len(tiles) // COLUMNS) * height, COLUMNS * width, 3), 255, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // COLUMNS * height, i % COLUMNS * width
        sheet[top : top + height, left : left + width] = tile
    out = io.BytesIO()
    Image.fromarray(sheet).save(out, "JPEG", quality=85)
    return out.getvalue()
