"""The Ray actor that trains one run on a cluster machine, and the updates that it sends to the server."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpc2.text import Refusal, Text
from vpc2.training.queue.failures import BUG, explain
from vpc2.training.runs.file_names import CHECKPOINT_NAME, MODEL_NAME
from vpc2.training.spec import Recipe

if TYPE_CHECKING:
    from vpc2.data.imageset import ImageSet
    from vpc2.training.runs.snapshot import Snapshot

FILES = (MODEL_NAME, CHECKPOINT_NAME)
POLL_WAIT_S = 0.5  # how long a poll waits for a new event
FILES_EVERY_S = 1.0
ABANDONED_S = 900.0  # an actor whose run is over and that is not polled for so long exits


@dataclass(frozen=True)
class ReceivedState:
    """What the server has received of a run: how many events, and which version of each file."""

    events: int = 0
    files: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RunUpdate:
    """What the server has not received yet: events from number `first` on, and changed files as (version, content or None if deleted).

    `is_done` is True for the last update; `problem` and `log` then hold the reason and the traceback of a failed run.
    """

    first: int
    events: tuple[dict[str, Any], ...]
    files: dict[str, tuple[int, bytes | None]]
    snapshot: Snapshot | None
    is_done: bool
    problem: Text | None
    log: str

    def received_after(self, earlier: ReceivedState) -> ReceivedState:
        """Return the state of the server after it has applied this update to `earlier`."""
        versions = {name: version for name, (version, _) in self.files.items()}
        return ReceivedState(self.first + len(self.events), {**earlier.files, **versions})


class RemoteTrainer:
    """Trains one run in a thread and a temporary folder of its own, and keeps events and files until the server has received them.

    Ray makes an actor of this class; nothing in it depends on Ray.
    """

    def __init__(self, recipe: Recipe, data: ImageSet, files: dict[str, bytes], t: float):
        self.recipe, self.data = recipe, data
        self._folder = Path(tempfile.mkdtemp(prefix="vpc2-run-"))
        for name, content in files.items():
            (self._folder / name).write_bytes(content)
        self._changed = threading.Condition()
        self._first = 0
        self._events: list[dict[str, Any]] = []
        self._versions = dict.fromkeys(FILES, 0)
        self._files: dict[str, tuple[int, bytes | None]] = {}  # not yet received by the server
        self._file_stats: dict[str, tuple[int, int] | None] = {name: self._stat(name) for name in FILES}
        self._collected_at = float("-inf")
        self._snapshot: Snapshot | None = None
        self._request, self._polled_at = "", time.monotonic()
        self._is_done, self._log = False, ""
        self._problem: Text | None = None
        self._began_at = time.monotonic() - t
        threading.Thread(target=self._train, daemon=True).start()
        threading.Thread(target=self._exit_if_abandoned, daemon=True).start()

    def poll(self, received: ReceivedState, request: str) -> RunUpdate:
        """Return what is new since `received`, and accept the open request for the run: "stop", "pause" or ""."""
        with self._changed:
            self._polled_at = time.monotonic()
            self._request = request
            del self._events[: max(received.events - self._first, 0)]
            self._first = max(self._first, received.events)
            self._files = {name: file for name, file in self._files.items() if received.files.get(name, 0) < file[0]}
            self._changed.wait_for(lambda: self._is_done or self._events, POLL_WAIT_S)
            snapshot, self._snapshot = self._snapshot, None
            return RunUpdate(self._first, tuple(self._events), dict(self._files), snapshot, self._is_done, self._problem, self._log)

    def _train(self) -> None:
        try:
            from vpc2.training.trainer.trainer import fit

            fit(
                self.recipe,
                self._report,
                should_stop=lambda: self._request == "stop",
                should_pause=lambda: self._request == "pause",
                folder=self._folder,
                data=self.data,
                on_snapshot=self._keep_snapshot,
            )
        except (Refusal, MemoryError, OSError, RuntimeError) as error:
            self._problem, self._log = explain(error) or BUG, traceback.format_exc()
        except BaseException:
            self._problem, self._log = BUG, traceback.format_exc()
            raise
        finally:
            with self._changed:
                self._collect_files()
                self._is_done = True
                self._changed.notify_all()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _report(self, event: dict[str, Any]) -> None:
        with self._changed:
            now = time.monotonic()
            if event["type"] in ("end", "pause") or event["type"] == "epoch" and now - self._collected_at > FILES_EVERY_S:
                self._collect_files()  # before the event, so that the server has the model when it receives the epoch
                self._collected_at = now
            self._events.append({**event, "t": now - self._began_at})
            self._changed.notify_all()

    def _keep_snapshot(self, snapshot: Snapshot) -> None:
        with self._changed:
            self._snapshot = snapshot  # only the latest one is kept

    def _collect_files(self) -> None:
        """Read the files that have changed; called with the lock held."""
        for name in FILES:
            stat = self._stat(name)
            if stat != self._file_stats[name]:
                self._file_stats[name] = stat
                self._versions[name] += 1
                self._files[name] = (self._versions[name], (self._folder / name).read_bytes() if stat is not None else None)

    def _stat(self, name: str) -> tuple[int, int] | None:
        try:
            stat = (self._folder / name).stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino

    def _exit_if_abandoned(self) -> None:
        while not self._is_done or time.monotonic() - self._polled_at < ABANDONED_S:
            time.sleep(5)
        os._exit(0)
