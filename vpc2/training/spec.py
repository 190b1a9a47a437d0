"""Specs of training: `Recipe` (data set, net, pipeline, settings) and `Experiment` (two recipes, seeds), as documents."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from vpc2.augment.spec import Pipeline
from vpc2.codec import check_keys, from_document, to_document
from vpc2.data.datasets import find_dataset
from vpc2.knobs import Whole
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net
from vpc2.predict.spec import Backbone
from vpc2.text import Refusal, Text, clean_name
from vpc2.training.settings import SETTINGS

_EXPERIMENT = Text("An experiment")
_NO_RECIPES = Text("An experiment needs two recipes.")
_SEED_STEP = 1000  # large, so that the seeds of experiments with neighbouring seeds do not overlap
_RECIPE = Text("A recipe")
_NO_NET = Text("A recipe needs a net: the name of a preset, a saved net or a pretrained one.")


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a run. Two runs of one recipe on one machine give the same curve."""

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
        """Read a document's body and return recipe and notes; `net` may be the name of a preset. Raises `Refusal` naming the field."""
        check_keys(_RECIPE, doc, ("name", "dataset", "net", "pipeline", "settings"))
        net_doc = doc.get("net")
        notes: list[Text] = []
        net: Net | Backbone
        if isinstance(net_doc, str):
            net = NETS.find(net_doc).net
        elif isinstance(net_doc, dict):
            read = from_document(net_doc, "backbone" if net_doc.get("kind") == "backbone" else "net")
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
        """The pipeline, or None if it changes nothing."""
        return self.pipeline if self.pipeline is not None and not self.pipeline.is_plain() else None

    @property
    def is_online(self) -> bool:
        """True if every batch is augmented during training."""
        return self.augmentation is not None and self.settings["augment"] != "offline"

    @property
    def is_offline(self) -> bool:
        """True if augmented copies are made before training."""
        return self.augmentation is not None and self.settings["augment"] != "online"

    @property
    def is_attacked(self) -> bool:
        """True for adversarial training: part of every batch is attacked."""
        return self.settings["adversary"] != "none" and self.settings["adversary_epsilon"] > 0


SEEDS = Whole(
    key="seeds",
    title=Text("Seeds"),
    default=3,
    low=1,
    high=10,
    help=Text("Each side is trained so many times, from other first weights and with other training pictures: luck shows as spread."),
)


@dataclass(frozen=True)
class Experiment:
    """An experiment: two recipes with a name each, and the number of seeds."""

    KIND: ClassVar[str] = "experiment"

    left: Recipe
    right: Recipe
    left_name: str = ""
    right_name: str = ""
    seeds: int = 3

    def to_doc(self) -> dict[str, Any]:
        names = {"left_name": self.left_name, "right_name": self.right_name, "seeds": self.seeds}
        return {"left": to_document(self.left), "right": to_document(self.right), **names}

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> tuple[Experiment, list[Text]]:
        """Read a document's body and return experiment and notes. Raises `Refusal` naming the field."""
        check_keys(_EXPERIMENT, doc, ("left", "right", "left_name", "right_name", "seeds"))
        if not isinstance(doc.get("left"), dict) or not isinstance(doc.get("right"), dict):
            raise Refusal(_NO_RECIPES)
        left, right = from_document(doc["left"], "recipe"), from_document(doc["right"], "recipe")
        names = clean_name(doc.get("left_name", "")), clean_name(doc.get("right_name", ""))
        return cls(left.spec, right.spec, *names, SEEDS.clean(doc.get("seeds", SEEDS.default))), [*left.notes, *right.notes]

    def recipes(self) -> list[tuple[Recipe, Recipe]]:
        """Return the recipes to train, one pair per seed; both of a pair have the same initial weights and the same split."""
        return [(_with_seed(self.left, i), _with_seed(self.right, i)) for i in range(self.seeds)]


def _with_seed(recipe: Recipe, i: int) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "seed": recipe.settings["seed"] + _SEED_STEP * i})


def without(recipe: Recipe) -> Recipe:
    """Return the recipe without its pipeline, and without balancing by augmented copies, which needs one."""
    balance = recipe.settings["balance"]
    return replace(recipe, pipeline=None, settings={**recipe.settings, "balance": "none" if balance == "augmentation" else balance})
