"""The record of a run: `events.jsonl`, one event a line, appended whole. Curves, TensorBoard and verdicts only read it.

Every event is `{"n": running number, "t": seconds since the start, "type": ...}` with, by type:

- `start`: classes, counts (train, validation, test), params, steps_per_epoch, batch_size, epochs, budget_s, device, threads;
  guess_loss (of the best answer that is the same for every picture), seen_counts and val_counts (pictures a class, as the accuracies
  count them), is_augmented, mix and adversary (keys, or null)
- `step`: step, epoch, loss, accuracy, learning_rate (of that batch; of the batches since the last step event, once those are thinned)
- `epoch`: epoch, step, train_loss, train_accuracy, train_floor (the least that its targets leave of the loss: 0 for plain labels),
  val_loss, val_accuracy (null without validation pictures), images_per_s, elapsed_s, planned_epochs, is_best
- `prepare`: share; work before the first step
- `note`: text {"en", "es"}
- `pause`: step, epoch, elapsed_s; the run gave its place back here
- `resume`: step, epoch; it goes on from there (0 and 0: from the beginning). An `end` or `pause` before it is not the last word.
- `rate`: what the search for a learning rate found
- `end`: state ("finished", "stopped" or "failed"), reason {"en", "es"} or null, test_accuracy, test_loss, confusion (rows are
  the true class), best_epoch, elapsed_s (of training: saving and the test are not in it)

A number that is not finite is written as null, which every JSON reader understands.
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
ALL_STEPS = 2000  # steps recorded one by one; then every second, from twice as many on every fourth, and so on
LATEST = 200
FLUSH_S = 0.05

_IN_BURSTS = ("step", "rate")

_TAIL_BYTES = 32 * 1024
_NEAR_BYTES = 2 * 1024  # so near before an event, lines are read one by one
_ROOM_BYTES = 2 * 1024  # what an end event without numbers takes, and some


class EventWriter:
    """Appends events to a run's record, whole lines in one call, so a reader sees whole lines.

    Steps that follow each other closer than `FLUSH_S` are written together: a call for each would slow small nets down.
    """

    def __init__(self, folder: Path):
        self._path = folder / FILE_NAME
        last = last_event(folder)
        self._next = last["n"] + 1 if last else 0
        self._t = last["t"] if last else 0.0
        self._started = time.monotonic() - self._t  # a record that goes on counts on: a paused hour is no time
        self._file = self._path.open("ab", buffering=0)
        self._pending, self._flushed = b"", 0.0
        _cut_torn_line(self._path)

    def write(self, event: dict[str, Any]) -> dict[str, Any]:
        """Append one event (a dict with its `type`) and return it with `n` and `t`. Raises OSError on a full disk.

        An event that comes from another machine brings its own `t`; times never go back.
        """
        t = max(event.get("t", time.monotonic() - self._started), self._t)
        whole = {"n": self._next, "t": round(t, 4), **_finite({key: value for key, value in event.items() if key != "t"})}
        self._pending += json.dumps(whole, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        if event["type"] not in _IN_BURSTS or time.monotonic() - self._flushed > FLUSH_S:
            self._flush()
        self._next, self._t = self._next + 1, t
        return whole

    def _flush(self) -> None:
        lines, self._pending, self._flushed = self._pending, b"", time.monotonic()
        try:
            if self._file.write(lines) != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            _cut_torn_line(self._path)
            raise

    def write_last(self, event: dict[str, Any]) -> dict[str, Any]:
        """Append the end event; on a full disk, make room by giving up the last lines before it (their numbers stay used)."""
        try:
            return self.write(event)
        except OSError:
            os.truncate(self._path, max(self._path.stat().st_size - _ROOM_BYTES, 0))
            _cut_torn_line(self._path)
            return self.write(event)

    def close(self) -> None:
        try:
            if self._pending:
                self._flush()
        finally:
            self._file.close()


def _cut_torn_line(path: Path) -> None:
    """Remove half a last line, as a killed worker or a full disk leaves it, so that the next one stands alone."""
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
    """Return the event on a line, or None for half a line or anything else."""
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


def _first_after(file: BinaryIO, offset: int, end: int) -> tuple[int, dict[str, Any] | None]:
    """Return where the first whole event that begins at or after `offset` begins, and the event; None past the last."""
    file.seek(max(offset - 1, 0))
    if offset:
        file.readline()
    while (at := file.tell()) < end:
        line = file.readline()
        if line.endswith(b"\n") and (event := _event(line)) is not None:
            return at, event
    return end, None


def read_events(folder: Path, since: int = 0, limit: int | None = None) -> tuple[list[dict[str, Any]], int]:
    """Return the events numbered `since` and up (at most `limit`), and the number to ask for next.

    Half a last line, as a killed worker leaves it, is not there yet. The place is found by bisecting the file, so
    the eleven-thousandth event costs what the first one does and nothing is remembered between calls.
    """
    try:
        file = (folder / FILE_NAME).open("rb")
    except FileNotFoundError:
        return [], since
    with file:
        end = file.seek(0, os.SEEK_END)
        low, high = 0, end
        tail_at, tail = _first_after(file, max(end - _NEAR_BYTES, 0), end)
        if tail is not None and tail["n"] <= since:
            low = high = tail_at
        while high - low > _NEAR_BYTES:
            middle = (low + high) // 2
            _, event = _first_after(file, middle, end)
            if event is not None and event["n"] <= since:
                low = middle
            else:
                high = middle
        file.seek(low)
        if low and low != tail_at:
            low, _ = _first_after(file, low, end)
            file.seek(low)
        events: list[dict[str, Any]] = []
        for line in file:
            if limit is not None and len(events) >= limit:
                break
            if line.endswith(b"\n") and (event := _event(line)) is not None and event["n"] >= since:
                events.append(event)
    return events, events[-1]["n"] + 1 if events else since


class DuplicateFilter:
    """Knows what a record holds already: a run that goes on from a checkpoint tells what came after it once more.

    Steps and epochs only grow, so the last ones say which are old; the start, and a note in the same words, are told once.
    """

    def __init__(self, events: list[dict[str, Any]]):
        self._last = {kind: max((event[kind] for event in events if event["type"] == kind), default=0) for kind in ("step", "epoch")}
        self._has_start = any(event["type"] == "start" for event in events)
        self._notes = [event["text"] for event in events if event["type"] == "note"]

    def has(self, event: dict[str, Any]) -> bool:
        """True for an event, fresh from the loop, that the record held when the run was taken up."""
        kind = event["type"]
        if kind in self._last:
            return event[kind] <= self._last[kind]
        return self._has_start if kind == "start" else kind == "note" and event["text"] in self._notes


def progress_of(events: list[dict[str, Any]]) -> tuple[float, float | None]:
    """Return the share done (0 to 1) and about how many seconds are left, from a run's first event and its latest ones.

    What is left is the planned steps at the pace so far, never more than the budget; None before the run has begun.
    """
    start = next((event for event in events if event["type"] == "start"), None)
    if start is None:
        return 0.0, None
    last = events[-1]
    if last["type"] == "end":
        return 1.0, 0.0
    epoch = next((event for event in reversed(events) if event["type"] == "epoch"), None)
    begun = epoch["t"] - epoch["elapsed_s"] if epoch else start["t"]
    passed = max(last["t"] - begun, 0.0)
    left = max(start["budget_s"] - passed, 0.0)
    done = next((event["step"] for event in reversed(events) if "step" in event), 0)
    if done:
        planned = start["steps_per_epoch"] * (epoch["planned_epochs"] if epoch else start["epochs"])
        left = min(left, passed / done * max(planned - done, 0.0))
    return (passed / (passed + left) if passed + left else 0.0), left


def first_event(folder: Path) -> dict[str, Any] | None:
    """Return the first event of a run, or None."""
    events, _ = read_events(folder, 0, limit=1)
    return events[0] if events else None


def latest_events(folder: Path) -> list[dict[str, Any]]:
    """Return the first event of a run and its latest ones, a few hundred: what `progress_of` needs, at the same cost always."""
    first = first_event(folder)
    if first is None:
        return []
    last = last_event(folder) or first
    since = max(last["n"] - LATEST, 1)
    return [first, *read_events(folder, since)[0]]


def last_event(folder: Path) -> dict[str, Any] | None:
    """Return the last whole event of a run, or None."""
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
    """Return every how many steps one is recorded: all at first, then thinner by twos, so that long runs stay small.

    It depends on the step alone, so that two runs of one recipe have the same events.
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
    """Return the steps and epochs of a run as one table, a row an event; what an event does not have is empty."""
    columns = ("type", *dict.fromkeys((*STEP_SERIES, *EPOCH_SERIES)))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(event for event in events if event["type"] in ("step", "epoch"))
    return out.getvalue()
