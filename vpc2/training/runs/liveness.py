"""Which process works on a run, and whether it lives: `worker.json` and `heartbeat` in the run's folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

STALLED_S = 10.0  # without a heartbeat for longer, a living worker is hung or frozen
WORKER_NAME = "worker.json"
BEAT_NAME = "heartbeat"


def claim(folder: Path, **more: Any) -> bool:
    """Write down that this process works on a run (and `more`, plain values); False if another one did so first."""
    beat(folder)
    try:
        with (folder / WORKER_NAME).open("x") as file:
            json.dump({"pid": os.getpid(), "started": process_start(os.getpid()), **more}, file)
    except FileExistsError:
        return False
    return True


def release(folder: Path) -> None:
    """Write down that nobody works on a run any more, though the process that did so lives on."""
    (folder / WORKER_NAME).write_text(json.dumps({"pid": 0, "started": None}))


def beat(folder: Path) -> None:
    """Leave a sign of life: the monotonic clock, which no change of the machine's time disturbs."""
    (folder / BEAT_NAME).write_text(f"{time.monotonic():.2f}")


def worker_pid(folder: Path) -> int | None:
    """Return the process that works on a run now, or None."""
    worker = read_worker(folder)
    return worker["pid"] if worker is not None and is_alive(folder, worker) else None


def read_worker(folder: Path) -> dict[str, Any] | None:
    """Return who claimed a run; None if nobody did."""
    try:
        worker = json.loads((folder / WORKER_NAME).read_text())
    except FileNotFoundError:
        return None
    except ValueError:  # being written this moment
        return {"pid": -1, "started": None}
    return worker if isinstance(worker, dict) and isinstance(worker.get("pid"), int) else {"pid": -1, "started": None}


def is_alive(folder: Path, worker: dict[str, Any]) -> bool:
    """True while the process that claimed a run lives: same number, same start, not a zombie."""
    if worker["pid"] == -1:
        return seconds_since_heartbeat(folder) <= STALLED_S
    return is_same_process(worker["pid"], worker.get("started"))


def is_same_process(pid: int, started: int | None) -> bool:
    """True while the process lives that had this number and this start; never for one whose start is not known."""
    return started is not None and process_start(pid) == started


def process_start(pid: int) -> int | None:
    """Return when a process started, in hundredths of a second since the machine did; None if it is dead, a zombie, or unknown.

    psutil tells the time of day, which on Linux moves whenever the machine's clock is set; the time since the machine's own start
    does not. Elsewhere the time of day is written down with the process and stays.
    """
    import psutil

    try:
        while True:
            booted, process = _boot_time(), psutil.Process(pid)
            started = process.create_time() - booted
            if _boot_time() == booted:  # else the clock was set between the two readings
                return None if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) else round(100 * started)
    except (psutil.Error, ValueError):  # ValueError: no process has such a number
        return None


def _boot_time() -> float:
    import psutil

    return psutil.boot_time() if psutil.LINUX else 0.0


def seconds_since_heartbeat(folder: Path) -> float:
    """Return how long a run has given no sign of life."""
    try:
        age = time.monotonic() - float((folder / BEAT_NAME).read_text())
    except OSError:
        return float("inf")
    except ValueError:  # being written this moment
        return 0.0
    return age if age > -1.0 else float("inf")  # far in the future: the machine was started again since
