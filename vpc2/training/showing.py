"""What the page shows of a look at a run: `look.json` with the numbers, and two sheets of pictures, in the run's folder."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vpc2.training.looks import LayerLook, Look
from vpc2.training.run import write_atomic

NUMBERS, BATCH, MISTAKES = "look.json", "batch.jpg", "mistakes.jpg"
SHEETS = (BATCH, MISTAKES)
TILE_PX, ACROSS = 72, 8
BINS = 24
MOST_CLASSES = 100  # of a confusion matrix that still says something
MOST_SHARES = 3  # classes named of a mixed picture


class LookWriter:
    """Hears looks and keeps the latest in a run's folder; each file is whole or not there. Raises OSError on a full disk."""

    def __init__(self, folder: Path):
        self._folder = folder

    def look(self, look: Look) -> None:
        for name, pictures in ((BATCH, look.batch), (MISTAKES, [one.picture for one in look.mistakes])):
            if len(pictures):
                _put(self._folder / name, sheet(pictures))
        # Last: whoever reads the numbers finds the pictures that belong to them.
        _put(self._folder / NUMBERS, json.dumps(numbers_of(look), separators=(",", ":"), allow_nan=False).encode())

    def __call__(self, event: dict[str, Any]) -> None:
        """Events are the record's business."""

    def close(self) -> None:
        """Nothing is held open."""


def _put(path: Path, data: bytes) -> None:
    write_atomic(path, data, is_synced=False)  # the next look replaces it: no need to wait for the disk


def sheet(pictures: Sequence[np.ndarray]) -> bytes:
    """Return pictures, uint8 (H, W, 3), as one JPEG: tiles of TILE_PX, ACROSS in a row; small ones keep their pixels visible."""
    rows = -(-len(pictures) // ACROSS)
    whole = Image.new("RGB", (ACROSS * TILE_PX, rows * TILE_PX), (127, 127, 127))
    for i, picture in enumerate(pictures):
        image = Image.fromarray(picture)
        way = Image.Resampling.NEAREST if image.width < TILE_PX else Image.Resampling.BILINEAR
        whole.paste(image.resize((TILE_PX, TILE_PX), way), (i % ACROSS * TILE_PX, i // ACROSS * TILE_PX))
    file = io.BytesIO()
    whole.save(file, "JPEG", quality=88, subsampling=0)
    return file.getvalue()


def numbers_of(look: Look) -> dict[str, Any]:
    """Return all that a look says, but for the pictures, as plain JSON. A number that is not finite becomes null."""
    confusion = look.confusion()
    totals = confusion.sum(1)
    return {
        "epoch": look.epoch,
        "step": look.step,
        "classes": list(look.classes),
        "batch": [_shares(row) for row in look.targets],
        "confusion": confusion.tolist() if len(look.classes) <= MOST_CLASSES else None,
        "accuracy": [float(confusion[i, i] / n) if n else None for i, n in enumerate(totals)],
        "counts": totals.tolist(),
        "mistakes": [
            {"true": one.true, "predicted": one.predicted, "confidence": round(one.confidence, 4), "index": one.index}
            for one in look.mistakes
        ],
        "layers": [_layer(one) for one in look.layers],
    }


def _shares(row: np.ndarray) -> list[list[float]]:
    """Return the classes of a picture with their shares, the largest first."""
    order = np.argsort(-row, kind="stable")[:MOST_SHARES]
    return [[int(label), round(float(row[label]), 3)] for label in order if row[label] > 0]


def _layer(layer: LayerLook) -> dict[str, Any]:
    weights, gradients = spread(layer.weights), None if layer.gradients is None else spread(layer.gradients)
    length = float(np.linalg.norm(layer.weights))
    ratio = float(np.linalg.norm(layer.gradients)) / length if layer.gradients is not None and length else None
    return {
        "name": layer.name,
        "count": len(layer.weights),
        "weights": weights,
        "gradients": gradients,
        "ratio": ratio if ratio is not None and np.isfinite(ratio) else None,
    }


def spread(values: np.ndarray) -> dict[str, Any] | None:
    """Return mean, standard deviation, least, largest and a histogram of BINS counts; None where no value is finite."""
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    counts = np.histogram(values, BINS, (low, high if high > low else low + 1e-12))[0]
    return {"mean": float(values.mean()), "std": float(values.std()), "low": low, "high": high, "bins": counts.tolist()}
