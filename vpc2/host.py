"""What the host decides: folders and limits, read from the environment each time they are asked for."""

from __future__ import annotations

import os
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
