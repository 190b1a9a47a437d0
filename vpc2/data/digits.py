"""The 1,797 handwritten digits of scikit-learn, read from its file without importing it (which takes a second)."""

from __future__ import annotations

import gzip
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from vpc2.data.datasets import DATASETS
from vpc2.data.imageset import ImageSet
from vpc2.images.encode import resize_square

MAX_INK = 16  # the ink of one pixel in the file


@cache
def _table() -> np.ndarray:
    spec = importlib.util.find_spec("sklearn")
    assert spec is not None and spec.submodule_search_locations  # a package that the app depends on
    folder = Path(spec.submodule_search_locations[0])
    with gzip.open(folder / "datasets" / "data" / "digits.csv.gz", "rt") as file:
        return np.loadtxt(file, delimiter=",")


def load(key: str, size_px: int) -> ImageSet:
    """Return the digits, light on dark, as squares of `size_px`."""
    table = _table()
    grey = np.round(table[:, :64].reshape(-1, 8, 8) * (255 / MAX_INK)).astype(np.uint8)
    pixels = np.repeat(grey[..., None], 3, axis=-1)
    return ImageSet(np.stack([resize_square(image, size_px) for image in pixels]), table[:, 64].astype(np.int64), DATASETS[key].classes)
