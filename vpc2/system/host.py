"""Configuration of the host: folders and limits, read from the environment at each call; and memory of the process."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from vpc2.text import Text

MB = 1024 * 1024
DAY_S = 86_400


def _limit(default: int, unit: str, title: Text) -> int:
    """Return a dataclass field with its default, the unit it is shown in ("" for a count) and its title."""
    return field(default=default, metadata={"unit": unit, "title": title})


@dataclass(frozen=True)
class Limits:
    """Limits on visitors' input. Sizes in bytes or pixels, as named."""

    image_bytes: int = _limit(20 * MB, "MB", Text("File of one picture"))
    image_pixels: int = _limit(25_000_000, "Mpx", Text("Pixels of one picture"))
    image_side_px: int = _limit(1024, "px", Text("Longer side that is kept of a picture"))
    archive_bytes: int = _limit(200 * MB, "MB", Text("A ZIP with pictures"))
    archive_entries: int = _limit(5_000, "", Text("Files in a ZIP"))
    archive_unpacked_bytes: int = _limit(500 * MB, "MB", Text("A ZIP, unpacked"))
    archive_ratio: int = _limit(100, "×", Text("How far a file in a ZIP may be packed"))
    archive_depth: int = _limit(8, "", Text("Folders inside folders in a ZIP"))
    archive_classes: int = _limit(100, "", Text("Classes of one's own"))
    own_days: int = _limit(7, "d", Text("How long one's own pictures and classifiers are kept unused"))
    own_bytes: int = _limit(2048 * MB, "MB", Text("All visitors' own pictures, or classifiers"))
    run_days: int = _limit(180, "d", Text("How long a training that stands still is kept"))
    run_bytes: int = _limit(10_240 * MB, "MB", Text("All visitors' trainings"))
    classifier_bytes: int = _limit(300 * MB, "MB", Text("File of a classifier"))
    classifier_tensors: int = _limit(2_000, "", Text("Tensors of a classifier"))
    trainable_params: int = _limit(5_000_000, "", Text("Parameters that can be trained"))
    built_layers: int = _limit(2_000, "", Text("Layers of a net that is built"))  # counting every repetition
    activation_bytes: int = _limit(1024 * MB, "MB", Text("Activations of one batch"))  # of one batch in training
    run_seconds: int = _limit(600, "s", Text("One training"))
    runs_at_once: int = _limit(1, "", Text("Trainings at once"))
    queue: int = _limit(60, "", Text("Trainings that wait"))


UNITS = {"MB": MB, "Mpx": 1_000_000}  # bytes or pixels per shown unit; 1 for all others


def read_limits(text: str) -> Limits:
    """Return the limits with the changes in `text`, such as `runs_at_once=2,image_bytes=5000000`.

    Raises `ValueError` with a sentence for an unknown name, or a value that is no integer above 0: a misconfigured server does not start.
    """
    known, changed = [limit.name for limit in fields(Limits)], {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _equals, value = part.partition("=")
        if name.strip() not in known or not value.strip().isdecimal() or int(value) < 1:
            raise ValueError(
                f"VPC2_LIMITS has “{part}”: write name=number with a whole number above 0 and a name out of {', '.join(known)}"
            )
        changed[name.strip()] = int(value)
    return replace(Limits(), **changed)


LIMITS = read_limits(os.environ.get("VPC2_LIMITS", ""))


def unused(files: Iterable[tuple[float, int, Path]], now: float, days: int, max_bytes: int) -> list[Path]:
    """Return which of visitors' files have to be deleted; `files` are (time of last use, bytes, path).

    Those not used for `days` days, and the least recently used while all together exceed `max_bytes`.
    """
    files, to_delete = sorted(files), []
    total = sum(size for _when, size, _path in files)
    for last_use, size, path in files:
        if now - last_use > days * DAY_S or total > max_bytes:
            to_delete.append(path)
            total -= size
    return to_delete


def home() -> Path:
    """Return the folder of runs and uploads: `VPC2_HOME`, or `~/.vpc2`."""
    return Path(os.environ.get("VPC2_HOME") or Path.home() / ".vpc2")


def require_home() -> None:
    """Create that folder; exit with one sentence where it is not writable, because no run could be started."""
    try:
        folder = home()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home folder
        sys.exit(f"The folder for runs cannot be written: set VPC2_HOME to one that can. ({error})")


def data_home() -> Path:
    """Return the folder where data sets are searched first and downloaded to: `VPC2_DATA`, or a folder in `home()`."""
    return Path(os.environ.get("VPC2_DATA") or home() / "data")


def has_shared_runs() -> bool:
    """True where the host shows every visitor everyone's finished runs (`VPC2_SHARED_RUNS=1`)."""
    return os.environ.get("VPC2_SHARED_RUNS") == "1"


SWITCH_S = 0.0005


def share_the_interpreter() -> None:
    """Set Python's thread switch interval to half a millisecond instead of five.

    Torch and Kornia release the GIL hundreds of times per picture, and each time wait for a whole interval of another visitor's thread:
    with thirty visitors that is most of what the slowest wait for (tests/benchmarks/load.py).
    """
    sys.setswitchinterval(SWITCH_S)


# Parameters of glibc's `mallopt` and their values: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_ARENA_MAX.
_MALLOPT = {-3: 16 * MB, -1: 64 * MB, -8: 2}


def _glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


def keep_freed_memory() -> bool:
    """Configure glibc to reuse freed memory instead of asking for new pages; return False where the host has no glibc.

    A new page costs as much as the arithmetic on it: a draw of one cheap step takes half the time. Two arenas, not one per thread:
    Streamlit starts a thread per script run, and each arena keeps what it freed.
    """
    libc = _glibc()
    return libc is not None and all(libc.mallopt(option, value) for option, value in _MALLOPT.items())


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes."""
    import psutil

    return psutil.Process().memory_info().rss


def return_memory() -> None:
    """Return freed memory to the operating system; takes a moment, so no request should wait for it."""
    if libc := _glibc():
        libc.malloc_trim(0)


class Heap:
    """Returns freed memory to the operating system whenever the process has grown by `growth_bytes` since the last time.

    Finished pictures, small and long-lived, are allocated between large temporary ones, and the heap fragments: without this, two hundred
    changes of a knob leave 250 MB unused.
    """

    def __init__(self, growth_bytes: int = 96 * MB) -> None:
        self.growth_bytes = growth_bytes
        self.trims = 0
        self._floor = 0

    def trim(self) -> None:
        libc = _glibc()
        if libc and resident_bytes() > self._floor + self.growth_bytes:
            libc.malloc_trim(self.growth_bytes // 2)
            self._floor = resident_bytes()
            self.trims += 1
