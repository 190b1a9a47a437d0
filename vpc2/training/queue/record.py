"""Recording of a run: writes its events, snapshots and TensorBoard files, and the reason if it fails.

One process at a time writes a run's folder: its worker on this machine, or the server for a run on a cluster.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vpc2.text import Text
from vpc2.training.runs.events import DuplicateFilter, EventWriter, read_events
from vpc2.training.runs.file_names import CHECKPOINT_NAME
from vpc2.training.runs.snapshot import Snapshot
from vpc2.training.runs.snapshot_writer import SnapshotWriter
from vpc2.training.runs.store import Run
from vpc2.training.tensorboard.sink import TensorBoardSink

RESERVE_BYTES = 16 * 1024
MAX_HEADER_BYTES = 8 * 1024 * 1024


class RunRecorder:
    """Writes the events and snapshots of one run to its folder; events that the record already holds are dropped.

    `on_event` is called with every event as it is recorded. `is_resumed` is True where a run resumes (a `resume` event is then
    written), False where a restarted server goes on recording a run that was not interrupted. `state` is the final state of the run,
    "paused", or "" while it runs.
    """

    def __init__(self, run: Run, on_event: Callable[[dict[str, Any]], object] = lambda event: None, is_resumed: bool = True):
        self.run, self.on_event, self.state = run, on_event, ""
        self._reserve = run.folder / "reserve"
        self._reserve.write_bytes(b"\0" * RESERVE_BYTES)
        events, _ = read_events(run.folder)
        self._duplicates = DuplicateFilter(events)
        self._writer = EventWriter(run.folder)
        self._sinks: list[TensorBoardSink | SnapshotWriter] = (
            [TensorBoardSink(run), SnapshotWriter(run.folder)] if run.task == "train" else []
        )
        if events and is_resumed:
            self._write({"type": "resume", **checkpoint_position(run.folder)})
        (run.folder / "queued").unlink(missing_ok=True)

    def report(self, event: dict[str, Any]) -> None:
        """Record an event of the training loop. Raises OSError on a full disk."""
        if self._duplicates.has(event):
            return
        recorded = self._write(event)
        if event["type"] in ("end", "pause"):
            self.state = event.get("state", "paused")
        for sink in self._sinks:
            sink(recorded)

    def note(self, text: Text) -> None:
        """Record a `note` event."""
        self._write({"type": "note", "text": text.in_every_language()})

    @property
    def on_snapshot(self) -> Callable[[Snapshot], None] | None:
        """The function that writes a snapshot to all sinks, or None for a run without sinks."""
        write_functions = [sink.write_snapshot for sink in self._sinks]
        if not write_functions:
            return None

        def write_snapshot(snapshot: Snapshot) -> None:
            for write in write_functions:
                write(snapshot)

        return write_snapshot

    def fail(self, reason: Text) -> None:
        """Record the end as failed with a reason, unless the run has already ended; works on a full disk, too."""
        self._reserve.unlink(missing_ok=True)
        for path in self.run.folder.glob("*.tmp"):
            path.unlink(missing_ok=True)
        if not self.state:
            self.state = "failed"
            with suppress(OSError):  # no space even for that: the status becomes "interrupted"
                self.on_event(self._writer.write_last({"type": "end", "state": "failed", "reason": reason.in_every_language()}))

    def close(self) -> None:
        for sink in self._sinks:
            with suppress(OSError):
                sink.close()
        self._writer.close()
        self._reserve.unlink(missing_ok=True)

    def _write(self, event: dict[str, Any]) -> dict[str, Any]:
        recorded = self._writer.write(event)
        self.on_event(recorded)
        return recorded


def checkpoint_position(folder: Path) -> dict[str, int]:
    """Return step and epoch of a run's checkpoint, zeros without one; only the header of the file is read."""
    position: Any = None
    try:
        with (folder / CHECKPOINT_NAME).open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            position = json.loads(json.loads(file.read(min(size, MAX_HEADER_BYTES)))["__metadata__"]["place"])
    except (OSError, ValueError, KeyError, TypeError, struct.error):  # damaged: resuming the run reports it
        pass
    values = position if isinstance(position, dict) else {}
    return {name: value if isinstance(value := values.get(name), int) else 0 for name in ("step", "epoch")}
