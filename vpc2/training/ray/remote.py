"""The far end of a run on a cluster: trains it in a folder of its own, and keeps what it has to say until it was heard."""

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
from vpc2.training.runs.store import CHECKPOINT_NAME, MODEL_NAME
from vpc2.training.spec import Recipe

if TYPE_CHECKING:
    from vpc2.data.imageset import ImageSet
    from vpc2.training.runs.snapshot import Look

FILES = (MODEL_NAME, CHECKPOINT_NAME)
PATIENCE_S = 0.5  # how long a question waits for something to say
FILES_EVERY_S = 1.0
LONELY_S = 900.0  # a run that is done and that nobody asks after ends itself


@dataclass(frozen=True)
class Heard:
    """What the server has of a run: how many events, and which version of each file."""

    events: int = 0
    files: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class News:
    """What the server does not have yet. `first` is the number of the first event; a file that is None was removed.

    `is_done` says that nothing more will come; then `problem` is the sentence, and `log` the traceback, of a run that failed.
    """

    first: int
    events: tuple[dict[str, Any], ...]
    files: dict[str, tuple[int, bytes | None]]
    look: Look | None
    is_done: bool
    problem: Text | None
    log: str

    def heard(self, before: Heard) -> Heard:
        """Return what the server has once it has taken this in."""
        versions = {name: version for name, (version, _) in self.files.items()}
        return Heard(self.first + len(self.events), {**before.files, **versions})


class Trainer:
    """One run. An actor of the cluster; to itself it is a plain object with a thread that trains."""

    def __init__(self, recipe: Recipe, data: ImageSet, files: dict[str, bytes], t: float):
        self.recipe, self.data = recipe, data
        self._folder = Path(tempfile.mkdtemp(prefix="vpc2-run-"))
        for name, content in files.items():
            (self._folder / name).write_bytes(content)
        self._changed = threading.Condition()
        self._first, self._events = 0, []
        self._versions = dict.fromkeys(FILES, 0)
        self._files: dict[str, tuple[int, bytes | None]] = {}  # those the server does not have yet
        self._stamps: dict[str, tuple[int, int] | None] = {name: self._stamp(name) for name in FILES}
        self._looked_at = float("-inf")
        self._look: Look | None = None
        self._asked, self._visited = "", time.monotonic()
        self._is_done, self._problem, self._log = False, None, ""
        self._began = time.monotonic() - t
        threading.Thread(target=self._train, daemon=True).start()
        threading.Thread(target=self._end_if_lonely, daemon=True).start()

    def take(self, heard: Heard, asked: str) -> News:
        """Tell what is new since `heard`, and hear what is asked of the run: "stop", "pause" or nothing."""
        with self._changed:
            self._visited = time.monotonic()
            self._asked = asked
            del self._events[: max(heard.events - self._first, 0)]
            self._first = max(self._first, heard.events)
            self._files = {name: file for name, file in self._files.items() if heard.files.get(name, 0) < file[0]}
            self._changed.wait_for(lambda: self._is_done or self._events, PATIENCE_S)
            look, self._look = self._look, None
            return News(self._first, tuple(self._events), dict(self._files), look, self._is_done, self._problem, self._log)

    def _train(self) -> None:
        try:
            from vpc2.training.trainer.trainer import fit

            fit(
                self.recipe,
                self._report,
                should_stop=lambda: self._asked == "stop",
                should_pause=lambda: self._asked == "pause",
                folder=self._folder,
                data=self.data,
                look=self._show,
            )
        except (Refusal, MemoryError, OSError, RuntimeError) as error:
            self._problem, self._log = explain(error) or BUG, traceback.format_exc()
        except BaseException:
            self._problem, self._log = BUG, traceback.format_exc()
            raise
        finally:
            with self._changed:
                self._collect()
                self._is_done = True
                self._changed.notify_all()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _report(self, event: dict[str, Any]) -> None:
        with self._changed:
            now = time.monotonic()
            if event["type"] in ("end", "pause") or event["type"] == "epoch" and now - self._looked_at > FILES_EVERY_S:
                self._collect()  # before the event: whoever hears of the first epoch has its model
                self._looked_at = now
            self._events.append({**event, "t": now - self._began})
            self._changed.notify_all()

    def _show(self, look: Look) -> None:
        with self._changed:
            self._look = look  # the latest one alone

    def _collect(self) -> None:
        """Take up the files that have changed; called with the lock."""
        for name in FILES:
            stamp = self._stamp(name)
            if stamp != self._stamps[name]:
                self._stamps[name] = stamp
                self._versions[name] += 1
                self._files[name] = (self._versions[name], (self._folder / name).read_bytes() if stamp is not None else None)

    def _stamp(self, name: str) -> tuple[int, int] | None:
        try:
            found = (self._folder / name).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _end_if_lonely(self) -> None:
        while not self._is_done or time.monotonic() - self._visited < LONELY_S:
            time.sleep(5)
        os._exit(0)
