"""How long runs are kept: a server for classes fills its disk otherwise, and then nobody trains."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from vpc2 import host


def remove(folder: Path) -> None:
    """Remove a run's folder, first from every list, then from the disk. Raises `OSError`."""
    doomed = folder.with_name(f".deleted-{folder.name}")
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def remove_old_runs(runs: Path, is_going: Callable[[Path], bool], now: float | None = None) -> list[str]:
    """Remove the runs in a folder that have stood still for `run_days`, and the oldest while all take more than `run_bytes`.

    Returns their ids. One that is running or waits for its turn stays; another name or a note makes a run new again.
    """
    now, found = time.time() if now is None else now, []
    for folder in runs.iterdir() if runs.is_dir() else ():
        if (folder / "spec.json").is_file():
            with contextlib.suppress(FileNotFoundError):  # its owner, or another process, removes it at this moment
                stats = [path.stat() for path in (folder, *folder.rglob("*"))]
                found.append((max(one.st_mtime for one in stats), sum(one.st_size for one in stats), folder))
    gone = []
    for folder in host.unused(found, now, host.LIMITS.run_days, host.LIMITS.run_bytes):
        with contextlib.suppress(FileNotFoundError):
            if not is_going(folder):
                remove(folder)
                gone.append(folder.name)
    return gone
