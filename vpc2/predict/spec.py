"""The spec of a pretrained backbone for fine-tuning. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from vpc2.codec import check_keys
from vpc2.knobs import Choice, Flag
from vpc2.predict.pretrained.catalog import BACKBONES, PRETRAINED, Pretrained
from vpc2.text import Text

_BACKBONE = Text("A backbone")

READY = Choice(
    key="ready",
    title=Text("Pretrained net"),
    default="imagenet",
    options=BACKBONES,
    help=Text("A net that has learned to see on ImageNet."),
)
FROZEN = Flag(
    key="is_frozen",
    title=Text("Keep its weights as they are"),
    default=True,
    help=Text("Frozen: only a new last layer is learned, in seconds and from a few pictures. Otherwise the whole net is fine-tuned."),
)


@dataclass(frozen=True)
class Backbone:
    """A pretrained net whose last dense layer is replaced by a new one with one output per class."""

    KIND: ClassVar[str] = "backbone"

    ready: str = "imagenet"
    is_frozen: bool = True

    @property
    def entry(self) -> Pretrained:
        """The pretrained classifier it is built from."""
        return PRETRAINED[self.ready]

    @property
    def name(self) -> str:
        return self.entry.title.en.partition(" (")[0]

    def to_doc(self) -> dict[str, Any]:
        return {"ready": self.ready, "is_frozen": self.is_frozen}

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> tuple[Backbone, list[Text]]:
        """Read a document's body. Raises `Refusal` naming the field."""
        check_keys(_BACKBONE, doc, ("ready", "is_frozen"))
        return cls(READY.clean(doc.get("ready", READY.default)), FROZEN.clean(doc.get("is_frozen", True))), []
