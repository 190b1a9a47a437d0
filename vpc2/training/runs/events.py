"""The events of a run: `events.jsonl`, one JSON object per line, append-only. Curves, TensorBoard and verdicts only read it.

Every event is `{"n": consecutive number, "t": seconds since the start, "type": ...}` with, by type:

- `start`: classes, counts (train, validation, test), params, steps_per_epoch, batch_size, epochs, budget_s, device, threads;
  guess_loss (of the best constant prediction, the same for every image), seen_counts and val_counts (images per class, as the
  accuracies count them), is_augmented, mix and adversary (keys, or null)
- `step`: step, epoch, loss, accuracy, learning_rate (of that batch; once events are thinned, means since the last step event)
- `epoch`: epoch, step, train_loss, train_accuracy, train_floor (the lowest loss that the targets allow: 0 for plain labels),
  val_loss, val_accuracy (null without validation images), images_per_s, elapsed_s, planned_epochs, is_best
- `prepare`: share; progress (0 to 1) of the work before the first step
- `note`: text {"en", "es"}
- `pause`: step, epoch, elapsed_s; the run freed its slot here
- `resume`: step, epoch; training continues from there (0 and 0: from the beginning). An earlier `end` or `pause` no longer counts.
- `rate`: step, learning_rate, loss, mean (smoothed loss); one step of the learning rate range test
- `end`: state ("finished", "stopped" or "failed"), reason {"en", "es"} or null, test_accuracy, test_loss, confusion (rows are
  the true class), best_epoch, elapsed_s (of training: saving and the test are not in it)

Numbers that are not finite are written as null: JSON has no NaN or infinity.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import time
from pathlib import Path
from typing import Any, BinaryIO

FILE_NAME = "events.jsonl"
TYPES = ("start", "prepare", "step", "epoch", "note", "pause", "resume", "rate", "end")
STEP_SERIES = ("step", "t", "epoch", "loss", "accuracy", "learning_rate")
EPOCH_SERIES = ("epoch", "step", "t", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "images_per_s", "elapsed_s")
ALL_STEPS = 2000  # steps recorded one by one; then every 2nd, from twice as many on every 4th, and so on
LATEST_EVENTS = 200
FLUSH_S = 0.05

_BUFFERED_TYPES = ("step", "rate")

_TAIL_BYTES = 32 * 1024
_LINEAR_SEARCH_BYTES = 2 * 1024  # once the search range is this small, lines are read one by one
_END_EVENT_BYTES = 2 * 1024  # upper bound of the size of an end event without numbers


class EventWriter:
    """Appends events to a run's `events.jsonl`, whole lines in one system call, so that a reader sees whole lines.

    Step events closer together than `FLUSH_S` are written together: one call per event would slow down small nets.
    """

    def __init__(self, folder: Path):
        self._path = folder / FILE_NAME
        last = last_event(folder)
        self._next = last["n"] + 1 if last else 0
        self._t = last["t"] if last else 0.0
        self._started = time.monotonic() - self._t  # a resumed run continues its clock: time spent paused does not count
        self._file = self._path.open("ab", buffering=0)
        self._pending, self._flushed = b"", 0.0
        _cut_torn_line(self._path)

    def write(self, event: dict[str, Any]) -> dict[str, Any]:
        """Append one event (a dict with its `type`) and return it with `n` and `t`. Raises OSError on a full disk.

        An event from another machine has its own `t`; `t` never decreases.
        """
        t = max(event.get("t", time.monotonic() - self._started), self._t)
        numbered = {"n": self._next, "t": round(t, 4), **_finite({key: value for key, value in event.items() if key != "t"})}
        self._pending += json.dumps(numbered, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        if event["type"] not in _BUFFERED_TYPES or time.monotonic() - self._flushed > FLUSH_S:
            self._flush()
        self._next, self._t = self._next + 1, t
        return numbered

    def _flush(self) -> None:
        lines, self._pending, self._flushed = self._pending, b"", time.monotonic()
        try:
            if self._file.write(lines) != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            _cut_torn_line(self._path)
            raise

    def write_last(self, event: dict[str, Any]) -> dict[str, Any]:
        """Append the end event; on a full disk, make room by deleting the last lines before it (their numbers are not reused)."""
        try:
            return self.write(event)
        except OSError:
            os.truncate(self._path, max(self._path.stat().st_size - _END_EVENT_BYTES, 0))
            _cut_torn_line(self._path)
            return self.write(event)

    def close(self) -> None:
        try:
            if self._pending:
                self._flush()
        finally:
            self._file.close()


def _cut_torn_line(path: Path) -> None:
    """Remove an incomplete last line, as a killed worker or a full disk leaves it, so that the next event starts a new line."""
    with path.open("rb+") as file:
        end = at = file.seek(0, os.SEEK_END)
        while at > 0:
            begin = max(at - _TAIL_BYTES, 0)
            file.seek(begin)
            newline = file.read(at - begin).rfind(b"\n")
            at = begin
            if newline >= 0:
                at = begin + newline + 1
                break
        if at < end:
            file.truncate(at)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def _event(line: bytes) -> dict[str, Any] | None:
    """Return the event on a line, or None for an incomplete or invalid line."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if (
        isinstance(event, dict)
        and isinstance(event.get("n"), int)
        and isinstance(event.get("t"), int | float)
        and event.get("type") in TYPES
    ):
        return event
    return None


def _first_event_after(file: BinaryIO, offset: int, end: int) -> tuple[int, dict[str, Any] | None]:
    """Return byte offset and content of the first complete event that starts at or after `offset`; (end, None) if there is none."""
    file.seek(max(offset - 1, 0))
    if offset:
        file.readline()
    while (at := file.tell()) < end:
        line = file.readline()
        if line.endswith(b"\n") and (event := _event(line)) is not None:
            return at, event
    return end, None


def read_events(folder: Path, since: int = 0, limit: int | None = None) -> tuple[list[dict[str, Any]], int]:
    """Return the events numbered `since` and up (at most `limit`), and the number of the next event to request.

    An incomplete last line is ignored. The position is found by bisecting the file, so reading from event 11,000 takes as long as
    from the first one, and no index is kept between calls.
    """
    try:
        file = (folder / FILE_NAME).open("rb")
    except FileNotFoundError:
        return [], since
    with file:
        end = file.seek(0, os.SEEK_END)
        low, high = 0, end
        tail_at, tail = _first_event_after(file, max(end - _LINEAR_SEARCH_BYTES, 0), end)
        if tail is not None and tail["n"] <= since:
            low = high = tail_at
        while high - low > _LINEAR_SEARCH_BYTES:
            middle = (low + high) // 2
            _, event = _first_event_after(file, middle, end)
            if event is not None and event["n"] <= since:
                low = middle
            else:
                high = middle
        file.seek(low)
        if low and low != tail_at:
            low, _ = _first_event_after(file, low, end)
            file.seek(low)
        events: list[dict[str, Any]] = []
        for line in file:
            if limit is not None and len(events) >= limit:
                break
            if line.endswith(b"\n") and (event := _event(line)) is not None and event["n"] >= since:
                events.append(event)
    return events, events[-1]["n"] + 1 if events else since


class DuplicateFilter:
    """Detects events that are already recorded: a run that resumes from a checkpoint repeats the events after it.

    Step and epoch numbers only grow, so those up to the last recorded ones are duplicates; so are a second `start` and a `note` with
    the same text.
    """

    def __init__(self, events: list[dict[str, Any]]):
        self._last = {kind: max((event[kind] for event in events if event["type"] == kind), default=0) for kind in ("step", "epoch")}
        self._has_start = any(event["type"] == "start" for event in events)
        self._notes = [event["text"] for event in events if event["type"] == "note"]

    def has(self, event: dict[str, Any]) -> bool:
        """True for an event of the training loop that was recorded before the run was resumed."""
        kind = event["type"]
        if kind in self._last:
            return event[kind] <= self._last[kind]
        return self._has_start if kind == "start" else kind == "note" and event["text"] in self._notes


def progress_of(events: list[dict[str, Any]]) -> tuple[float, float | None]:
    """Return the progress (0 to 1) and an estimate of the seconds left, from a run's first event and its latest ones.

    The estimate is the remaining planned steps at the mean pace so far, at most the rest of the time budget; None before the start.
    """
    start = next((event for event in events if event["type"] == "start"), None)
    if start is None:
        return 0.0, None
    last = events[-1]
    if last["type"] == "end":
        return 1.0, 0.0
    epoch = next((event for event in reversed(events) if event["type"] == "epoch"), None)
    began_at = epoch["t"] - epoch["elapsed_s"] if epoch else start["t"]
    elapsed = max(last["t"] - began_at, 0.0)
    left = max(start["budget_s"] - elapsed, 0.0)
    done = next((event["step"] for event in reversed(events) if "step" in event), 0)
    if done:
        planned = start["steps_per_epoch"] * (epoch["planned_epochs"] if epoch else start["epochs"])
        left = min(left, elapsed / done * max(planned - done, 0.0))
    return (elapsed / (elapsed + left) if elapsed + left else 0.0), left


def first_event(folder: Path) -> dict[str, Any] | None:
    """Return the first event of a run, or None."""
    events, _ = read_events(folder, 0, limit=1)
    return events[0] if events else None


def latest_events(folder: Path) -> list[dict[str, Any]]:
    """Return the first event of a run and its latest `LATEST_EVENTS`: the input of `progress_of`, read at a cost independent of length."""
    first = first_event(folder)
    if first is None:
        return []
    last = last_event(folder) or first
    since = max(last["n"] - LATEST_EVENTS, 1)
    return [first, *read_events(folder, since)[0]]


def last_event(folder: Path) -> dict[str, Any] | None:
    """Return the last complete event of a run, or None."""
    try:
        with (folder / FILE_NAME).open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            size = _TAIL_BYTES
            while True:
                file.seek(max(end - size, 0))
                for line in reversed(file.read(end - file.tell()).split(b"\n")[:-1]):
                    if (event := _event(line)) is not None:
                        return event
                if size >= end:
                    return None
                size *= 8
    except FileNotFoundError:
        return None


def stride_of(step: int) -> int:
    """Return the stride of recorded steps: 1 at first, then doubling powers of two, so that the record of long runs stays small.

    It depends on the step alone, so two runs of one recipe record the same events.
    """
    return 1 << max((step - 1) // ALL_STEPS, 0).bit_length()


def curves(events: list[dict[str, Any]]) -> dict[str, dict[str, list]]:
    """Return the series of a run as plain lists: `{"steps": {"step": [...], "loss": [...]}, "epochs": {...}}`."""
    steps = [event for event in events if event["type"] == "step"]
    epochs = [event for event in events if event["type"] == "epoch"]
    return {
        "steps": {name: [event.get(name) for event in steps] for name in STEP_SERIES},
        "epochs": {name: [event.get(name) for event in epochs] for name in EPOCH_SERIES},
    }


def to_csv(events: list[dict[str, Any]]) -> str:
    """Return the step and epoch events of a run as CSV, one row per event; fields that an event does not have are empty."""
    columns = ("type", *dict.fromkeys((*STEP_SERIES, *EPOCH_SERIES)))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(event for event in events if event["type"] in ("step", "epoch"))
    return out.getvalue()
