"""One training process: `python -m vpc2.training.queue.worker`.

A spare imports everything a run needs, says "ready", and waits for one line on its standard input: the folder of a
run. It trains that run in a session of its own, so neither the page nor the server takes it along when they end, and
it ends itself afterwards: every run begins in a fresh process. A spare whose server is gone ends.
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

from vpc2.host import MB
from vpc2.text import Refusal
from vpc2.training.queue.failures import BUG, explain
from vpc2.training.runs.liveness import beat, claim
from vpc2.training.runs.store import Run, read_run

BEAT_S = 1.0
ASK_EVERY_S = 0.05


class Request:
    """True once its file is there. It is looked for now and then only: a look at the disk can cost more than a small step."""

    def __init__(self, path: Path):
        self._path, self._looked = path, 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now - self._looked < ASK_EVERY_S:
            return False
        self._looked = now
        return self._path.exists()


def train(run: Run, listen: Callable[[dict], None] = lambda event: None, should_stop: Callable[[], bool] = lambda: False) -> str:
    """Train a run in this process, writing its record, model and event files; return the state it ended in, or "paused".

    It goes on from the run's checkpoint, if there is one. `listen` hears every event as it is recorded. A run ends in a
    sentence, also without memory or disk; only an error of the program itself is raised again (after the record has
    ended), so that the log has its traceback.
    """
    from vpc2.training.queue.record import Record

    record, folder = Record(run, listen), run.folder
    try:
        is_asked_to_stop = Request(folder / "stop")
        if run.task == "rate":
            from vpc2.training.trainer.lr_finder import find_rate

            find_rate(run.recipe, record.report, should_stop=lambda: should_stop() or is_asked_to_stop())
        else:
            from vpc2.training.trainer.trainer import fit

            fit(
                run.recipe,
                record.report,
                should_stop=lambda: should_stop() or is_asked_to_stop(),
                should_pause=Request(folder / "pause"),
                folder=folder,
                look=record.looks,
            )
    except (Refusal, MemoryError, OSError, RuntimeError, ImportError) as error:
        reason = explain(error)
        if not isinstance(error, Refusal):
            traceback.print_exc()
        record.fail(reason or BUG)
        if reason is None:
            raise
    except BaseException:
        record.fail(BUG)
        raise
    finally:
        record.close()
    return record.state or "failed"


def work_on(run: Run) -> None:
    """Train a run in this process, dressed as a worker: log, heartbeat, polite priority, SIGTERM means stop."""
    if not claim(run.folder):
        return
    log = os.open(run.folder / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    is_asked_to_stop, is_over = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_asked_to_stop.set())

    def keep_beating() -> None:
        while not is_over.wait(BEAT_S):
            with suppress(OSError):
                beat(run.folder)
            if not (run.folder / "spec.json").exists():  # deleted under our hands: nobody waits for the rest
                is_asked_to_stop.set()

    threading.Thread(target=keep_beating, daemon=True).start()
    _limit_memory()
    try:
        train(run, should_stop=is_asked_to_stop.is_set)
    finally:
        is_over.set()


def _limit_memory() -> None:
    """Let this process, and not the server, be the one that ends when memory runs out (Linux, CPU only).

    Without a limit Linux lends more than there is and then kills whom it likes; with one, torch raises.
    """
    from vpc2.augment.pipeline import pick_device

    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if pick_device() != "cpu" or sys.platform != "linux":
        return  # CUDA maps far more addresses than it uses
    import resource

    import psutil

    limit = psutil.Process().memory_info().vms + max(int(psutil.virtual_memory().available * 0.8), 1024 * MB)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > limit:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def main() -> None:
    """Warm up, say so, wait for the folder of a run, train it."""
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
        work_on(read_run(Path(line.strip())))


if __name__ == "__main__":
    main()
