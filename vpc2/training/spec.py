"""What a visitor asked to be trained: data, net, pipeline and settings, complete enough to be run again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from vpc2.augment.spec import Pipeline
from vpc2.codec import check_keys, from_document, to_document
from vpc2.data.datasets import find_dataset
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net
from vpc2.predict.spec import Backbone
from vpc2.training.settings import SETTINGS
from vpc2.words import Refusal, Text, clean_name

_RECIPE = Text("A recipe", "Una receta")
_NO_NET = Text(
    "A recipe needs a net: the name of a preset, a saved net or a pretrained one.",
    "Una receta necesita una red: el nombre de una predefinida, una red guardada o una preentrenada.",
)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a run goes. Two runs of one recipe on one machine give the same curve."""

    KIND: ClassVar[str] = "recipe"

    dataset: str
    net: Net | Backbone
    pipeline: Pipeline | None = None
    settings: dict[str, Any] = field(default_factory=SETTINGS.defaults)
    name: str = ""

    def to_doc(self) -> dict[str, Any]:
        doc = {"name": self.name, "dataset": self.dataset, "net": to_document(self.net), "settings": dict(self.settings)}
        if self.pipeline is not None:
            doc["pipeline"] = to_document(self.pipeline)
        return doc

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> tuple[Recipe, list[Text]]:
        """Read a document's body; a net may be given by the name of a preset. Raises `Refusal` naming the field."""
        check_keys(_RECIPE, doc, ("name", "dataset", "net", "pipeline", "settings"))
        given, notes = doc.get("net"), []
        if isinstance(given, str):
            net = NETS.find(given).net
        elif isinstance(given, dict):
            read = from_document(given, "backbone" if given.get("kind") == "backbone" else "net")
            net, notes = read.spec, [*notes, *read.notes]
        else:
            raise Refusal(_NO_NET, field="net")
        pipeline = None
        if doc.get("pipeline") is not None:
            read = from_document(doc["pipeline"], "pipeline")
            pipeline, notes = read.spec, [*notes, *read.notes]
        dataset = find_dataset(doc.get("dataset")).key
        return cls(dataset, net, pipeline, SETTINGS.clean(doc.get("settings", {})), clean_name(doc.get("name", ""))), notes

    @property
    def augmentation(self) -> Pipeline | None:
        """The pipeline where it does anything."""
        return self.pipeline if self.pipeline is not None and not self.pipeline.is_plain() else None

    @property
    def is_online(self) -> bool:
        """True where every batch is augmented anew."""
        return self.augmentation is not None and self.settings["augment"] != "offline"

    @property
    def is_offline(self) -> bool:
        """True where augmented copies are made before the training begins."""
        return self.augmentation is not None and self.settings["augment"] != "online"
