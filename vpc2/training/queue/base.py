"""What every queue of runs is asked, and what this machine's and a Ray cluster's share.

Everything an engine must know after a restart is in the runs' folders: it holds only who waits and what is its own.
"""

from __future__ import annotations

import shutil
import threading
import time
from abc import ABC, abstractmethod
from typing import Protocol

from vpc2.host import MB
from vpc2.text import Refusal, Text
from vpc2.training.runs.events import latest_events, progress_of
from vpc2.training.runs.liveness import worker_pid
from vpc2.training.runs.store import NO_SPACE, Run, RunStore, status_of

STOP_PATIENCE_S = 10.0  # from the request to the end by force
OVERTIME_S = 120.0  # beyond the longest budget: loading, the last validation and the test
LEAST_FREE_BYTES = 32 * MB

_FULL = Text("The line is full ({limit} runs are waiting): try again in a few minutes.")
_STILL_ENDING = Text("The last process of this run is still ending: try again in a moment.")


class Engine(Protocol):
    """What pages call. `by` is the visitor who asks: only a run's owner may change it, anybody else gets a `Refusal`.

    What was asked already, or makes no difference any more (the second tab's click), is passed over in silence.
    """

    def warm(self, wait_s: float = 0.0) -> bool:
        """Get ready for the first run; return True once it is (waiting at most `wait_s`)."""

    def start(self, run: Run) -> None:
        """Put a run in line. Raises `Refusal` where the line or the disk is full; the run is then stopped."""

    def stop(self, run_id: str, *, by: str) -> None:
        """Ask a run to stop, keeping model and curves. Who does not answer is ended after `STOP_PATIENCE_S`."""

    def pause(self, run_id: str, *, by: str) -> None:
        """Ask a run to write its checkpoint and give its place back."""

    def resume(self, run_id: str, *, by: str) -> None:
        """Put a paused, interrupted or stopped run back in line, to go on from its checkpoint. Raises `Refusal` for one that is done."""

    def place_in_line(self, run_id: str) -> int | None:
        """Return 1 for the run that is next, 0 for one that has begun, None for one that neither waits nor runs."""

    def wait_s(self, run_id: str) -> float:
        """Return about how many seconds a waiting run still waits."""

    def seconds_left(self, run: Run) -> float:
        """Return about how many seconds of training a run still has before it, once it runs."""

    def reconcile(self) -> None:
        """Take up what an earlier server left: runs that go on, runs that wait, strays and litter."""

    def shutdown(self) -> None:
        """End what waits for work; runs go on to their end."""


class Line(ABC):
    """What both engines share: who waits, in which order, and how requests are left in a run's folder."""

    most_waiting: int
    places: int

    def __init__(self, store: RunStore):
        self.store = store
        self._lock = threading.Condition()
        self._waiting: list[Run] = []

    @abstractmethod
    def _begin(self) -> None:
        """Start the supervisor, if it does not run yet; called with the lock."""

    @abstractmethod
    def _going(self) -> list[Run]:
        """Return the runs that have a place now; called with the lock."""

    @abstractmethod
    def _tend(self) -> None:
        """Look after the runs at once: forget those that ended, hand out free places; called with the lock."""

    def start(self, run: Run) -> None:
        """Put a run in line; at once, if nothing is before it. Raises `Refusal` where line or disk is full."""
        with self._lock:
            self._tend()
            if any(other.id == run.id for other in (*self._going(), *self._waiting)) or status_of(run.folder).state != "queued":
                return
            if len(self._waiting) >= self.most_waiting:
                self._decline(run, _FULL.fill(limit=self.most_waiting))
            if shutil.disk_usage(run.folder).free < LEAST_FREE_BYTES:
                self._decline(run, NO_SPACE)
            self._waiting.append(run)
            self._begin()
            self._tend()
            self._lock.notify_all()

    def _decline(self, run: Run, reason: Text) -> None:
        self.store.request_stop(run.id, by=run.owner)  # else it would seem to wait, in no line
        raise Refusal(reason)

    def stop(self, run_id: str, *, by: str) -> None:
        self.store.request_stop(run_id, by=by)
        self._leave(run_id)

    def pause(self, run_id: str, *, by: str) -> None:
        self.store.request_pause(run_id, by=by)
        self._leave(run_id)

    def _leave(self, run_id: str) -> None:
        with self._lock:
            self._waiting = [waiting for waiting in self._waiting if waiting.id != run_id]
            self._lock.notify_all()

    def resume(self, run_id: str, *, by: str) -> None:
        run = self.store.get(run_id)
        deadline = time.monotonic() + STOP_PATIENCE_S + 2
        while self._is_closing_down(run):
            if time.monotonic() > deadline:
                raise Refusal(_STILL_ENDING)
            time.sleep(0.02)
        with self._lock:
            if self.store.request_resume(run_id, by=by):
                self.start(run)

    def _is_closing_down(self, run: Run) -> bool:
        """True while the worker of a run that is paused or over still closes its files: the run cannot have another one yet."""
        with self._lock:
            self._tend()
            is_going = any(other.id == run.id for other in self._going())
        return status_of(run.folder).state not in ("queued", "running") and (is_going or worker_pid(run.folder) is not None)

    def place_in_line(self, run_id: str) -> int | None:
        with self._lock:
            order = [waiting.id for waiting in self._order()]
            if run_id in order:
                return order.index(run_id) + 1
            is_handed = any(run.id == run_id for run in self._going())
        return 0 if is_handed and status_of(self.store.folder / run_id).state in ("queued", "running") else None

    def wait_s(self, run_id: str) -> float:
        with self._lock:
            order = self._order()
            before = order[: next((place for place, waiting in enumerate(order) if waiting.id == run_id), 0)]
            going = self._going()
        return sum(self.seconds_left(run) for run in (*before, *going)) / max(self.places, 1)

    def seconds_left(self, run: Run) -> float:
        left = progress_of(latest_events(run.folder))[1]
        return run.recipe.settings["budget_s"] if left is None else left

    def _order(self) -> list[Run]:
        """Return who waits, fairly: every owner's first run before anybody's second, earlier ones first."""
        ahead: dict[str, int] = {}
        for run in self._going():
            ahead[run.owner] = ahead.get(run.owner, 0) + 1
        turns = []
        for run in sorted(self._waiting, key=lambda run: run.created):
            turn = ahead.get(run.owner, 0)
            ahead[run.owner] = turn + 1
            turns.append((turn, run.created, run.id, run))
        return [run for *_, run in sorted(turns, key=lambda item: item[:3])]
