"""Sentences for what a run may lack: memory, disk, a file."""

from __future__ import annotations

from pathlib import Path

from vpc2.text import Refusal, Text
from vpc2.training.runs.store import FULL_DISK

_NO_MEMORY = Text(
    "The machine ran out of memory: choose smaller batches, smaller pictures or a smaller net. The rest of the app is not affected."
)
_NO_SPACE = Text("The disk is full: delete old runs and start again. The model of the last saved epoch is kept.")
_FILE_GONE = Text("A file went away or could not be read while training: “{name}”.")
BUG = Text("The training process ended by an error of the program; its worker.log says which.")


def explain(error: BaseException) -> Text | None:
    """Return the sentence for what a run lacked: what it refuses, memory, disk, a file; None for an error of the program."""
    if isinstance(error, Refusal):
        return error.text
    if isinstance(error, MemoryError):
        return _NO_MEMORY
    if isinstance(error, OSError):
        full = error.errno in FULL_DISK
        return _NO_SPACE if full else _FILE_GONE.fill(name=Path(str(error.filename or error.strerror)).name)
    words = str(error).lower()
    if isinstance(error, ImportError):  # a library that finds no room cannot be mapped, and that is all the loader says
        return _NO_MEMORY if "failed to map segment" in words or "cannot allocate memory" in words else None
    if "out of memory" in words or "can't allocate memory" in words or "not enough memory" in words:
        return _NO_MEMORY
    if "no space left" in words or "file too large" in words or "inline_container" in words:
        return _NO_SPACE
    return None
