"""Liveness of the worker of a run: `worker.json` (which process) and `heartbeat` in the run's folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

STALLED_S = 10.0  # a living worker without a heartbeat for longer is hung or frozen
WORKER_NAME = "worker.json"
BEAT_NAME = "heartbeat"


def claim(folder: Path, **extra: Any) -> bool:
    """Claim a run for this process in `worker.json`, with `extra` JSON values; return False if it is already claimed."""
    beat(folder)
    try:
        with (folder / WORKER_NAME).open("x") as file:
            json.dump({"pid": os.getpid(), "started": process_start(os.getpid()), **extra}, file)
    except FileExistsError:
        return False
    return True


def release(folder: Path) -> None:
    """Mark a run as having no worker, although the process that claimed it is still alive."""
    (folder / WORKER_NAME).write_text(json.dumps({"pid": 0, "started": None}))


def beat(folder: Path) -> None:
    """Write a heartbeat: the time of the monotonic clock, which is not affected by setting the system clock."""
    (folder / BEAT_NAME).write_text(f"{time.monotonic():.2f}")


def worker_pid(folder: Path) -> int | None:
    """Return the pid of the living worker of a run, or None."""
    worker = read_worker(folder)
    return worker["pid"] if worker is not None and is_alive(folder, worker) else None


def read_worker(folder: Path) -> dict[str, Any] | None:
    """Return the content of `worker.json`; None if the run is not claimed, pid -1 while the file is being written."""
    try:
        worker = json.loads((folder / WORKER_NAME).read_text())
    except FileNotFoundError:
        return None
    except ValueError:  # being written at this moment
        return {"pid": -1, "started": None}
    return worker if isinstance(worker, dict) and isinstance(worker.get("pid"), int) else {"pid": -1, "started": None}


def is_alive(folder: Path, worker: dict[str, Any]) -> bool:
    """True while the process that claimed a run lives: same pid, same start time, not a zombie."""
    if worker["pid"] == -1:
        return seconds_since_heartbeat(folder) <= STALLED_S
    return is_same_process(worker["pid"], worker.get("started"))


def is_same_process(pid: int, started: int | None) -> bool:
    """True if a living process has this pid and this start time; False if the start time is unknown (None)."""
    return started is not None and process_start(pid) == started


def process_start(pid: int) -> int | None:
    """Return the start time of a process in hundredths of a second since boot; None if it is dead, a zombie, or unknown.

    psutil reports the time of day, which on Linux shifts whenever the system clock is set; the time since boot does not. On other
    systems the time of day is stored with the process and does not shift.
    """
    import psutil

    try:
        while True:
            booted, process = _boot_time(), psutil.Process(pid)
            started = process.create_time() - booted
            if _boot_time() == booted:  # else the clock was set between the two readings
                return None if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) else round(100 * started)
    except (psutil.Error, ValueError):  # ValueError: not a valid pid
        return None


def _boot_time() -> float:
    import psutil

    return psutil.boot_time() if psutil.LINUX else 0.0


def seconds_since_heartbeat(folder: Path) -> float:
    """Return the seconds since the last heartbeat of a run; infinity without one."""
    try:
        age = time.monotonic() - float((folder / BEAT_NAME).read_text())
    except OSError:
        return float("inf")
    except ValueError:  # being written at this moment
        return 0.0
    return age if age > -1.0 else float("inf")  # in the future: the machine has rebooted since
