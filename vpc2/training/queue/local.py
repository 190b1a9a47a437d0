"""This machine's queue: a supervisor thread hands waiting runs to a warm spare worker.

Workers are plain subprocesses, never `multiprocessing` (Streamlit replaces `__main__`), and outlive the server.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

from vpc2.host import LIMITS
from vpc2.text import Refusal, Text
from vpc2.training.queue import worker_pool
from vpc2.training.queue.base import OVERTIME_S, STOP_PATIENCE_S, Line
from vpc2.training.runs.events import EventWriter
from vpc2.training.runs.liveness import worker_pid
from vpc2.training.runs.store import Run, RunStore, status_of

TICK_S = 0.2
IDLE_TICK_S = 1.0

_NO_START = Text("The training process could not be started; the log of this run says why.")


class LocalEngine(Line):
    """The queue of this machine: `runs_at_once` run, the others wait, first each owner's oldest, then the second ones."""

    def __init__(self, store: RunStore, runs_at_once: int = LIMITS.runs_at_once):
        super().__init__(store)
        self.places, self.most_waiting = runs_at_once, LIMITS.queue
        self._running: dict[str, worker_pool.Worker] = {}
        self._adopted: dict[str, Run] = {}  # runs that an earlier server started and that still go on
        self._spare: worker_pool.Worker | None = None
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._failures = 0

    def warm(self, wait_s: float = 0.0) -> bool:
        """Start the supervisor and a spare worker; return True once the spare is ready (waiting at most `wait_s`)."""
        with self._lock:
            self._begin()
            if self._spare is None:
                self._spare = self._spawn()
            spare = self._spare
        return spare.is_ready.wait(wait_s)

    def reconcile(self) -> None:
        """Take up what an earlier server left: running workers are counted, waiting runs wait again, strays are ended.

        A run whose worker is dead needs nothing: its folder says that it was interrupted.
        """
        worker_pool.end_strays(self.store)
        self.store.sweep()
        for run in reversed(self.store.list()):
            state = status_of(run.folder).state
            if state == "running":
                with self._lock:
                    if run.id not in self._running:
                        self._adopted[run.id] = run
                        self._begin()
            elif state == "queued":
                with suppress(Refusal):
                    self.start(run)

    def shutdown(self) -> None:
        """End the supervisor and the idle spare. Workers with a run go on to its end."""
        with self._lock:
            self._is_closing = True
            self._lock.notify_all()
            spare, self._spare = self._spare, None
        if self._thread is not None:
            self._thread.join(5)
        if spare is not None:
            spare.dismiss()

    # -- the supervisor ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._thread is None and not self._is_closing:
            self._thread = threading.Thread(target=self._supervise, name="vpc2-training", daemon=True)
            self._thread.start()

    def _supervise(self) -> None:
        while True:
            with self._lock:
                if self._is_closing:
                    return
                self._tend()
                self._refill()
                busy = self._running or self._adopted or self._waiting
                self._lock.wait(TICK_S if busy else IDLE_TICK_S)

    def _going(self) -> list[Run]:
        return [*(worker.run for worker in self._running.values()), *self._adopted.values()]

    def _tend(self) -> None:
        self._reap()
        self._hand_out()

    def _reap(self) -> None:
        """Forget workers that have ended; end those that do not answer a request, or that outlast every limit."""
        now = time.monotonic()
        for run_id, worker in list(self._running.items()):
            if not worker.is_alive():
                self._account(worker)
                worker.forget()
                del self._running[run_id]
                continue
            is_asked = any((worker.run.folder / name).exists() for name in ("stop", "pause")) or not worker.run.folder.is_dir()
            worker.asked_at = (worker.asked_at or now) if is_asked else None
            late = now - worker.handed > LIMITS.run_seconds + OVERTIME_S
            if late or is_asked and now - worker.asked_at > STOP_PATIENCE_S:
                worker.process.kill()
        for run_id, run in list(self._adopted.items()):
            status = status_of(run.folder)
            pid = worker_pid(run.folder)
            if pid is None or status.state != "running":
                del self._adopted[run_id]
            elif status.is_stalled and any((run.folder / name).exists() for name in ("stop", "pause")):
                with suppress(OSError):
                    os.kill(pid, worker_pool.KILL)

    def _account(self, worker: worker_pool.Worker) -> None:
        """Say so in the record if a worker ended before it could claim its run."""
        folder = worker.run.folder
        if not folder.is_dir() or status_of(folder).state != "queued":
            self._failures = 0
            return
        self._failures += 1
        with suppress(OSError):
            (folder / "worker.log").write_bytes(worker.log.read_bytes()[-20_000:])
            writer = EventWriter(folder)
            writer.write({"type": "end", "state": "failed", "reason": _NO_START.in_every_language()})
            writer.close()
            (folder / "queued").unlink(missing_ok=True)

    def _hand_out(self) -> None:
        while not self._is_closing and self._waiting and len(self._running) + len(self._adopted) < self.places:
            run = self._order()[0]
            self._waiting.remove(run)
            if not run.folder.is_dir() or status_of(run.folder).state != "queued":
                continue
            if self._spare is None or not self._spare.is_alive():
                self._spare = self._spawn()
            worker, self._spare = self._spare, None
            worker.handed = time.monotonic()
            self._running[run.id] = worker
            worker.hand(run)

    def _refill(self) -> None:
        """Keep a spare: at once when nothing runs, otherwise only once the running one shows its first points.

        Importing torch beside a run that has just been started would delay the very point a visitor waits for.
        """
        if self._spare is not None:
            if self._spare.is_alive() or self._failures >= 3:
                return
            self._spare.forget()
        if self._failures < 3 and all(time.monotonic() - worker.handed > 3.0 for worker in self._running.values()):
            self._spare = self._spawn()

    def _spawn(self) -> worker_pool.Worker:
        return worker_pool.spawn(self.store.home, self.places)
