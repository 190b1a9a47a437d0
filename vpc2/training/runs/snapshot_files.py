"""The files of a run's snapshots: names, paths and reading. Imports neither torch nor numpy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE_NAME = "look.json"
SHEETS = ("batch", "mistakes")


def sheet_path(folder: Path, name: str, step: int) -> Path:
    """Return the path of a contact sheet ("batch" or "mistakes") of the snapshot at a step."""
    return folder / f"{name}-{step}.jpg"


def read_snapshot(folder: Path) -> dict[str, Any] | None:
    """Return the numbers of a run's latest snapshot, as made by `snapshot_view.to_numbers`, or None."""
    try:
        return json.loads((folder / FILE_NAME).read_bytes())
    except FileNotFoundError:
        return None
