"""The local queue: a supervisor thread assigns waiting runs to worker processes of this machine.

Workers are plain subprocesses, not `multiprocessing` (Streamlit replaces `__main__`), and outlive the server. A spare worker, started
in advance with everything imported, takes the next run.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from vpc2.system.host import LIMITS
from vpc2.text import Refusal, Text
from vpc2.training.queue import worker_pool
from vpc2.training.queue.base import OVERTIME_S, STOP_PATIENCE_S, QueueBase
from vpc2.training.runs.events import EventWriter
from vpc2.training.runs.liveness import worker_pid
from vpc2.training.runs.status import status_of
from vpc2.training.runs.store import Run, RunStore

TICK_S = 0.2
IDLE_TICK_S = 1.0

_NO_START = Text("The training process could not be started; the log of this run says why.")


class LocalQueue(QueueBase):
    """The queue of this machine: at most `runs_at_once` runs in parallel, the others wait in the fair order of `QueueBase`."""

    def __init__(self, store: RunStore, runs_at_once: int = LIMITS.runs_at_once):
        super().__init__(store)
        self.slots, self.max_waiting = runs_at_once, LIMITS.queue
        self._running: dict[str, worker_pool.Worker] = {}
        self._adopted: dict[str, Run] = {}  # runs started by an earlier server and still running
        self._spare: worker_pool.Worker | None = None
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._failures = 0

    def warm(self, wait_s: float = 0.0) -> bool:
        """Start the supervisor and a spare worker; return True if the spare is ready within `wait_s` seconds."""
        with self._lock:
            self._start_supervisor()
            if self._spare is None:
                self._spare = self._spawn()
            spare = self._spare
        return spare.is_ready.wait(wait_s)

    def reconcile(self) -> None:
        """Restore the state after a restart: adopt running workers, queue waiting runs again, kill orphaned workers.

        A run whose worker is dead needs no action: by its folder it is interrupted.
        """
        worker_pool.end_orphaned_workers(self.store)
        self.store.sweep()
        for run in reversed(self.store.list()):
            state = status_of(run.folder).state
            if state == "running":
                with self._lock:
                    if run.id not in self._running:
                        self._adopted[run.id] = run
                        self._start_supervisor()
            elif state == "queued":
                with suppress(Refusal):
                    self.start(run)

    def shutdown(self) -> None:
        """Stop the supervisor and the idle spare. Workers in the middle of a run finish it."""
        with self._lock:
            self._is_closing = True
            self._lock.notify_all()
            spare, self._spare = self._spare, None
        if self._thread is not None:
            self._thread.join(5)
        if spare is not None:
            spare.terminate()

    # -- the supervisor ----------------------------------------------------------------------------------------

    def _start_supervisor(self) -> None:
        if self._thread is None and not self._is_closing:
            self._thread = threading.Thread(target=self._supervise, name="vpc2-training", daemon=True)
            self._thread.start()

    def _supervise(self) -> None:
        while True:
            with self._lock:
                if self._is_closing:
                    return
                self._update()
                self._keep_spare()
                is_busy = self._running or self._adopted or self._waiting
                self._lock.wait(TICK_S if is_busy else IDLE_TICK_S)

    def _running_runs(self) -> list[Run]:
        assigned = [worker.run for worker in self._running.values() if worker.run is not None]
        return [*assigned, *self._adopted.values()]

    def _update(self) -> None:
        self._reap()
        self._assign_waiting()

    def _reap(self) -> None:
        """Remove workers that have exited; kill those that ignore a request for too long or exceed every time limit."""
        now = time.monotonic()
        for run_id, worker in list(self._running.items()):
            folder = self._folder_of(worker)
            if not worker.is_alive():
                self._record_failed_start(worker)
                worker.forget()
                del self._running[run_id]
                continue
            is_requested = any((folder / name).exists() for name in ("stop", "pause")) or not folder.is_dir()
            worker.requested_at = (worker.requested_at or now) if is_requested else None
            is_overdue = now - worker.assigned_at > LIMITS.run_seconds + OVERTIME_S
            if is_overdue or worker.requested_at is not None and now - worker.requested_at > STOP_PATIENCE_S:
                worker.process.kill()
        for run_id, run in list(self._adopted.items()):
            status = status_of(run.folder)
            pid = worker_pid(run.folder)
            if pid is None or status.state != "running":
                del self._adopted[run_id]
            elif status.is_stalled and any((run.folder / name).exists() for name in ("stop", "pause")):
                with suppress(OSError):
                    os.kill(pid, worker_pool.KILL)

    @staticmethod
    def _folder_of(worker: worker_pool.Worker) -> Path:
        assert worker.run is not None  # every worker in `_running` has a run
        return worker.run.folder

    def _record_failed_start(self, worker: worker_pool.Worker) -> None:
        """Record the run as failed if its worker exited before claiming it."""
        folder = self._folder_of(worker)
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

    def _assign_waiting(self) -> None:
        while not self._is_closing and self._waiting and len(self._running) + len(self._adopted) < self.slots:
            run = self._waiting_order()[0]
            self._waiting.remove(run)
            if not run.folder.is_dir() or status_of(run.folder).state != "queued":
                continue
            if self._spare is None or not self._spare.is_alive():
                self._spare = self._spawn()
            worker, self._spare = self._spare, None
            worker.assigned_at = time.monotonic()
            self._running[run.id] = worker
            worker.assign(run)

    def _keep_spare(self) -> None:
        """Keep one spare worker: at once when nothing runs, otherwise only some seconds after the last run started.

        Importing torch beside a run that has just started would delay the first point of its curve.
        """
        if self._spare is not None:
            if self._spare.is_alive() or self._failures >= 3:
                return
            self._spare.forget()
        if self._failures < 3 and all(time.monotonic() - worker.assigned_at > 3.0 for worker in self._running.values()):
            self._spare = self._spawn()

    def _spawn(self) -> worker_pool.Worker:
        return worker_pool.spawn(self.store.home, self.slots)
