"""A visitor's own pictures as a data set: decoded once, kept small beside the runs, found again by what they are."""

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

from vpc2 import host
from vpc2.data.datasets import OWN_ABOUT, OWN_KEY, DatasetEntry, find_dataset, own_folder, own_home
from vpc2.data.imageset import ImageSet, split_images
from vpc2.images.encode import resize_square
from vpc2.text import Refusal, Text, clean_name

SIZE_PX = 128  # enough for nets that train in a minute
MOST = 4  # sets of one visitor
PICTURES = "pictures.npz"

_FULL = Text("{limit} sets of your own are kept; delete one before adding another.")


def keep(data: ImageSet, name: str, owner: str) -> DatasetEntry:
    """Keep pictures (squares of `SIZE_PX`) as a set of this owner's, whole or not at all, and return its entry.

    Raises `Refusal` where there are too few pictures to split, or too many sets already.
    """
    split_images(data, 0, 0.6)
    mark = hashlib.sha256(json.dumps([owner, list(data.classes)]).encode() + data.labels.tobytes() + data.images.tobytes())
    key = f"own-{mark.hexdigest()[:16]}"
    place = own_folder(key)
    sweep()
    if not place.is_dir():
        if len(keys_of(owner)) >= MOST:
            raise Refusal(_FULL.fill(limit=MOST))
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-") as made:
            about = {
                "name": clean_name(name) or "?",
                "owner": owner,
                "classes": list(data.classes),
                "created": time.time(),
                "count": len(data),
            }
            (Path(made) / OWN_ABOUT).write_text(json.dumps(about, ensure_ascii=False), "utf-8")
            np.savez(Path(made) / PICTURES, images=data.images, labels=data.labels)
            whole = Path(made) / "whole"
            whole.mkdir()
            for file in (OWN_ABOUT, PICTURES):
                (Path(made) / file).replace(whole / file)
            whole.replace(place)
    return find_dataset(key)


def keys_of(owner: str) -> list[str]:
    """Return the keys of an owner's sets, oldest first."""
    found = []
    for folder in own_home().iterdir() if own_home().is_dir() else ():
        if OWN_KEY.fullmatch(folder.name) and (folder / OWN_ABOUT).is_file():
            about = json.loads((folder / OWN_ABOUT).read_text("utf-8"))
            if about["owner"] == owner:
                found.append((about["created"], folder.name))
    return [key for _, key in sorted(found)]


def may_look(key: str, visitor: str) -> bool:
    """True for a data set that everybody may see, and for a visitor's own: a link or a file may name a set of somebody else's."""
    if not OWN_KEY.fullmatch(key):
        return True
    try:
        return json.loads((own_folder(key) / OWN_ABOUT).read_text("utf-8"))["owner"] == visitor
    except FileNotFoundError:  # it is gone, and there is nothing to see
        return True


def delete(key: str, owner: str) -> None:
    """Remove an owner's set; a set of somebody else's, or none, is left alone."""
    if key in keys_of(owner):
        shutil.rmtree(own_folder(key))


def sweep(now: float | None = None) -> None:
    """Remove the sets that have to go, see `host.unused`."""
    now, used = time.time() if now is None else now, []
    for folder in own_home().iterdir() if own_home().is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # its owner, or another process, removes it at this moment
            if OWN_KEY.fullmatch(folder.name):
                used.append(((folder / OWN_ABOUT).stat().st_mtime, (folder / PICTURES).stat().st_size, folder))
    for folder in host.unused(used, now, host.LIMITS.own_days, host.LIMITS.own_bytes):
        shutil.rmtree(folder, ignore_errors=True)


def is_ready(key: str) -> bool:
    """True where the set is on this machine."""
    return (own_folder(key) / PICTURES).is_file()


def load(key: str, size_px: int) -> ImageSet:
    """Return the pictures as squares of `size_px`; to be looked at is to be used, see `sweep`."""
    with contextlib.suppress(OSError):
        os.utime(own_folder(key) / OWN_ABOUT)
    return _load(key, str(host.home()), size_px)


@lru_cache(maxsize=2)
def _load(key: str, home: str, size_px: int) -> ImageSet:
    with np.load(own_folder(key) / PICTURES, allow_pickle=False) as file:
        images, labels = file["images"], file["labels"]
    return ImageSet(np.stack([resize_square(one, size_px) for one in images]), labels, find_dataset(key).classes)
