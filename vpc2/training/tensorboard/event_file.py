"""TensorBoard's file format: records of a length, a checksum, the bytes and their checksum, as TFRecord has them.

TensorBoard's own writer computes the checksum in Python, byte by byte, in a thread beside the loop: 100 us a scalar and 20 ms
a picture of 100 kB. Here a library in C does it, and nothing runs beside.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import google_crc32c
from tensorboard.compat.proto.event_pb2 import Event

_VERSION = "brain.Event:2"
_MASK = 0xA282EAD8  # of TFRecord: a checksum of bytes that hold checksums themselves


class EventFile:
    """A new event file in a folder, beside those that are there already. Raises OSError on a full disk."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        # Readers go through the files of a run in the order of their names: a later one has a larger number.
        self._file = (folder / f"events.out.tfevents.{time.time_ns() // 1000:016d}.{os.getpid()}.vpc2").open("xb")
        self.add(Event(wall_time=time.time(), file_version=_VERSION))
        self.flush()

    def add(self, event: Event) -> None:
        """Append an event; it reaches the disk with the next `flush`, or before."""
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        self._file.write(length + _checksum(length) + data + _checksum(data))

    def flush(self) -> None:
        """Let readers see everything added so far."""
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _checksum(data: bytes) -> bytes:
    value = google_crc32c.value(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + _MASK) & 0xFFFFFFFF)
