"""Writing snapshots for the page: numbers and contact sheets in the run's folder. No torch.

`look.json` the numbers of the latest snapshot · `batch-<step>.jpg`, `mistakes-<step>.jpg` the contact sheets that belong to it.
A sheet has its step in its name and is written before the numbers, so a reader of the numbers always finds the sheets that belong to
them; the sheets of the previous snapshot are kept until the next one.
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

from vpc2.proportions import wilson
from vpc2.system.files import atomic_write
from vpc2.training.runs.snapshot import LayerSnapshot, Snapshot
from vpc2.training.runs.snapshot_files import FILE_NAME, SHEETS, sheet_path

TILE_PX = 96  # largest side of an image on a sheet; smaller images are enlarged by an integer factor, by repeating pixels
COLUMNS = 8
BINS = 32
SAMPLE = 8_000  # values of a layer counted in its histogram; the other statistics use all values

_SHEET = re.compile(rf"(?:{'|'.join(SHEETS)})-(\d+)\.jpg")


class SnapshotWriter:
    """Writes snapshots to a run's folder; each file is written atomically. Raises OSError on a full disk."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._before = -1

    def __call__(self, event: dict[str, Any]) -> None:
        """Ignore events: only snapshots are written here."""

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def write_snapshot(self, snapshot: Snapshot) -> None:
        mistakes = [mistake.picture for mistake in snapshot.mistakes]
        sheets: tuple[Sequence[np.ndarray], Sequence[np.ndarray]] = (list(snapshot.batch), mistakes)
        for name, pictures in zip(SHEETS, sheets, strict=True):
            if len(pictures):
                _write(sheet_path(self._folder, name, snapshot.step), to_sheet(pictures))
        _write(self._folder / FILE_NAME, json.dumps(to_numbers(snapshot), separators=(",", ":"), allow_nan=False).encode())
        for path in self._folder.glob("*.jpg"):
            match = _SHEET.fullmatch(path.name)
            if match and int(match[1]) not in (snapshot.step, self._before):
                path.unlink(missing_ok=True)
        self._before = snapshot.step


def _write(path: Path, data: bytes) -> None:
    atomic_write(path, data, is_synced=False)  # the next snapshot replaces it: no need to wait for the disk


def to_numbers(snapshot: Snapshot) -> dict[str, Any]:
    """Return the numbers of a snapshot as JSON values; numbers that are not finite become None.

    `batch` lists for each image its classes with their shares in the target, largest first; `accuracy` is per class, None for a class
    without images; `intervals` are the 95 % confidence intervals per class, `interval` that of all images.
    """
    confusion = snapshot.confusion()
    class_counts = confusion.sum(1)
    return {
        "epoch": snapshot.epoch,
        "step": snapshot.step,
        "classes": list(snapshot.classes),
        "columns": COLUMNS,
        "batch": [_shares(row) for row in snapshot.targets[: len(snapshot.batch)]],
        "confusion": confusion.tolist(),
        "accuracy": [round(float(confusion[k, k] / n), 4) if n else None for k, n in enumerate(class_counts)],
        "intervals": [_interval(confusion[k, k], n) for k, n in enumerate(class_counts)],
        "interval": _interval(np.trace(confusion), class_counts.sum()),
        "mistakes": [
            {"index": mistake.index, "true": mistake.true, "predicted": mistake.predicted, "confidence": _short(mistake.confidence)}
            for mistake in snapshot.mistakes
        ],
        "layers": [_layer(layer) for layer in snapshot.layers],
    }


def _interval(hits: int, n: int) -> list[float]:
    return [round(bound, 4) for bound in wilson(int(hits), int(n))]


def _shares(target: np.ndarray) -> list[list[float]]:
    return [[int(k), round(float(target[k]), 3)] for k in np.argsort(-target, kind="stable") if target[k] >= 0.005]


def _layer(layer: LayerSnapshot) -> dict[str, Any]:
    weights, gradients, ratio = _summary(layer.weights), None, None
    if layer.gradients is not None:
        gradients = _summary(layer.gradients)
        norm = float(np.linalg.norm(layer.weights))
        ratio = _short(float(np.linalg.norm(layer.gradients)) / norm) if norm else None
    return {"name": layer.name, "weights": weights, "gradients": gradients, "ratio": ratio}


def _summary(values: np.ndarray) -> dict[str, Any]:
    """Return count, mean, standard deviation, minimum, maximum and histogram of the finite values; `broken` counts the others."""
    count = values.size
    if not np.isfinite(values.sum(dtype=np.float64)):  # testing one sum is cheaper than testing every value
        values = values[np.isfinite(values)]
    counts: dict[str, Any] = {"count": int(count), "broken": int(count - values.size)}
    if not values.size:
        return {**counts, "mean": None, "std": None, "min": None, "max": None, "histogram": []}
    low, high = float(values.min()), float(values.max())
    histogram, _ = np.histogram(
        values[:: -(-values.size // SAMPLE)], bins=BINS, range=(low, high) if high > low else (low - 0.5, low + 0.5)
    )
    return {
        **counts,
        "mean": _short(float(values.mean(dtype=np.float64))),
        "std": _short(float(values.std(dtype=np.float64))),
        "min": _short(low),
        "max": _short(high),
        "histogram": histogram.tolist(),
    }


def _short(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def to_sheet(pictures: Sequence[np.ndarray]) -> bytes:
    """Return images of one size (H, W, 3) as a contact sheet: one JPEG with `COLUMNS` images a row, unused cells white."""
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
