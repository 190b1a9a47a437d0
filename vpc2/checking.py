"""`vpc2 check`: what the app would do with a file, by the same validation as an upload, with a verdict in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vpc2 import codec
from vpc2.system import host
from vpc2.text import Refusal, Text, clean_name, join_texts

if TYPE_CHECKING:
    from vpc2.images.decode import Photo

_GOOD = Text("This is fine.")
_NO_FILE = Text("There is no file “{name}”.")
_SKIPPED = Text("{name}: {why}")
_MORE = Text("… and {n} more.")

_CLASSIFIERS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".h5", ".onnx", ".pkl", ".gguf")
_ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tar", ".tgz")
_LISTED = 5

_Found = tuple[Sequence[Text], Sequence[tuple[str, Text]], str]  # notes, what is left out and why, and the kind


@dataclass(frozen=True)
class Verdict:
    """`verdict` is "accept", "note" (something was changed), "partial" (something was left out) or "refuse"."""

    verdict: str
    kind: str
    text: Text


def check_file(path: Path) -> Verdict:
    """Return the verdict on a file or a folder of pictures. The kind is taken from the name, the verdict from the content."""
    suffix = path.suffix.lower()
    kind = (
        "data set"
        if path.is_dir() or suffix in _ARCHIVES
        else "classifier"
        if suffix in _CLASSIFIERS
        else "document"
        if suffix == ".json"
        else "photograph"
    )
    try:
        notes, skipped, kind = _CHECKS[kind](path)
    except Refusal as refusal:
        return Verdict("refuse", kind, refusal.text)
    if skipped:
        listed = [_SKIPPED.fill(name=name, why=why) for name, why in skipped[:_LISTED]]
        if len(skipped) > _LISTED:
            listed.append(_MORE.fill(n=len(skipped) - _LISTED))
        return Verdict("partial", kind, join_texts([*notes, *listed]))
    return Verdict("note", kind, join_texts(notes)) if notes else Verdict("accept", kind, _GOOD)


def read_bytes(path: Path, limit_bytes: int) -> bytes:
    """Return the content of a file, up to one byte more than `limit_bytes`, so that the size limit of its reader can refuse it."""
    try:
        with path.open("rb") as file:
            return file.read(limit_bytes + 1)
    except OSError:
        raise Refusal(_NO_FILE.fill(name=clean_name(path.name))) from None


def read_photo(path: Path) -> Photo:
    """Return the photograph in a file, decoded like an upload."""
    from vpc2.images.decode import decode_photo

    return decode_photo(read_bytes(path, host.LIMITS.image_bytes), path.name)


def _check_photo(path: Path) -> _Found:
    return read_photo(path).notes, (), "photograph"


def _check_data(path: Path) -> _Found:
    from vpc2.data.folder_or_zip import load_archive, load_folder

    if not path.exists():
        raise Refusal(_NO_FILE.fill(name=clean_name(path.name)))
    data = load_folder(path, 32) if path.is_dir() else load_archive(path, 32)
    return data.notes, data.skipped, "data set"


def _check_classifier(path: Path) -> _Found:
    from vpc2.predict.classifier import load_classifier

    if not path.exists():
        raise Refusal(_NO_FILE.fill(name=clean_name(path.name)))
    load_classifier(path)
    return (), (), "classifier"


def _check_document(path: Path) -> _Found:
    read = codec.from_json(read_bytes(path, codec.MAX_JSON_BYTES))
    notes = list(read.notes)
    if read.spec.KIND == "net":
        from vpc2.nets.summary.trainable import review_saved_net

        problem, review_notes = review_saved_net(read.spec)
        if problem is not None:
            raise Refusal(problem.text)
        notes += review_notes
    return tuple(notes), (), read.spec.KIND


_CHECKS = {"photograph": _check_photo, "data set": _check_data, "classifier": _check_classifier, "document": _check_document}
