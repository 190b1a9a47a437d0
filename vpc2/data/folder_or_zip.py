"""Reading data sets from a folder, an upload or a ZIP with one folder per class. Archives are untrusted and validated first.

Nothing of an archive is ever written to disk, so path traversal in its names has no effect.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from vpc2.data.imageset import ImageSet
from vpc2.images.decode import decode_photo
from vpc2.images.encode import resize_square
from vpc2.system.host import LIMITS, MB
from vpc2.text import Plural, Refusal, Text, clean_name

SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}
ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2", ".xz")
_JUNK = {"__macosx", "thumbs.db", "desktop.ini"}
_MAX_NAME_BYTES = 255  # bytes of one path component, the limit of file systems
_RATIO_FROM = MB  # below this size any compression ratio is allowed
_FEW = 3  # a class with fewer pictures cannot be in all three parts of a split
_UNEVEN = 20

# Exceptions of zipfile for damaged archives: when they are opened, and when an entry is read.
_OPEN_FAULTS = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, struct.error, IndexError, OverflowError)
_READ_FAULTS = (*_OPEN_FAULTS, RuntimeError, zlib.error, lzma.LZMAError)

_LAYOUT = Text("Pictures are expected in one folder a class, such as cat/1.jpg and dog/1.jpg; at least two classes.")
_NO_PICTURES = Text("No picture in it can be read. {why}")
_ONE_CLASS = Text("There is only one class, “{name}”: a classifier needs at least two. Add a folder with pictures of something else.")
_MANY_CLASSES = Text("{count:,} classes are too many: at most {limit:,}.")
_NOT_A_ZIP = Text("This file is no ZIP archive, or it is damaged; pack the folder again as ZIP.")
_NOT_A_FOLDER = Text("There is no folder “{name}”.")
_LARGE = Text("The archive is too large: at most {limit:,} MB.")
_MANY = Text("There are more than {limit:,} files: fewer pictures will do.")
_UNPACKS_LARGE = Text("It would unpack to more than {limit:,} MB.")
_OVERLAP = Text("The files in this archive overlap, as no packing program writes them.")
_PASSWORD = Text("The archive is protected by a password; pack it again without one.")
_DEEP = Text("Folders are nested deeper than {limit:,}, or a name is too long; one folder a class is enough.")
_MEMORY = Text("{count:,} pictures of {size:,} × {size:,} pixels do not fit into memory; take fewer or smaller ones.")
_NESTED = Text("An archive inside an archive is not opened; pack the pictures themselves.")
_OUTSIDE = Text("Its path leads out of the folder.")
_NOT_A_FILE = Text("It is a link or a device, not a file.")
_TIGHT = Text("It is packed more than {limit:,} times smaller, as no picture is.")
_TWICE = Text("There is another file of the same name; the first one is used.")
_NO_CLASS = Text("It lies outside the folders of the classes.")
_UNREADABLE = Text("It is damaged, or packed in a way that cannot be read here.")
_FILE_LARGE = Text("It is larger than {limit:,} MB.")

_SPLIT_FOLDERS = Text("The folders {names} were put together: the app makes its own split.")
_EMPTY_CLASS = Text("Class “{name}” has no pictures and was left out.")
_FEW_IN_CLASS = Text("Class “{name}” has only {count:,}: it cannot be in training, validation and test alike.")
_IMBALANCED = Text("Class “{most}” has {ratio:,.0f} times as many pictures as “{least}”: accuracy will flatter the larger one.")
_SAME_LETTERS = Text("Classes {names} differ only in upper and lower case.")
_COPIES = Plural(
    "{count:,} picture is a copy of others; all copies of a picture stay on one side of the split, so the test is not too easy.",
    "{count:,} pictures are copies of others; all copies of a picture stay on one side of the split, so the test is not too easy.",
    count="count",
)
_COPIES_ACROSS = Plural(
    "{count:,} picture is the same in two classes: nothing can tell them apart.",
    "{count:,} pictures are the same in two classes: nothing can tell them apart.",
    count="count",
)

Skipped = list[tuple[str, Text]]


@dataclass(frozen=True)
class _Listing:
    """The contents of a folder or an archive: files by path, with a function that reads each, and the folders."""

    files: dict[tuple[str, ...], Callable[[], bytes]] = field(default_factory=dict)
    folders: set[tuple[str, ...]] = field(default_factory=set)
    skipped: Skipped = field(default_factory=list)


def load_folder(path: Path | str, size_px: int) -> ImageSet:
    """Return the pictures of a folder with one folder per class, stretched to squares of `size_px`; `skipped` lists what was left out.

    Links are not followed. Raises `Refusal` where there are not two classes with pictures, or where a limit is exceeded.
    """
    root = Path(path)
    if not root.is_dir():
        raise Refusal(_NOT_A_FOLDER.fill(name=clean_name(root.name)))
    listing, count, total = _Listing(), 0, 0
    for directory, folders, names in os.walk(root):
        inner = Path(directory).relative_to(root).parts
        folders.sort()
        listing.folders.update((*inner, folder) for folder in folders)
        if len(inner) > LIMITS.archive_depth:
            raise Refusal(_DEEP.fill(limit=LIMITS.archive_depth))
        for name in sorted(names):
            file, parts = Path(directory) / name, (*inner, name)
            if _is_junk(parts):
                continue
            count += 1
            if count > LIMITS.archive_entries:
                raise Refusal(_MANY.fill(limit=LIMITS.archive_entries))
            state = file.lstat()
            if not stat.S_ISREG(state.st_mode):
                listing.skipped.append((_shown(parts), _NOT_A_FILE))
                continue
            if state.st_size > LIMITS.image_bytes:
                listing.skipped.append((_shown(parts), _FILE_LARGE.fill(limit=LIMITS.image_bytes // MB)))
                continue
            total += state.st_size
            listing.files[parts] = file.read_bytes
    if total > LIMITS.archive_unpacked_bytes:
        raise Refusal(_UNPACKS_LARGE.fill(limit=LIMITS.archive_unpacked_bytes // MB))
    return _gather(listing, size_px)


def load_archive(data: bytes | Path, size_px: int) -> ImageSet:
    """Return the pictures of a ZIP with one folder per class, as `load_folder` does; nothing is written to disk.

    Number of entries, sizes, overlaps and encryption are checked in the archive's central directory before anything is unpacked.
    """
    try:
        if (data.stat().st_size if isinstance(data, Path) else len(data)) > LIMITS.archive_bytes:
            raise Refusal(_LARGE.fill(limit=LIMITS.archive_bytes // MB))
        archive = zipfile.ZipFile(data if isinstance(data, Path) else io.BytesIO(data))
    except Refusal:
        raise
    except _OPEN_FAULTS:
        raise Refusal(_NOT_A_ZIP) from None
    with archive:
        return _gather(_list_archive(archive), size_px)


def load_uploads(files: Sequence[tuple[str, bytes]], size_px: int) -> ImageSet:
    """Return the pictures of an uploaded folder, as `load_folder` does; `files` are (path, bytes), the paths are used as names only."""
    if len(files) > LIMITS.archive_entries:
        raise Refusal(_MANY.fill(limit=LIMITS.archive_entries))
    if sum(len(data) for _, data in files) > LIMITS.archive_unpacked_bytes:
        raise Refusal(_UNPACKS_LARGE.fill(limit=LIMITS.archive_unpacked_bytes // MB))
    listing = _Listing()
    for path, data in files:
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        if parts and not _is_junk(parts):
            listing.files[parts] = partial(bytes, data)
            listing.folders.update(parts[:depth] for depth in range(1, len(parts)))
    return _gather(listing, size_px)


def _list_archive(archive: zipfile.ZipFile) -> _Listing:
    infos, listing = archive.infolist(), _Listing()
    _check_directory(infos)
    for info in infos:
        parts = tuple(part for part in info.filename.split("/") if part not in ("", "."))
        if not parts or _is_junk(parts):
            continue
        if len(parts) - 1 > LIMITS.archive_depth or any(len(part.encode("utf-8", "replace")) > _MAX_NAME_BYTES for part in parts):
            raise Refusal(_DEEP.fill(limit=LIMITS.archive_depth))
        why = _objection(info, parts)
        if why is None and not info.is_dir() and parts in listing.files:
            why = _TWICE
        if why is not None:
            listing.skipped.append((_shown(parts), why))
        elif info.is_dir():
            listing.folders.add(parts)
        else:
            listing.files[parts] = partial(archive.read, info)
            listing.folders.update(parts[:depth] for depth in range(1, len(parts)))
    return listing


def _check_directory(infos: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive as a whole by its central directory."""
    if len(infos) > LIMITS.archive_entries:
        raise Refusal(_MANY.fill(limit=LIMITS.archive_entries))
    if any(info.flag_bits & 0x1 for info in infos):
        raise Refusal(_PASSWORD)
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        # A local header takes thirty bytes and the name; Python before 3.11.8 does not look for this (CVE-2024-0450).
        if info.header_offset < end:
            raise Refusal(_OVERLAP)
        end = info.header_offset + 30 + info.compress_size
    if sum(info.file_size for info in infos) > LIMITS.archive_unpacked_bytes:
        raise Refusal(_UNPACKS_LARGE.fill(limit=LIMITS.archive_unpacked_bytes // MB))


def _objection(info: zipfile.ZipInfo, parts: tuple[str, ...]) -> Text | None:
    """Return why one entry is left out, or None."""
    if info.filename.startswith("/") or ".." in parts or any("\\" in part for part in parts) or parts[0][1:2] == ":":
        return _OUTSIDE
    mode = info.external_attr >> 16
    if info.create_system == 3 and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return _NOT_A_FILE
    if info.file_size > LIMITS.image_bytes:
        return _FILE_LARGE.fill(limit=LIMITS.image_bytes // MB)
    if info.file_size > max(_RATIO_FROM, LIMITS.archive_ratio * info.compress_size):
        return _TIGHT.fill(limit=LIMITS.archive_ratio)
    return None


def _is_junk(parts: tuple[str, ...]) -> bool:
    """True for files that macOS and Windows create in every folder."""
    return any(part.lower() in _JUNK for part in parts) or parts[-1].startswith("._") or parts[-1] == ".DS_Store"


def _shown(parts: tuple[str, ...]) -> str:
    return clean_name("/".join(parts))


def _gather(listing: _Listing, size_px: int) -> ImageSet:
    """Decode the listed files into one set of pictures, class by class."""
    skipped = listing.skipped
    notes: list[Text] = []
    files, folders = _unwrap(listing, notes)
    members: dict[str, list[tuple[str, Callable[[], bytes]]]] = {}
    for parts, read in files.items():
        if parts[-1].lower().endswith(ARCHIVES):
            skipped.append((_shown(parts), _NESTED))
        elif len(parts) < 2:
            skipped.append((_shown(parts), _NO_CLASS))
        else:
            members.setdefault(clean_name(parts[0]) or "?", []).append((_shown(parts), read))
    if not members:
        raise Refusal(_NESTED if any(why is _NESTED for _, why in skipped) else _LAYOUT)
    if len(members) > LIMITS.archive_classes:
        raise Refusal(_MANY_CLASSES.fill(count=len(members), limit=LIMITS.archive_classes))
    count = sum(map(len, members.values()))
    if count * size_px * size_px * 3 > LIMITS.archive_unpacked_bytes:
        raise Refusal(_MEMORY.fill(count=count, size=size_px))

    images, owners, digests = [], [], []
    for name in sorted(members):
        for display_name, read in members[name]:
            try:
                photo = decode_photo(read(), display_name.rpartition("/")[2], max_side_px=2 * size_px)
            except Refusal as refusal:
                skipped.append((display_name, refusal.text))
            except _READ_FAULTS:
                skipped.append((display_name, _UNREADABLE))
            else:
                images.append(resize_square(photo.pixels, size_px))
                owners.append(name)
                digests.append(hashlib.sha256(repr(photo.pixels.shape).encode() + photo.pixels.tobytes()).digest())
    counts = Counter(owners)
    classes = tuple(sorted(counts))
    if not classes:
        raise Refusal(_NO_PICTURES.fill(why=skipped[0][1]))
    if len(classes) < 2:
        raise Refusal(_ONE_CLASS.fill(name=classes[0]))
    named = {clean_name(folder[0]) or "?" for folder in folders if not _is_junk(folder)} | set(members)
    notes += [_EMPTY_CLASS.fill(name=name) for name in sorted(named - set(classes))]
    notes += _warnings(counts, owners, digests)
    labels = np.array([classes.index(owner) for owner in owners], dtype=np.int64)
    return ImageSet(np.stack(images), labels, classes, notes=tuple(notes), skipped=tuple(skipped))


def _unwrap(listing: _Listing, notes: list[Text]) -> tuple[dict, set]:
    """Return files and folders without a single enclosing folder, and without the folders of a split (train, test, …)."""
    files, folders = listing.files, listing.folders
    while True:
        tops = {parts[0] for parts in files if len(parts) > 1}
        inner = {parts: read for parts, read in files.items() if len(parts) > 1}
        is_split = len(tops) > 1 and {top.lower() for top in tops} <= SPLITS
        if not inner or any(len(parts) < 3 for parts in inner) or not (len(tops) == 1 or is_split):
            return files, folders
        if is_split:
            notes.append(_SPLIT_FOLDERS.fill(names=", ".join(f"“{clean_name(top)}”" for top in sorted(tops))))
            # The same name in two split folders is two pictures: the split's name is moved behind the class.
            files = {(parts[1], parts[0], *parts[2:]): read for parts, read in inner.items()} | {
                parts: read for parts, read in files.items() if len(parts) < 2
            }
            return files, {parts[1:] for parts in folders if len(parts) > 1 and parts[0] in tops}
        files = {parts[1:] if len(parts) > 1 else parts: read for parts, read in files.items()}
        folders = {parts[1:] for parts in folders if len(parts) > 1 and parts[0] in tops}


def _warnings(counts: Counter, owners: list[str], digests: list[bytes]) -> list[Text]:
    """Return warnings on a data set for training: few pictures, imbalance, duplicates."""
    warnings = [_FEW_IN_CLASS.fill(name=name, count=count) for name, count in sorted(counts.items()) if count < _FEW]
    (largest, highest), (smallest, lowest) = counts.most_common()[0], counts.most_common()[-1]
    if highest >= _UNEVEN * lowest:
        warnings.append(_IMBALANCED.fill(most=largest, least=smallest, ratio=highest / lowest))
    letters = Counter(name.casefold() for name in counts)
    alike = [name for name in sorted(counts) if letters[name.casefold()] > 1]
    if alike:
        warnings.append(_SAME_LETTERS.fill(names=", ".join(f"“{name}”" for name in alike)))
    owners_of: dict[bytes, list[str]] = {}
    for owner, digest in zip(owners, digests, strict=True):
        owners_of.setdefault(digest, []).append(owner)
    across = sum(len(members) for members in owners_of.values() if len(set(members)) > 1)
    copies = sum(len(members) - 1 for members in owners_of.values())
    if across:
        warnings.append(_COPIES_ACROSS.fill(count=across))
    elif copies:
        warnings.append(_COPIES.fill(count=copies))
    return warnings
