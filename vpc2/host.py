"""What the host decides: folders and limits, read from the environment each time they are asked for."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from pathlib import Path

MB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """How much of a visitor's input is taken. Sizes in bytes or pixels, as named."""

    image_bytes: int = 20 * MB
    image_pixels: int = 25_000_000
    image_side_px: int = 1024  # after loading: larger pictures are scaled down to this
    archive_bytes: int = 200 * MB
    archive_entries: int = 5_000
    archive_unpacked_bytes: int = 500 * MB
    archive_ratio: int = 100
    archive_depth: int = 8
    archive_classes: int = 100
    classifier_bytes: int = 300 * MB
    classifier_tensors: int = 2_000
    trainable_params: int = 5_000_000
    built_layers: int = 2_000  # every copy counted
    activation_bytes: int = 1024 * MB  # of one batch in training
    run_seconds: int = 600
    runs_at_once: int = 1
    queue: int = 60


LIMITS = Limits()


def home() -> Path:
    """Return the folder where runs live: `VPC2_HOME`, or `~/.vpc2`."""
    return Path(os.environ.get("VPC2_HOME") or Path.home() / ".vpc2")


def data_home() -> Path:
    """Return the folder where data sets are looked for first and downloaded to: `VPC2_DATA`, or a folder in `home()`."""
    return Path(os.environ.get("VPC2_DATA") or home() / "data")


def has_shared_runs() -> bool:
    """True where the host lets every visitor see everyone's finished runs (`VPC2_SHARED_RUNS=1`)."""
    return os.environ.get("VPC2_SHARED_RUNS") == "1"


# glibc's numbers of what `mallopt` sets, and values: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_ARENA_MAX.
_MALLOPT = {-3: 16 * MB, -1: 64 * MB, -8: 2}


def _glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


def keep_freed_memory() -> bool:
    """Let this process use freed memory again instead of asking for fresh pages; False where the host has no glibc.

    A fresh page costs as much as the arithmetic on it: a draw of one cheap step takes half the time. Two heaps, not one a
    thread: Streamlit starts a thread a run, and each heap keeps what it freed.
    """
    libc = _glibc()
    return libc is not None and all(libc.mallopt(option, value) for option, value in _MALLOPT.items())


def resident_bytes() -> int:
    """Return how much memory this process holds; 0 where the host does not say (it is not Linux)."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


class Heap:
    """Gives freed memory back whenever the process has grown by `growth_bytes` since it last did.

    Finished pictures, small and long-lived, settle between large passing ones, and holes grow that nothing fits into: without
    this, two hundred moves of a knob leave 250 MB of them.
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
