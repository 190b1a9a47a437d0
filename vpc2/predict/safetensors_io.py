"""Reading and writing safetensors files: atomic writes, and validation of untrusted files before a tensor is read.

A pickle can run any code of its author; safetensors is a JSON header and plain numbers. The header is still untrusted: its size and content
are checked before any tensor is read.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from vpc2.codec import MAX_JSON_BYTES
from vpc2.system.files import atomic_write
from vpc2.system.host import LIMITS, MB
from vpc2.text import Refusal, Text, clean_name

FLOATS = ("F16", "BF16", "F32", "F64")
MAX_DIMS = 8
_PREFIX_BYTES = 8
_PICKLE_SUFFIXES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt")
_OTHER_FORMATS = {b"\x89HDF": "HDF5 (Keras)", b"GGUF": "GGUF", b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG"}

_PICKLE = Text("A pickle (.pt, .pth) can run code when it is opened, so none is; what is accepted is a .safetensors file saved by vpc2.")
_OTHER = Text("This is a {found} file; what is accepted is a .safetensors file saved by vpc2.")
_NO_FORMAT = Text("This is not a classifier; what is accepted is a .safetensors file saved by vpc2.")
_NO_FILE = Text("There is no file “{name}”.")
_NO_ACCESS = Text("The file “{name}” cannot be read.")
_TOO_LARGE = Text("This classifier takes {found:,} MB; at most {most:,} MB are opened.")
_HEADER = Text("This safetensors file is damaged or was not saved by vpc2: its header cannot be used.")
_TOO_MANY = Text("This file holds {count:,} tensors; a classifier has at most {most:,}.")
_NOT_FLOAT = Text("The weights “{name}” are of type {found}; only floating-point numbers are opened.")
_CUT = Text("This file is damaged or cut: its tensors do not fill it exactly.")
_NOT_FINITE = Text("The weights “{name}” hold NaN or infinity, so no answer would mean anything; train again with a smaller learning rate.")


class TensorFile:
    """An open safetensors file with a validated header: `shapes` by tensor name, and the strings of its `metadata`."""

    def __init__(self, file: Any):
        names = list(file.keys())
        if len(names) > LIMITS.classifier_tensors:
            raise Refusal(_TOO_MANY.fill(count=len(names), most=LIMITS.classifier_tensors))
        self._file = file
        self.metadata: dict[str, str] = file.metadata() or {}
        self.shapes = {name: _checked_shape(name, file.get_slice(name)) for name in names}

    def read(self) -> dict[str, torch.Tensor]:
        """Return the tensors as float32 in newly allocated memory; refuse NaN and infinity."""
        tensors = {}
        for name in self.shapes:
            # A copy: the tensors of safetensors are memory-mapped from the file.
            tensors[name] = self._file.get_tensor(name).to(torch.float32, copy=True)
            if not torch.isfinite(tensors[name]).all():
                raise Refusal(_NOT_FINITE.fill(name=clean_name(name, 40)))
        return tensors


def _checked_shape(name: str, facts: Any) -> tuple[int, ...]:
    if facts.get_dtype() not in FLOATS:
        raise Refusal(_NOT_FLOAT.fill(name=clean_name(name, 40), found=clean_name(facts.get_dtype(), 12)))
    shape = tuple(facts.get_shape())
    if len(shape) > MAX_DIMS:
        raise Refusal(_HEADER)
    return shape


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file atomically: readers see the old file or the complete new one. Raises `OSError` if writing fails."""
    atomic_write(path, safetensors.torch.save(tensors, metadata))


@contextlib.contextmanager
def open_tensors(path: Path) -> Iterator[TensorFile]:
    """Open a safetensors file that may be a classifier; raise `Refusal` with one sentence for any other, before a tensor is read.

    Name, kind, size, first bytes and the length of the header are checked first; safetensors itself then parses the header and rejects
    overlaps, gaps, trailing bytes and sizes that do not match the shapes.
    """
    _check_file(path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            yield TensorFile(file)
    except safetensors.SafetensorError as error:
        says = str(error)
        is_cut = "JSON" not in says and any(word in says for word in ("offset", "covered", "overflow"))
        raise Refusal(_CUT if is_cut else _HEADER) from None


def _check_file(path: Path) -> None:
    """Refuse a file by name, kind, size, first bytes and the length of its header."""
    name = clean_name(path.name)
    try:
        # O_NONBLOCK: opening a named pipe must not block until a writer opens it.
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            status, head = os.fstat(file.fileno()), b""
            if stat.S_ISREG(status.st_mode):
                head = file.read(_PREFIX_BYTES + 1)
    except FileNotFoundError:
        raise Refusal(_NO_FILE.fill(name=name)) from None
    except (OSError, ValueError):  # ValueError: a name with a null byte
        raise Refusal(_NO_ACCESS.fill(name=name)) from None
    if not stat.S_ISREG(status.st_mode):
        raise Refusal(_NO_ACCESS.fill(name=name))
    if status.st_size > LIMITS.classifier_bytes:
        raise Refusal(_TOO_LARGE.fill(found=status.st_size // MB, most=LIMITS.classifier_bytes // MB))
    _check_format(path, head)
    length = struct.unpack("<Q", head[:_PREFIX_BYTES])[0]
    if length > MAX_JSON_BYTES or _PREFIX_BYTES + length > status.st_size:
        raise Refusal(_HEADER)


def _check_format(path: Path, head: bytes) -> None:
    """Refuse other formats by the first bytes, and by the name where the bytes are ambiguous."""
    if path.suffix.lower() in _PICKLE_SUFFIXES or head[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise Refusal(_PICKLE)
    for magic, format_name in _OTHER_FORMATS.items():
        if head.startswith(magic):
            raise Refusal(_OTHER.fill(found=format_name))
    if path.suffix.lower() == ".onnx":
        raise Refusal(_OTHER.fill(found="ONNX"))
    if len(head) <= _PREFIX_BYTES or head[_PREFIX_BYTES:] != b"{":
        raise Refusal(_NO_FORMAT if path.suffix.lower() != ".safetensors" else _HEADER)
