"""Writer of TensorBoard event files: TFRecord records of length, checksum of the length, data, checksum of the data.

TensorBoard's own writer computes the checksum in Python, byte by byte, in a thread beside the training loop: 100 us for a scalar and
20 ms for an image of 100 kB. Here a C library computes it, without a thread.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import google_crc32c
from tensorboard.compat.proto.event_pb2 import Event

_VERSION = "brain.Event:2"
_MASK = 0xA282EAD8  # TFRecord masks the checksum, because the data may contain checksums itself


class EventFile:
    """A new event file in a folder that may hold earlier ones. Raises OSError on a full disk."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        # Readers read the files of a run in the order of their names, so a later file has a larger number.
        self._file = (folder / f"events.out.tfevents.{time.time_ns() // 1000:016d}.{os.getpid()}.vpc2").open("xb")
        self.add(Event(wall_time=time.time(), file_version=_VERSION))
        self.flush()

    def add(self, event: Event) -> None:
        """Append an event; it is written to disk at the next `flush` at the latest."""
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        self._file.write(length + _checksum(length) + data + _checksum(data))

    def flush(self) -> None:
        """Write all events added so far to the file."""
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _checksum(data: bytes) -> bytes:
    value = google_crc32c.value(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + _MASK) & 0xFFFFFFFF)
