"""Fashion-MNIST, MNIST and CIFAR-10, downloaded and checked by torchvision."""

from __future__ import annotations

import http.client
import inspect
import shutil
import tempfile
import urllib.error
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from vpc2.data.datasets import DATASETS, Report, TorchvisionSet
from vpc2.data.imageset import ImageSet
from vpc2.images.encode import resize_square
from vpc2.system import host
from vpc2.text import Refusal, Text

_ARCHIVES = (".gz", ".tgz", ".zip", ".mat")
_LOOK_S = 0.3
MAX_PICTURES = 20_000  # pictures loaded into memory: enough for a training of minutes, and the pages stay fast

_LOADING = Text("downloading; this can take some minutes…")
_NO_NETWORK = Text(
    "“{name}” could not be downloaded: there is no way to its home from here, or what came down was damaged. Nothing of it was kept."
)
_INCOMPLETE = Text("“{name}” is not whole on this machine: remove its folder {folder} and download it again.")


def is_ready(key: str) -> bool:
    """True where torchvision's folder exists."""
    return (host.data_home() / _entry(key).folder).is_dir()


def _entry(key: str) -> TorchvisionSet:
    entry = DATASETS[key]
    if not isinstance(entry, TorchvisionSet):
        raise TypeError(f"{key} is no data set of torchvision")
    return entry


def _open(key: str, root: Path, *, download: bool) -> Any:
    from torchvision import datasets

    entry = _entry(key)
    dataset_class = getattr(datasets, entry.torchvision)
    part = {"train": True} if "train" in inspect.signature(dataset_class).parameters else {"split": "train"}
    return dataset_class(root, **(dict(entry.part) or part), download=download)


def load(key: str, size_px: int) -> ImageSet:
    """Return at most 20,000 training pictures as squares of `size_px`."""
    return _load(key, str(host.data_home()), size_px)


@lru_cache(maxsize=2)
def _load(key: str, root: str, size_px: int) -> ImageSet:
    try:
        data = _open(key, Path(root), download=False)
    except (RuntimeError, OSError, ValueError):
        raise Refusal(_INCOMPLETE.fill(name=DATASETS[key].title, folder=_entry(key).folder)) from None
    images, labels = [], []
    for i in range(min(len(data), MAX_PICTURES)):
        image, label = data[i]  # a PIL image and its class, whatever the set keeps them in
        images.append(resize_square(np.asarray(image.convert("RGB")), size_px))
        labels.append(label)
    return ImageSet(np.stack(images), np.array(labels, dtype=np.int64), DATASETS[key].classes)


def _fetch(key: str, place: Path, report: Report) -> None:
    """Let torchvision download into `place`, and report the share of the archives' bytes downloaded."""
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(_open, key, place, download=True)
        while not wait([job], timeout=_LOOK_S).done:
            downloaded = sum(path.stat().st_size for path in place.rglob("*") if path.suffix in _ARCHIVES)
            report(min(max(downloaded / (_entry(key).archives_mb * 1_000_000), 0.01), 0.95), _LOADING)
        job.result()


def download(key: str, report: Report) -> None:
    """Download a data set into a temporary folder and rename it; torchvision verifies its checksums."""
    home = host.data_home()
    home.mkdir(parents=True, exist_ok=True)
    report(0.01, _LOADING)
    with tempfile.TemporaryDirectory(dir=home, prefix=".download-") as temporary:
        try:
            _fetch(key, Path(temporary), report)
        except (urllib.error.URLError, http.client.HTTPException, OSError, EOFError, RuntimeError):
            raise Refusal(_NO_NETWORK.fill(name=DATASETS[key].title)) from None
        target = home / _entry(key).folder
        shutil.rmtree(target, ignore_errors=True)
        (Path(temporary) / target.name).replace(target)
    report(1.0, _LOADING)
