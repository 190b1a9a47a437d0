"""Safetensors files: written so that a kill leaves the old one whole, read so that a hostile one costs nothing.

A pickle runs whatever its author wrote in it; safetensors is a JSON header and plain numbers. The header is still a
stranger's: it is measured, read and compared before one tensor is.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from vpc2.codec import MAX_JSON_BYTES, read_json
from vpc2.host import LIMITS, MB
from vpc2.text import Refusal, Text, clean_name

BITS = {"F16": 16, "BF16": 16, "F32": 32, "F64": 64}
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


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of itself: shapes by tensor name, and its texts."""

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file; whoever looks sees the old file or the whole new one. Raises `OSError` as the disk does."""
    data = safetensors.torch.save(tensors, metadata)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp made it private; a run's file is as open as its folder
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes if it may be a safetensors file of ours; refuse by name, kind, size and first bytes before reading on."""
    name = clean_name(path.name)
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Refusal(_NO_ACCESS.fill(name=name))
            if status.st_size > LIMITS.classifier_bytes:
                raise Refusal(_TOO_LARGE.fill(found=status.st_size // MB, most=LIMITS.classifier_bytes // MB))
            head = file.read(_PREFIX_BYTES + 1)
            _check_format(path, head)
            length = struct.unpack("<Q", head[:_PREFIX_BYTES])[0]
            if length > MAX_JSON_BYTES or _PREFIX_BYTES + length > status.st_size:
                raise Refusal(_HEADER)
            return head + file.read(LIMITS.classifier_bytes + 1 - len(head))
    except Refusal:
        raise
    except FileNotFoundError:
        raise Refusal(_NO_FILE.fill(name=name)) from None
    except (OSError, ValueError):  # ValueError: a name with a zero byte
        raise Refusal(_NO_ACCESS.fill(name=name)) from None


def _check_format(path: Path, head: bytes) -> None:
    """Refuse what is not safetensors by the first bytes, and by the name where the bytes do not tell."""
    if path.suffix.lower() in _PICKLE_SUFFIXES or head[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise Refusal(_PICKLE)
    for magic, found in _OTHER_FORMATS.items():
        if head.startswith(magic):
            raise Refusal(_OTHER.fill(found=found))
    if path.suffix.lower() == ".onnx":
        raise Refusal(_OTHER.fill(found="ONNX"))
    if len(head) <= _PREFIX_BYTES or head[_PREFIX_BYTES:] != b"{":
        raise Refusal(_NO_FORMAT if path.suffix.lower() != ".safetensors" else _HEADER)


def read_header(data: bytes) -> Header:
    """Return the checked header of a safetensors file: few tensors, floating point, sizes that follow from the shapes."""
    length = struct.unpack("<Q", data[:_PREFIX_BYTES])[0]
    try:
        header = read_json(data[_PREFIX_BYTES : _PREFIX_BYTES + length])
    except Refusal:  # its sentence speaks of JSON, which the visitor never saw
        raise Refusal(_HEADER) from None
    if not isinstance(header, dict):
        raise Refusal(_HEADER)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise Refusal(_HEADER)
    if len(header) > LIMITS.classifier_tensors:
        raise Refusal(_TOO_MANY.fill(count=len(header), most=LIMITS.classifier_tensors))
    shapes = {}
    for name, facts in header.items():
        shapes[name] = _checked_shape(name, facts, len(data) - _PREFIX_BYTES - length)
    return Header(shapes, metadata)


def _checked_shape(name: str, facts: Any, available: int) -> tuple[int, ...]:
    if not isinstance(facts, dict) or set(facts) != {"dtype", "shape", "data_offsets"}:
        raise Refusal(_HEADER)
    if facts["dtype"] not in BITS:
        raise Refusal(_NOT_FLOAT.fill(name=clean_name(name, 40), found=clean_name(facts["dtype"], 12)))
    shape, offsets = facts["shape"], facts["data_offsets"]
    if not _are_counts(shape) or len(shape) > 8 or not _are_counts(offsets) or len(offsets) != 2:
        raise Refusal(_HEADER)
    if offsets[1] > available or offsets[1] - offsets[0] != math.prod(shape) * BITS[facts["dtype"]] // 8:
        raise Refusal(_CUT)
    return tuple(shape)


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def read_tensors(data: bytes) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file as float32; refuse overlaps, gaps, trailing bytes, NaN and infinity."""
    try:
        tensors = safetensors.torch.load(data)
    except safetensors.SafetensorError:
        raise Refusal(_CUT) from None
    tensors = {name: tensor.to(torch.float32) for name, tensor in tensors.items()}
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise Refusal(_NOT_FINITE.fill(name=clean_name(name, 40)))
    return tensors
