"""The worker process of one run: `python -m vpc2.training.queue.worker`.

A spare worker imports everything a run needs, prints "ready", and waits for one line on its standard input: the path of a run's
folder. It trains that run in a session of its own, so it survives the end of the page and of the server, and exits afterwards: every
run begins in a fresh process. A spare whose server has exited reads the end of its input and exits.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vpc2.system.host import MB
from vpc2.text import Refusal
from vpc2.training.queue.failures import BUG, explain
from vpc2.training.runs.liveness import beat, claim
from vpc2.training.runs.store import Run, read_run

BEAT_S = 1.0
CHECK_EVERY_S = 0.05


class RequestFile:
    """A request file, called between training steps: True once the file exists.

    The disk is checked every `CHECK_EVERY_S` seconds at most: one check can take longer than a small training step.
    """

    def __init__(self, path: Path):
        self._path, self._checked_at = path, 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now - self._checked_at < CHECK_EVERY_S:
            return False
        self._checked_at = now
        return self._path.exists()


def train(run: Run, on_event: Callable[[dict], None] = lambda event: None, should_stop: Callable[[], bool] = lambda: False) -> str:
    """Train a run in this process, writing its record, model and event files; return its final state, or "paused".

    Resumes from the run's checkpoint, if there is one. `on_event` is called with every event as it is recorded. A failed run is
    recorded with its reason, also when memory or disk is full; only a bug in the program is raised again (after the end is
    recorded), so that the log has its traceback.
    """
    from vpc2.training.queue.record import RunRecorder

    recorder, folder = RunRecorder(run, on_event), run.folder
    try:
        is_asked_to_stop = RequestFile(folder / "stop")
        if run.task == "rate":
            from vpc2.training.trainer.lr_finder import find_rate

            find_rate(run.recipe, recorder.report, should_stop=lambda: should_stop() or is_asked_to_stop())
        else:
            from vpc2.training.trainer.trainer import fit

            fit(
                run.recipe,
                recorder.report,
                should_stop=lambda: should_stop() or is_asked_to_stop(),
                should_pause=RequestFile(folder / "pause"),
                folder=folder,
                on_snapshot=recorder.on_snapshot,
            )
    except (Refusal, MemoryError, OSError, RuntimeError, ImportError) as error:
        reason = explain(error)
        if not isinstance(error, Refusal):
            traceback.print_exc()
        recorder.fail(reason or BUG)
        if reason is None:
            raise
    except BaseException:
        recorder.fail(BUG)
        raise
    finally:
        recorder.close()
    return recorder.state or "failed"


def run_as_worker(run: Run) -> None:
    """Train a run as a worker process: claim it, write log and heartbeat, limit memory; SIGTERM requests a stop."""
    if not claim(run.folder):
        return
    log = os.open(run.folder / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    is_asked_to_stop, is_over = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_asked_to_stop.set())

    def write_heartbeats() -> None:
        while not is_over.wait(BEAT_S):
            with suppress(OSError):
                beat(run.folder)
            if not (run.folder / "spec.json").exists():  # the run was deleted: its result is no longer needed
                is_asked_to_stop.set()

    threading.Thread(target=write_heartbeats, daemon=True).start()
    _limit_memory()
    try:
        train(run, should_stop=is_asked_to_stop.is_set)
    finally:
        is_over.set()


def _limit_memory() -> None:
    """Limit the memory of this process, so that it and not the server fails when memory runs out (Linux, CPU only).

    Without a limit Linux overcommits memory and the OOM killer ends any process; with one, torch raises an error.
    """
    from vpc2.system.device import pick_device

    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if pick_device() != "cpu" or sys.platform != "linux":
        return  # CUDA reserves far more address space than it uses
    import resource

    import psutil

    limit = psutil.Process().memory_info().vms + max(int(psutil.virtual_memory().available * 0.8), 1024 * MB)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > limit:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def main() -> None:
    """Warm up, print "ready", wait for the folder of a run, train it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError, AttributeError):
        os.nice(10)
    from vpc2.training.trainer.trainer import warm_up

    warm_up()
    import vpc2.training.queue.record  # noqa: F401

    with suppress(BrokenPipeError):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
    line = sys.stdin.readline()
    if line.strip():
        run_as_worker(read_run(Path(line.strip())))


if __name__ == "__main__":
    main()
