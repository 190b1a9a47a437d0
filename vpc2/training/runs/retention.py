"""Retention of runs: deletes old ones, so that the disk of a server for classes does not fill up, which would stop all training."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from vpc2.system import host


def remove(folder: Path) -> None:
    """Delete a run's folder: rename it first, so that no list shows it any more, then delete the files. Raises `OSError`."""
    deleted = folder.with_name(f".deleted-{folder.name}")
    folder.rename(deleted)
    shutil.rmtree(deleted, ignore_errors=True)


def remove_old_runs(runs: Path, is_going: Callable[[Path], bool], now: float | None = None) -> list[str]:
    """Delete the runs that have not changed for `run_days`, and the oldest while all together exceed `run_bytes`; return their ids.

    Running and queued runs are kept. Renaming or annotating a run counts as a change.
    """
    now, folders = time.time() if now is None else now, []
    for folder in runs.iterdir() if runs.is_dir() else ():
        if (folder / "spec.json").is_file():
            with contextlib.suppress(FileNotFoundError):  # deleted at this moment by its owner or another process
                stats = [path.stat() for path in (folder, *folder.rglob("*"))]
                folders.append((max(stat.st_mtime for stat in stats), sum(stat.st_size for stat in stats), folder))
    removed = []
    for folder in host.unused(folders, now, host.LIMITS.run_days, host.LIMITS.run_bytes):
        with contextlib.suppress(FileNotFoundError):
            if not is_going(folder):
                remove(folder)
                removed.append(folder.name)
    return removed
