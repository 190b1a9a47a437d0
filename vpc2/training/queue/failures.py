"""Messages for runs that fail for lack of memory, disk space or a file."""

from __future__ import annotations

from pathlib import Path

from vpc2.text import Refusal, Text
from vpc2.training.runs.store import FULL_DISK

_NO_MEMORY = Text(
    "The machine ran out of memory: choose smaller batches, smaller pictures or a smaller net. The rest of the app is not affected."
)
_NO_SPACE = Text("The disk is full: delete old runs and start again. The classifier of the last saved epoch is kept.")
_FILE_GONE = Text("A file went away or could not be read while training: “{name}”.")
BUG = Text("The training process ended by an error of the program; its worker.log says which.")


def explain(error: BaseException) -> Text | None:
    """Return the message for a failed run (a refusal, out of memory, disk full, missing file), or None for a bug in the program."""
    if isinstance(error, Refusal):
        return error.text
    if isinstance(error, MemoryError):
        return _NO_MEMORY
    if isinstance(error, OSError):
        is_disk_full = error.errno in FULL_DISK
        return _NO_SPACE if is_disk_full else _FILE_GONE.fill(name=Path(str(error.filename or error.strerror)).name)
    message = str(error).lower()
    if isinstance(error, ImportError):  # out of memory, the dynamic loader only reports that it failed to map a library
        return _NO_MEMORY if "failed to map segment" in message or "cannot allocate memory" in message else None
    if "out of memory" in message or "can't allocate memory" in message or "not enough memory" in message:
        return _NO_MEMORY
    if "no space left" in message or "file too large" in message or "inline_container" in message:
        return _NO_SPACE
    return None
