"""What a run leaves in its folder while it goes: its record, TensorBoard's event files, and a sentence where it fails.

One process at a time writes a run's folder: a worker of this machine, or the server for a run on another one.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vpc2.text import Text
from vpc2.training.runs.events import EventWriter, Repeats, read_events
from vpc2.training.runs.snapshot import Look
from vpc2.training.runs.snapshot_view import LookWriter
from vpc2.training.runs.store import CHECKPOINT_NAME, Run
from vpc2.training.tensorboard.sink import TensorBoardSink

RESERVE_BYTES = 16 * 1024
MOST_HEADER_BYTES = 8 * 1024 * 1024


class Record:
    """Writes down what a run reports; what the record held before, when a run goes on, it drops.

    `listen` hears every event as it is recorded; `is_resumed` says that a record which has begun is taken up again, rather
    than followed on by another server. `state` is the one the run ended in, "paused" where it pauses, or "".
    """

    def __init__(self, run: Run, listen: Callable[[dict[str, Any]], object] = lambda event: None, is_resumed: bool = True):
        self.run, self.listen, self.state = run, listen, ""
        self._reserve = run.folder / "reserve"
        self._reserve.write_bytes(b"\0" * RESERVE_BYTES)
        known, _ = read_events(run.folder)
        self._repeats = Repeats(known)
        self._writer = EventWriter(run.folder)
        self._sinks = [TensorBoardSink(run), LookWriter(run.folder)] if run.task == "train" else []
        if known and is_resumed:
            self._write({"type": "resume", **place_of(run.folder)})
        (run.folder / "queued").unlink(missing_ok=True)

    def report(self, event: dict[str, Any]) -> None:
        """Hear an event of the loop. Raises OSError on a full disk."""
        if self._repeats.has(event):
            return
        whole = self._write(event)
        if event["type"] in ("end", "pause"):
            self.state = event.get("state", "paused")
        for sink in self._sinks:
            sink(whole)

    def note(self, text: Text) -> None:
        """Say something in the record."""
        self._write({"type": "note", "text": text.in_every_language()})

    @property
    def looks(self) -> Callable[[Look], None] | None:
        """What hears looks, where there is anything that wants to."""
        hear = [sink.look for sink in self._sinks if hasattr(sink, "look")]
        if not hear:
            return None

        def look(one: Look) -> None:
            for each in hear:
                each(one)

        return look

    def fail(self, reason: Text) -> None:
        """End the record with a sentence, if it has not ended already: also without disk."""
        self._reserve.unlink(missing_ok=True)
        for part in self.run.folder.glob("*.tmp"):
            part.unlink(missing_ok=True)
        if not self.state:
            self.state = "failed"
            with suppress(OSError):  # not even that: the folder will say "interrupted"
                self.listen(self._writer.write_last({"type": "end", "state": "failed", "reason": reason.in_every_language()}))

    def close(self) -> None:
        for sink in self._sinks:
            with suppress(OSError):
                sink.close()
        self._writer.close()
        self._reserve.unlink(missing_ok=True)

    def _write(self, event: dict[str, Any]) -> dict[str, Any]:
        whole = self._writer.write(event)
        self.listen(whole)
        return whole


def place_of(folder: Path) -> dict[str, int]:
    """Return the step and epoch that a run's checkpoint stands at, zeros without one; read from the file's header alone."""
    place: Any = None
    try:
        with (folder / CHECKPOINT_NAME).open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            place = json.loads(json.loads(file.read(min(size, MOST_HEADER_BYTES)))["__metadata__"]["place"])
    except (OSError, ValueError, KeyError, TypeError, struct.error):  # damaged: the run itself will say so
        pass
    found = place if isinstance(place, dict) else {}
    return {name: value if isinstance(value := found.get(name), int) else 0 for name in ("step", "epoch")}
