"""Atomic writing of files: readers see the old content or the complete new one, also when the writer is killed."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

TEMPORARY_SUFFIX = ".tmp"  # a killed writer leaves such a file: cleaning up a folder deletes `*.tmp`


@contextlib.contextmanager
def atomic_writer(path: Path, *, is_synced: bool = True) -> Iterator[BinaryIO]:
    """Open a new binary file that replaces `path` when the block ends; if the block raises, nothing changes.

    It is written under a unique name in the same folder, so that two writers never mix, and renamed. A replaced file keeps its permissions;
    a new one gets the usual ones. With `is_synced` the content is flushed to disk before the rename: after a power failure there is the old
    file or the new one. Raises `OSError` if writing fails.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            if is_synced:
                os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):  # the original error is more important than this one
            temporary.unlink(missing_ok=True)


def atomic_write(path: Path, content: bytes | str, *, is_synced: bool = True) -> None:
    """Write bytes, or text as UTF-8, as `atomic_writer` does."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_writer(path, is_synced=is_synced) as file:
        file.write(data)


def atomic_write_json(path: Path, document: Any, *, is_synced: bool = True, **options: Any) -> None:
    """Write a document as JSON, as `atomic_writer` does; `options` are those of `json.dumps`.

    If it is not serialisable, nothing is written.
    """
    atomic_write(path, json.dumps(document, **{"ensure_ascii": False, **options}), is_synced=is_synced)
