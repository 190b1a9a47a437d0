"""Uploaded data sets: a visitor's own pictures, decoded once, stored at a small size, keyed by a hash of owner and content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import numpy as np

from vpc2.data.datasets import OWN_ABOUT, OWN_KEY, DatasetEntry, find_dataset, own_folder, own_home
from vpc2.data.imageset import ImageSet, split_images
from vpc2.images.encode import resize_square
from vpc2.system import host
from vpc2.text import Refusal, Text, clean_name
from vpc2.version import APP

SIZE_PX = 128  # enough for nets that train in a minute
MAX_DATASETS = 4  # data sets per visitor
PICTURES = "pictures.npz"

_FULL = Text("{limit} sets of your own are kept; delete one before adding another.")


def keep(data: ImageSet, name: str, owner: str) -> DatasetEntry:
    """Store pictures (squares of `SIZE_PX`) atomically as a data set of this owner, and return its entry.

    Raises `Refusal` where there are too few pictures to split, or too many data sets of this owner.
    """
    split_images(data, 0, 0.6)
    content_hash = hashlib.sha256(json.dumps([owner, list(data.classes)]).encode() + data.labels.tobytes() + data.images.tobytes())
    key = f"own-{content_hash.hexdigest()[:16]}"
    folder = own_folder(key)
    sweep()
    if not folder.is_dir():
        if len(keys_of(owner)) >= MAX_DATASETS:
            raise Refusal(_FULL.fill(limit=MAX_DATASETS))
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
            about = {
                "app": APP,
                "name": clean_name(name) or "?",
                "owner": owner,
                "classes": list(data.classes),
                "created": time.time(),
                "count": len(data),
            }
            (Path(temporary) / OWN_ABOUT).write_text(json.dumps(about, ensure_ascii=False), "utf-8")
            np.savez(Path(temporary) / PICTURES, images=data.images, labels=data.labels)
            complete = Path(temporary) / "whole"
            complete.mkdir()
            for file in (OWN_ABOUT, PICTURES):
                (Path(temporary) / file).replace(complete / file)
            complete.replace(folder)
    return find_dataset(key)


def keys_of(owner: str) -> list[str]:
    """Return the keys of an owner's data sets, oldest first."""
    dated_keys = []
    for folder in own_home().iterdir() if own_home().is_dir() else ():
        if OWN_KEY.fullmatch(folder.name) and (folder / OWN_ABOUT).is_file():
            about = json.loads((folder / OWN_ABOUT).read_text("utf-8"))
            if about["owner"] == owner:
                dated_keys.append((about["created"], folder.name))
    return [key for _, key in sorted(dated_keys)]


def is_visible_to(key: str, visitor: str) -> bool:
    """True for a public data set and for a visitor's own: a link or a file may name another visitor's."""
    if not OWN_KEY.fullmatch(key):
        return True
    try:
        return json.loads((own_folder(key) / OWN_ABOUT).read_text("utf-8"))["owner"] == visitor
    except FileNotFoundError:  # it was deleted, so there is nothing to protect
        return True


def delete(key: str, owner: str) -> None:
    """Delete an owner's data set; does nothing for another visitor's, or for none."""
    if key in keys_of(owner):
        shutil.rmtree(own_folder(key))


def sweep(now: float | None = None) -> None:
    """Delete data sets that are expired or exceed the total size, see `host.unused`."""
    now, used = time.time() if now is None else now, []
    for folder in own_home().iterdir() if own_home().is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # its owner, or another process, is deleting it
            if OWN_KEY.fullmatch(folder.name):
                used.append(((folder / OWN_ABOUT).stat().st_mtime, (folder / PICTURES).stat().st_size, folder))
    for folder in host.unused(used, now, host.LIMITS.own_days, host.LIMITS.own_bytes):
        shutil.rmtree(folder, ignore_errors=True)


def is_ready(key: str) -> bool:
    """True where the data set is on this machine."""
    return (own_folder(key) / PICTURES).is_file()


def load(key: str, size_px: int) -> ImageSet:
    """Return the pictures as squares of `size_px`, and mark the data set as used, see `sweep`."""
    with contextlib.suppress(OSError):
        os.utime(own_folder(key) / OWN_ABOUT)
    return _load(key, str(host.home()), size_px)


@lru_cache(maxsize=2)
def _load(key: str, home: str, size_px: int) -> ImageSet:
    with np.load(own_folder(key) / PICTURES, allow_pickle=False) as file:
        images, labels = file["images"], file["labels"]
    return ImageSet(np.stack([resize_square(image, size_px) for image in images]), labels, find_dataset(key).classes)
