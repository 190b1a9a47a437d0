"""What a visitor asked to be trained: data, net, pipeline and settings, complete enough to be run again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from vpc2.augment.spec import SEED, Pipeline
from vpc2.catalog import Entry
from vpc2.codec import check_keys, from_document, to_document
from vpc2.data.datasets import find_dataset
from vpc2.knobs import Choice, Number, Whole
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net
from vpc2.words import Refusal, Text, clean_name

_RECIPE = Text("A recipe", "Una receta")
_NO_NET = Text(
    "A recipe needs a net: the name of a preset or a saved net.",
    "Una receta necesita una red: el nombre de una predefinida o una red guardada.",
)

SETTINGS = Entry(
    key="settings",
    title=Text("Settings", "Ajustes"),
    help=Text("How the net is trained.", "Cómo se entrena la red."),
    knobs=(
        Choice(
            key="optimiser",
            title=Text("Optimiser", "Optimizador"),
            default="adamw",
            options={
                "sgd": Text("SGD with momentum 0.9", "SGD con momento 0,9"),
                "adam": Text("Adam", "Adam"),
                "adamw": Text("AdamW", "AdamW"),
            },
            help=Text("The rule that turns gradients into steps.", "La regla que convierte los gradientes en pasos."),
        ),
        Number(
            key="learning_rate",
            title=Text("Learning rate", "Tasa de aprendizaje"),
            default=0.002,
            low=1e-6,
            high=1.0,
            step=1e-4,
            aliases=("lr",),
            help=Text("How far one step goes.", "Qué tan lejos va un paso."),
        ),
        Choice(
            key="schedule",
            title=Text("Schedule of the rate", "Esquema de la tasa"),
            default="one_cycle",
            options={
                "constant": Text("Constant", "Constante"),
                "cosine": Text("Cosine", "Coseno"),
                "one_cycle": Text("One cycle", "Un ciclo"),
            },
            help=Text(
                "How the learning rate changes from the first step to the last.",
                "Cómo cambia la tasa de aprendizaje del primer paso al último.",
            ),
        ),
        Number(
            key="weight_decay",
            title=Text("Weight decay", "Decaimiento de pesos"),
            default=0.01,
            low=0.0,
            high=1.0,
            help=Text("How strongly weights are pulled to zero.", "Con cuánta fuerza se llevan los pesos hacia cero."),
        ),
        Number(
            key="label_smoothing",
            title=Text("Label smoothing", "Suavizado de etiquetas"),
            default=0.0,
            low=0.0,
            high=0.5,
            help=Text("Share of the certainty given to the other classes.", "Parte de la certeza que se reparte entre las otras clases."),
        ),
        Whole(
            key="batch_size",
            title=Text("Batch size", "Tamaño del lote"),
            default=64,
            low=2,
            high=1024,
            help=Text("Pictures looked at before each step.", "Imágenes que se miran antes de cada paso."),
        ),
        Number(
            key="budget_s",
            title=Text("Time budget", "Presupuesto de tiempo"),
            default=25.0,
            low=1.0,
            high=600.0,
            step=1.0,
            unit="s",
            help=Text(
                "Training ends after this many seconds, or after the epochs below.",
                "El entrenamiento termina después de estos segundos, o de las épocas de abajo.",
            ),
        ),
        Whole(
            key="epochs",
            title=Text("Epochs at most", "Épocas como máximo"),
            default=200,
            low=1,
            high=10_000,
            help=Text("One epoch shows every training picture once.", "Una época muestra cada imagen de entrenamiento una vez."),
        ),
        Whole(
            key="size_px",
            title=Text("Side of the pictures", "Lado de las imágenes"),
            default=32,
            low=8,
            high=224,
            unit="px",
            help=Text("Pictures are resized to this square.", "Las imágenes se llevan a este cuadrado."),
        ),
        Number(
            key="train_share",
            title=Text("Share to train on", "Parte para entrenar"),
            default=0.6,
            low=0.01,
            high=0.6,
            help=Text(
                "Share of the pictures (or of the people) that the net may see; 20 % validate and 20 % test, always the same ones.",
                "Parte de las imágenes (o de las personas) que la red puede ver; 20 % valida y 20 % prueba, siempre las mismas.",
            ),
        ),
        SEED,
    ),
)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a run goes. Two runs of one recipe on one machine give the same curve."""

    KIND: ClassVar[str] = "recipe"

    dataset: str
    net: Net
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
            read = from_document(given, "net")
            net, notes = read.spec, [*notes, *read.notes]
        else:
            raise Refusal(_NO_NET, field="net")
        pipeline = None
        if doc.get("pipeline") is not None:
            read = from_document(doc["pipeline"], "pipeline")
            pipeline, notes = read.spec, [*notes, *read.notes]
        dataset = find_dataset(doc.get("dataset")).key
        return cls(dataset, net, pipeline, SETTINGS.clean(doc.get("settings", {})), clean_name(doc.get("name", ""))), notes
