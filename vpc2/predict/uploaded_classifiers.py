"""Classifiers that visitors bring as files: read once, kept under a name of our own, removed when nobody has used them for long."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from pathlib import Path

from vpc2 import host
from vpc2.predict.classifier import Classifier, load_classifier

KEY = re.compile(r"file:[0-9a-f]{32}")


def folder() -> Path:
    """Return where the files lie."""
    return host.home() / "classifiers"


def path_of(key: str) -> Path:
    """Return where the file of a key lies. Raises `ValueError` for anything that is no key: never a path of somebody's making."""
    if not KEY.fullmatch(key):
        raise ValueError(key)
    return folder() / f"{key.removeprefix('file:')}.safetensors"


def keep(data: bytes) -> tuple[str, Classifier]:
    """Keep the bytes of a classifier's file, if it is one, and return its key and what it holds.

    Raises `Refusal` as `load_classifier` does, and then nothing is left behind.
    """
    folder().mkdir(parents=True, exist_ok=True)
    sweep()
    with tempfile.TemporaryDirectory(dir=folder(), prefix=".new-") as place:
        made = Path(place) / "classifier.safetensors"
        made.write_bytes(data)
        classifier = load_classifier(made)
        key = f"file:{hashlib.sha256(data).hexdigest()[:32]}"
        made.replace(path_of(key))
    return key, classifier


def is_here(key: str) -> bool:
    """True while the file is kept; to ask is to use it."""
    try:
        os.utime(path_of(key))
    except OSError:
        return False
    return True


def sweep(now: float | None = None) -> None:
    """Remove the files that have to go, see `host.unused`."""
    now, used = time.time() if now is None else now, []
    for path in folder().glob("*.safetensors"):
        with contextlib.suppress(FileNotFoundError):
            used.append((path.stat().st_mtime, path.stat().st_size, path))
    for path in host.unused(used, now, host.LIMITS.own_days, host.LIMITS.own_bytes):
        path.unlink(missing_ok=True)
