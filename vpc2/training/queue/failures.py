"""Sentences for what a run may lack: memory, disk, a file."""

from __future__ import annotations

from pathlib import Path

from vpc2.training.runs.store import FULL_DISK
from vpc2.words import Refusal, Text

_NO_MEMORY = Text(
    "The machine ran out of memory: choose smaller batches, smaller pictures or a smaller net. The rest of the app is not affected.",
    "La máquina se quedó sin memoria: hay que elegir lotes, imágenes o una red más chicos. El resto de la aplicación no se ve afectado.",
)
_NO_SPACE = Text(
    "The disk is full: delete old runs and start again. The model of the last saved epoch is kept.",
    "El disco está lleno: hay que eliminar entrenamientos viejos y empezar de nuevo. Se conserva el modelo de la última época guardada.",
)
_FILE_GONE = Text(
    "A file went away or could not be read while training: “{name}”.",
    "Un archivo desapareció o no se pudo leer durante el entrenamiento: “{name}”.",
)
BUG = Text(
    "The training process ended by an error of the program; its worker.log says which.",
    "El proceso de entrenamiento terminó por un error del programa; su worker.log dice cuál.",
)


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
