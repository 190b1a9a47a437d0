"""References to classifiers: by run, by uploaded file, or by the name of a pretrained one. Standard library only.

The only module that reads and writes these names: "run:ID", "file:ID", "torchvision:NAME", or a plain key of PRETRAINED. They are used in
widget values, in the session, in links (`?run=ID`, `?classifier=KEY`) and on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vpc2.predict.pretrained.catalog import PRETRAINED
from vpc2.text import Refusal, Text, clean_name

_IDS = {
    "run": re.compile(r"[a-z0-9]{8,32}"),  # as the store of runs makes them
    "file": re.compile(r"[0-9a-f]{32}"),  # the start of the sha256 of its bytes
    "torchvision": re.compile(r"[A-Za-z0-9_.-]{1,60}"),
}
_PRETRAINED, _TORCHVISION = "pretrained", "torchvision:"

_UNKNOWN = Text("There is no classifier called “{name}”.")


@dataclass(frozen=True)
class ClassifierRef:
    """A classifier by `kind` ("run", "file", "pretrained" or "torchvision") and `id`; raises `Refusal` for an invalid id.

    The classifier may no longer exist; opening it raises then. What needs the store of runs or the visitor's session (label, version of the
    weights, recipe, test pictures) is in `vpc2.ui`.
    """

    kind: str
    id: str

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not isinstance(self.kind, str):
            raise Refusal(_UNKNOWN.fill(name=clean_name(self.id, 40)))
        is_known = self.id in PRETRAINED if self.kind == _PRETRAINED else self.kind in _IDS and bool(_IDS[self.kind].fullmatch(self.id))
        if not is_known:
            raise Refusal(_UNKNOWN.fill(name=clean_name(self.id, 40)))

    def __str__(self) -> str:
        return self.id if self.kind == _PRETRAINED else f"{self.kind}:{self.id}"

    @property
    def is_pretrained(self) -> bool:
        """True for an entry of PRETRAINED."""
        return self.kind == _PRETRAINED

    @property
    def is_run(self) -> bool:
        """True for a net trained here."""
        return self.kind == "run"

    @property
    def is_file(self) -> bool:
        """True for a classifier opened from an uploaded file: it has no run and no link."""
        return self.kind == "file"

    @classmethod
    def parse(cls, name: object) -> ClassifierRef:
        """Parse what `str` writes. Raises `Refusal` for anything else."""
        text = name if isinstance(name, str) else ""
        kind, colon, id_ = text.partition(":")
        if text in PRETRAINED:
            return cls(_PRETRAINED, PRETRAINED[text].key)
        if not colon or kind not in _IDS:
            raise Refusal(_UNKNOWN.fill(name=clean_name(name, 40)))
        return cls(kind, id_)

    @classmethod
    def from_link(cls, query: Mapping[str, str]) -> ClassifierRef | None:
        """Return the classifier named by a link's query, None if it names no valid one."""
        if query.get("classifier", "") in PRETRAINED:
            return cls.parse(query["classifier"])
        try:
            return cls("run", query.get("run", ""))
        except Refusal:
            return None

    @classmethod
    def from_command_line(cls, name: str) -> ClassifierRef | Path:
        """Return the pretrained classifier of that name, else the path of a run folder or file. Raises `Refusal` as `parse` does."""
        return cls.parse(name) if name in PRETRAINED or name.startswith(_TORCHVISION) else Path(name)

    def to_link(self) -> dict[str, str]:
        """Return the query parameters of a link; empty for an uploaded file, which only its bytes can restore."""
        return {"run": self.id} if self.is_run else {"classifier": self.id} if self.is_pretrained else {}


@dataclass(frozen=True)
class ClassifierVersion:
    """A classifier with a `stamp` that changes when its weights do. Caches of its predictions are keyed by this, never by `ref` alone."""

    ref: ClassifierRef
    stamp: float = 0.0

    def __str__(self) -> str:
        return f"{self.ref}@{self.stamp!r}"
