"""Where the numbers and the sheets of pictures of a run's looks lie, and how they are read. Neither torch nor numpy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE_NAME = "look.json"
SHEETS = ("batch", "mistakes")


def sheet_path(folder: Path, name: str, step: int) -> Path:
    """Return where a sheet of pictures ("batch" or "mistakes") of a look lies."""
    return folder / f"{name}-{step}.jpg"


def read_snapshot(folder: Path) -> dict[str, Any] | None:
    """Return the numbers of a run's latest look, as `showing.to_numbers` makes them, or None."""
    try:
        return json.loads((folder / FILE_NAME).read_bytes())
    except FileNotFoundError:
        return None
