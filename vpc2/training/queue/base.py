"""The interface of a queue of runs (`RunQueue`) and the part shared by the local and the Ray queue (`QueueBase`).

A queue keeps only the waiting runs and its own workers in memory; everything needed after a restart is in the runs' folders.
"""

from __future__ import annotations

import shutil
import threading
import time
from abc import ABC, abstractmethod
from typing import Protocol

from vpc2.system.host import MB
from vpc2.text import Refusal, Text
from vpc2.training.runs.events import latest_events, progress_of
from vpc2.training.runs.liveness import worker_pid
from vpc2.training.runs.status import status_of
from vpc2.training.runs.store import NO_SPACE, Run, RunStore

RAY_ADDRESS = "VPC2_RAY_ADDRESS"  # the environment's variable that names a Ray cluster
STOP_PATIENCE_S = 10.0  # between a request and killing the worker
OVERTIME_S = 120.0  # added to the longest time budget: loading, the last validation and the test
MIN_FREE_BYTES = 32 * MB

_FULL = Text("The line is full ({limit} runs are waiting): try again in a few minutes.")
_STILL_ENDING = Text("The last process of this run is still ending: try again in a moment.")


class RunQueue(Protocol):
    """The interface that pages use. `by` is the id of the visitor: methods raise `Refusal` unless that is the run's owner.

    Repeated requests, and requests that no longer make a difference (a click in a second tab), are ignored.
    """

    def warm(self, wait_s: float = 0.0) -> bool:
        """Prepare for the first run; return True if ready within `wait_s` seconds."""

    def start(self, run: Run) -> None:
        """Add a run to the queue. Raises `Refusal` if the queue or the disk is full; the run is then stopped."""

    def stop(self, run_id: str, *, by: str) -> None:
        """Request that a run stops, keeping model and curves. A worker that does not respond is killed after `STOP_PATIENCE_S`."""

    def pause(self, run_id: str, *, by: str) -> None:
        """Request that a run writes its checkpoint and frees its slot."""

    def resume(self, run_id: str, *, by: str) -> None:
        """Queue a paused, interrupted or stopped run again, to resume from its checkpoint. Raises `Refusal` if it cannot be resumed."""

    def place_in_queue(self, run_id: str) -> int | None:
        """Return the position of a run: 1 for the next one, 0 for a running one, None if it is neither waiting nor running."""

    def wait_s(self, run_id: str) -> float:
        """Return an estimate of how many seconds a waiting run still waits."""

    def seconds_left(self, run: Run) -> float:
        """Return an estimate of how many seconds of training a run has left, waiting time not included."""

    def reconcile(self) -> None:
        """Restore the state after a restart of the server: running and waiting runs, orphaned workers, temporary files."""

    def shutdown(self) -> None:
        """Stop the supervisor and idle workers; runs in progress continue to their end."""


class QueueBase(ABC):
    """Waiting runs, their order, and requests as files in a run's folder: what the local and the Ray queue share."""

    max_waiting: int
    slots: int

    def __init__(self, store: RunStore):
        self.store = store
        self._lock = threading.Condition()
        self._waiting: list[Run] = []

    @abstractmethod
    def _start_supervisor(self) -> None:
        """Start the supervisor thread unless it is running; called with the lock held."""

    @abstractmethod
    def _running_runs(self) -> list[Run]:
        """Return the runs that occupy a slot; called with the lock held."""

    @abstractmethod
    def _update(self) -> None:
        """Remove ended runs and assign free slots now; called with the lock held."""

    def start(self, run: Run) -> None:
        """Add a run to the queue and start it if a slot is free. Raises `Refusal` if the queue or the disk is full."""
        with self._lock:
            self._update()
            if any(other.id == run.id for other in (*self._running_runs(), *self._waiting)) or status_of(run.folder).state != "queued":
                return
            if len(self._waiting) >= self.max_waiting:
                self._refuse(run, _FULL.fill(limit=self.max_waiting))
            if shutil.disk_usage(run.folder).free < MIN_FREE_BYTES:
                self._refuse(run, NO_SPACE)
            self._waiting.append(run)
            self._start_supervisor()
            self._update()
            self._lock.notify_all()

    def _refuse(self, run: Run, reason: Text) -> None:
        self.store.request_stop(run.id, by=run.owner)  # otherwise its status would stay `queued` though no queue holds it
        raise Refusal(reason)

    def stop(self, run_id: str, *, by: str) -> None:
        self.store.request_stop(run_id, by=by)
        self._remove_waiting(run_id)

    def pause(self, run_id: str, *, by: str) -> None:
        self.store.request_pause(run_id, by=by)
        self._remove_waiting(run_id)

    def _remove_waiting(self, run_id: str) -> None:
        with self._lock:
            self._waiting = [waiting for waiting in self._waiting if waiting.id != run_id]
            self._lock.notify_all()

    def resume(self, run_id: str, *, by: str) -> None:
        run = self.store.get(run_id)
        deadline = time.monotonic() + STOP_PATIENCE_S + 2
        while self._is_ending(run):
            if time.monotonic() > deadline:
                raise Refusal(_STILL_ENDING)
            time.sleep(0.02)
        with self._lock:
            if self.store.request_resume(run_id, by=by):
                self.start(run)

    def _is_ending(self, run: Run) -> bool:
        """True while the worker of a paused or ended run still closes its files: no second worker may start yet."""
        with self._lock:
            self._update()
            is_going = any(other.id == run.id for other in self._running_runs())
        return status_of(run.folder).state not in ("queued", "running") and (is_going or worker_pid(run.folder) is not None)

    def place_in_queue(self, run_id: str) -> int | None:
        with self._lock:
            order = [waiting.id for waiting in self._waiting_order()]
            if run_id in order:
                return order.index(run_id) + 1
            is_assigned = any(run.id == run_id for run in self._running_runs())
        return 0 if is_assigned and status_of(self.store.folder / run_id).state in ("queued", "running") else None

    def wait_s(self, run_id: str) -> float:
        with self._lock:
            order = self._waiting_order()
            runs_ahead = order[: next((place for place, waiting in enumerate(order) if waiting.id == run_id), 0)]
            going = self._running_runs()
        return sum(self.seconds_left(run) for run in (*runs_ahead, *going)) / max(self.slots, 1)

    def seconds_left(self, run: Run) -> float:
        left = progress_of(latest_events(run.folder))[1]
        return run.recipe.settings["budget_s"] if left is None else left

    def _waiting_order(self) -> list[Run]:
        """Return the waiting runs in fair order: every owner's first run before any owner's second, earlier ones first."""
        turns_by_owner: dict[str, int] = {}
        for run in self._running_runs():
            turns_by_owner[run.owner] = turns_by_owner.get(run.owner, 0) + 1
        turns = []
        for run in sorted(self._waiting, key=lambda run: run.created):
            turn = turns_by_owner.get(run.owner, 0)
            turns_by_owner[run.owner] = turn + 1
            turns.append((turn, run.created, run.id, run))
        return [run for *_, run in sorted(turns, key=lambda item: item[:3])]
