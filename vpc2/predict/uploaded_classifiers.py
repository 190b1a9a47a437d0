"""Storage of uploaded classifiers: validated, stored under the hash of their bytes, removed when unused for long."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path

from vpc2.predict.classifier import Classifier, load_classifier
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.system import host


def folder() -> Path:
    """Return the folder of the files."""
    return host.home() / "classifiers"


def path_of(ref: ClassifierRef) -> Path:
    """Return the path of the file of a classifier; raises `ValueError` for one that is no file."""
    if not ref.is_file:
        raise ValueError(str(ref))
    return folder() / f"{ref.id}.safetensors"


def keep(data: bytes) -> tuple[ClassifierRef, Classifier]:
    """Validate and store the bytes of a classifier's file; return its reference and the classifier.

    Raises `Refusal` as `load_classifier` does, and then nothing is stored.
    """
    folder().mkdir(parents=True, exist_ok=True)
    sweep()
    with tempfile.TemporaryDirectory(dir=folder(), prefix=".new-") as temporary:
        path = Path(temporary) / "classifier.safetensors"
        path.write_bytes(data)
        classifier = load_classifier(path)
        ref = ClassifierRef("file", hashlib.sha256(data).hexdigest()[:32])
        path.replace(path_of(ref))
    return ref, classifier


def is_available(ref: ClassifierRef) -> bool:
    """True while the file is stored; calling this marks it as used."""
    try:
        os.utime(path_of(ref))
    except OSError:
        return False
    return True


def sweep(now: float | None = None) -> None:
    """Remove files that are expired or exceed the total size, see `host.unused`."""
    now, used = time.time() if now is None else now, []
    for path in folder().glob("*.safetensors"):
        with contextlib.suppress(FileNotFoundError):
            used.append((path.stat().st_mtime, path.stat().st_size, path))
    for path in host.unused(used, now, host.LIMITS.own_days, host.LIMITS.own_bytes):
        path.unlink(missing_ok=True)
