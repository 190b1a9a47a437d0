"""Fashion-MNIST, MNIST and CIFAR-10, through torchvision and with its checksums."""

from __future__ import annotations

import http.client
import shutil
import tempfile
import urllib.error
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from pathlib import Path

import numpy as np

from vpc2 import host
from vpc2.data.datasets import DATASETS, Report
from vpc2.data.imageset import ImageSet
from vpc2.images.encode import resize_square
from vpc2.text import Refusal, Text

# The folder torchvision makes in its root, and the class that reads it.
_MADE = {"fashion_mnist": ("FashionMNIST", "FashionMNIST"), "mnist": ("MNIST", "MNIST"), "cifar10": ("cifar-10-batches-py", "CIFAR10")}
_MEGABYTES = {"fashion_mnist": 30.9, "mnist": 11.6, "cifar10": 170.5}  # of the archives, for the progress
_LOOK_S = 0.3
MOST = 20_000  # pictures kept in memory: enough for a run of minutes, and the pages stay quick

_LOADING = Text("downloading; this can take some minutes…")
_NO_NETWORK = Text(
    "“{name}” could not be downloaded: there is no way to its home from here, or what came down was damaged. Nothing of it was kept."
)
_INCOMPLETE = Text("“{name}” is not whole on this machine: remove its folder {folder} and download it again.")


def is_ready(key: str) -> bool:
    """True where torchvision's folder is there."""
    return (host.data_home() / _MADE[key][0]).is_dir()


def _open(key: str, root: Path, *, download: bool):
    from torchvision import datasets

    return getattr(datasets, _MADE[key][1])(root, train=True, download=download)


def load(key: str, size_px: int) -> ImageSet:
    """Return at most 20,000 training pictures as squares of `size_px`."""
    return _load(key, str(host.data_home()), size_px)


@lru_cache(maxsize=2)
def _load(key: str, root: str, size_px: int) -> ImageSet:
    try:
        data = _open(key, Path(root), download=False)
    except (RuntimeError, OSError, ValueError):
        raise Refusal(_INCOMPLETE.fill(name=DATASETS[key].title, folder=_MADE[key][0])) from None
    pixels = np.asarray(data.data)[:MOST]
    if pixels.ndim == 3:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    images = np.stack([resize_square(np.ascontiguousarray(one), size_px) for one in pixels])
    return ImageSet(images, np.asarray(data.targets, dtype=np.int64)[:MOST], DATASETS[key].classes)


def _fetch(key: str, place: Path, report: Report) -> None:
    """Let torchvision download into `place`, and report the share of the archives' bytes that are there."""
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(_open, key, place, download=True)
        while not wait([job], timeout=_LOOK_S).done:
            there = sum(path.stat().st_size for path in place.rglob("*.gz"))
            report(min(max(there / (_MEGABYTES[key] * 1_000_000), 0.01), 0.95), _LOADING)
        job.result()


def download(key: str, report: Report) -> None:
    """Fetch a set into a place beside its own, and move it there whole; torchvision checks its checksums."""
    home = host.data_home()
    home.mkdir(parents=True, exist_ok=True)
    report(0.01, _LOADING)
    with tempfile.TemporaryDirectory(dir=home, prefix=".download-") as place:
        try:
            _fetch(key, Path(place), report)
        except (urllib.error.URLError, http.client.HTTPException, OSError, EOFError, RuntimeError):
            raise Refusal(_NO_NETWORK.fill(name=DATASETS[key].title)) from None
        made = home / _MADE[key][0]
        shutil.rmtree(made, ignore_errors=True)
        (Path(place) / _MADE[key][0]).replace(made)
    report(1.0, _LOADING)
