"""What a net comes to, by arithmetic alone: shapes, parameters, multiply-adds, memory and receptive field of every layer.

The receptive field follows Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks"
(Distill, 2019): r grows by (window - 1)*jump, and jump by the stride.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from vpc2.host import LIMITS, MB
from vpc2.knobs import Whole
from vpc2.nets import arithmetic
from vpc2.nets.arithmetic import Formula, Mend, Misfit, Shape
from vpc2.nets.layers import LAYERS
from vpc2.nets.spec import Layer, Net, edit_add, edit_param, edit_remove
from vpc2.words import Text

BYTES = 4  # of one float32
MOST_PIXELS = 10**12  # receptive fields are counted up to here: absurd strides would outgrow every float
BATCH = 64  # the usual batch, for what training holds in memory

_AT = Text("{name}: {why}", "{name}: {why}")
_NO_LAYERS = Text("This net has no layers; add one first.", "Esta red no tiene capas; primero hay que agregar una.")
_NO_VECTOR = Text(
    "This net ends in a picture of {shape}, not in one number a class: end it with a pooling over the whole picture and a dense layer.",
    "Esta red termina en una imagen de {shape}, no en un número por clase: hay que terminarla con un pooling sobre "
    "toda la imagen y una capa densa.",
)
_ONE_OUTPUT = Text(
    "This net ends in a single number: one class alone is always right and teaches nothing. It needs one output a class.",
    "Esta red termina en un solo número: una única clase siempre acierta y no enseña nada. Necesita una salida por clase.",
)
_WRONG_CLASSES = Text(
    "This net ends in {found:,} numbers and the data has {classes:,} classes.",
    "Esta red termina en {found:,} números y los datos tienen {classes:,} clases.",
)
_SET_CLASSES = Text("End in {classes:,}", "Terminar en {classes:,}")
_ADD_HEAD = Text("Add a global pooling and a dense layer of {classes:,}", "Agregar un pooling global y una capa densa de {classes:,}")
_ADD_DENSE = Text("Add a dense layer of {classes:,}", "Agregar una capa densa de {classes:,}")
_HEAVY = Text(
    "This net has {params:,} parameters; at most {most:,} can be trained here. It can still be looked at and exported.",
    "Esta red tiene {params:,} parámetros; acá se pueden entrenar como máximo {most:,}. Igual se puede mirar y exportar.",
)
_LARGE = Text(
    "A batch of {batch:,} pictures would hold {found:,} MB of outputs; at most {most:,} MB fit here. Smaller "
    "pictures, fewer filters or an earlier pooling help.",
    "Un lote de {batch:,} imágenes tendría {found:,} MB de salidas; acá entran como máximo {most:,} MB. Ayudan "
    "imágenes más chicas, menos filtros o un pooling anterior.",
)
_ALL_DROPPED = Text(
    "{name}: a dropout of 1 sets every value to zero, so nothing is learned.",
    "{name}: un dropout de 1 pone todos los valores en cero, así que no se aprende nada.",
)
_LONE_NORM = Text(
    "{name}: on 1 × 1 a batch of one picture has nothing to normalise; the last odd picture of an epoch is left out.",
    "{name}: sobre 1 × 1 un lote de una sola imagen no tiene nada que normalizar; la última imagen suelta de una época se deja afuera.",
)
_EARLY_SOFTMAX = Text(
    "{name}: cross-entropy applies a softmax by itself; a second one makes training slow.",
    "{name}: la entropía cruzada ya aplica un softmax; un segundo vuelve lento el entrenamiento.",
)
_BORDER = Text(
    "{name}: the stride does not divide the side, so the last rows or columns are not looked at: {rest}.",
    "{name}: el paso no divide exacto el lado, así que no se miran las últimas filas o columnas: {rest}.",
)


@dataclass(frozen=True)
class Repair:
    """A way out: what its button says, and the net after it."""

    title: Text
    apply: Callable[[Net], Net]


@dataclass(frozen=True)
class Problem:
    """Why a net does not work, in a sentence with its arithmetic, and what would."""

    text: Text
    repairs: tuple[Repair, ...] = ()
    layer_id: str = ""


@dataclass(frozen=True)
class LayerFacts:
    """One layer's numbers. Shapes are (C, H, W) or (N,); `input` and `output` are None where the net does not get that far.

    `receptive_field` and `jump` are in input pixels: the side of the square one value sees, and the distance between
    two neighbours' centres.
    """

    id: str
    kind: str
    name: str
    input: Shape | None
    output: Shape | None
    params: int = 0
    macs: int = 0
    receptive_field: int = 0
    jump: float = 0.0
    formulas: tuple[Formula, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Summary:
    """A net's numbers: each layer's and the totals over the layers that are reached. `problem` is the first one."""

    layers: tuple[LayerFacts, ...]
    params: int
    macs: int
    activation_bytes: int
    output: Shape | None
    problem: Problem | None = None
    notes: tuple[Text, ...] = ()


@dataclass
class _Field:
    """The receptive field as it grows from layer to layer; the first value of a row looks at `start` and on.

    `sides` is the last picture's height and width, None once a dense layer has mixed all of it.
    """

    sides: tuple[int, int] | None
    size: Fraction = Fraction(1)
    jump: Fraction = Fraction(1)
    start: Fraction = Fraction(0)


def summarise(net: Net) -> Summary:
    """Return every layer's numbers by arithmetic; the layers before one that does not fit keep theirs."""
    shape: Shape | None = net.input
    field, counts = _Field(net.input[1:]), Counter()
    layers: list[LayerFacts] = []
    problem: Problem | None = None
    params = macs = numbers = 0
    for layer in net.layers:
        entry = LAYERS[layer.kind]
        counts[entry.stem] += 1
        name = f"{entry.stem}{counts[entry.stem]}"
        if shape is None:
            layers.append(LayerFacts(layer.id, layer.kind, name, None, None))
            continue
        try:
            out = entry.output(layer.params, shape)
        except Misfit as misfit:
            own = Problem(misfit.text, tuple(_repair(layer.id, mend) for mend in misfit.mends), layer.id)
            problem = Problem(_AT.fill(name=name, why=misfit.text), own.repairs, layer.id)
            layers.append(LayerFacts(layer.id, layer.kind, name, shape, None, problem=own))
            shape = None
            continue
        _grow(field, layer, shape, out, net)
        own_params = entry.params(layer.params, shape)
        own_macs = entry.macs(own_params, out)
        formulas = entry.formulas(layer.params, shape, out, own_params)
        size, jump = min(-(-field.size // 1), MOST_PIXELS), float(min(field.jump, MOST_PIXELS))
        layers.append(LayerFacts(layer.id, layer.kind, name, shape, out, own_params, own_macs, size, jump, formulas))
        params, macs, numbers = params + own_params, macs + own_macs, numbers + arithmetic.values(out)
        shape = out
    if not net.layers:
        problem = Problem(_NO_LAYERS)
    return Summary(tuple(layers), params, macs, numbers * BYTES, shape, problem, (*_remarks(net, layers), *_borders(net, layers)))


def _grow(field: _Field, layer: Layer, shape: Shape, out: Shape, net: Net) -> None:
    entry = LAYERS[layer.kind]
    if entry.family == "dense" and field.sides is not None:  # every output sees whatever any of its inputs sees
        seen = (
            min(side, field.start + (n - 1) * field.jump + field.size) - max(field.start, 0)
            for side, n in zip(net.input[1:], field.sides, strict=True)
        )
        field.size = max(field.size, *seen)
        field.sides = None
    elif entry.window is not None:
        window = entry.window(layer.params, shape)
        field.start -= layer.params.get("padding", 0) * field.jump
        field.size += (window.size - 1) * field.jump
        field.jump *= window.step
        field.sides = out[1:] if len(out) == 3 else (1, 1)


def _repair(layer_id: str, mend: Mend) -> Repair:
    def apply(net: Net) -> Net:
        if mend.action == "set":
            return edit_param(net, layer_id, mend.key, mend.value)
        if mend.action == "insert":
            return edit_add(net, mend.key, at=[layer.id for layer in net.layers].index(layer_id))
        return edit_remove(net, layer_id)

    return Repair(mend.title, apply)


def _remarks(net: Net, layers: Sequence[LayerFacts]) -> Iterator[Text]:
    """Tell what is allowed and still hardly meant."""
    by_id = {layer.id: layer for layer in net.layers}
    for facts in layers:
        if facts.output is None:
            return
        params = by_id[facts.id].params
        if facts.kind == "Dropout" and params["p"] == 1:
            yield _ALL_DROPPED.fill(name=facts.name)
        if facts.kind == "BatchNorm2d" and arithmetic.positions(facts.output) == 1:
            yield _LONE_NORM.fill(name=facts.name)
        if facts.kind == "Softmax":
            yield _EARLY_SOFTMAX.fill(name=facts.name)


def _borders(net: Net, layers: Sequence[LayerFacts]) -> Iterator[Text]:
    """Tell where a stride leaves out a border: how strides work, and worth seeing."""
    for layer, facts in zip(net.layers, layers, strict=True):
        if rest := dropped_border(facts, layer.params):
            yield _BORDER.fill(name=facts.name, rest=rest)


def dropped_border(facts: LayerFacts, params: dict[str, Any]) -> int:
    """Return how many rows or columns at the end of the input, its padding apart, no window of this layer reaches."""
    if facts.output is None or "stride" not in params or params.get("ceil_mode"):
        return 0
    window = arithmetic.sliding(params, facts.input).size
    return max(
        0,
        *(
            side + params["padding"] - window - (out - 1) * params["stride"]
            for side, out in zip(facts.input[1:], facts.output[1:], strict=True)
        ),
    )


def check_trainable(net: Net, classes: int, batch: int = BATCH) -> Problem | None:
    """Return why a net cannot be trained to tell `classes` apart on this host, or None."""
    summary = summarise(net)
    if summary.problem is not None:
        return summary.problem
    if len(summary.output) == 3:
        head = Repair(
            _ADD_HEAD.fill(classes=classes), lambda net: edit_add(edit_add(net, "GlobalAvgPool"), "Linear", {"out_features": classes})
        )
        height, width, channels = summary.output[1], summary.output[2], summary.output[0]
        return Problem(_NO_VECTOR.fill(shape=f"{height} × {width} × {channels}"), (head,))
    found = summary.output[0]
    if found == 1 or found != classes:
        text = _ONE_OUTPUT if found == 1 else _WRONG_CLASSES.fill(found=found, classes=classes)
        return Problem(text, (_ending_in(net, classes),))
    return too_heavy(summary, batch)


def too_heavy(summary: Summary, batch: int = BATCH) -> Problem | None:
    """Return why a net is too much for this host to train, or None."""
    if summary.params > LIMITS.trainable_params:
        return Problem(_HEAVY.fill(params=summary.params, most=LIMITS.trainable_params))
    if summary.activation_bytes * batch > LIMITS.activation_bytes:
        found = summary.activation_bytes * batch // MB
        return Problem(_LARGE.fill(batch=batch, found=found, most=LIMITS.activation_bytes // MB))
    return None


def _ending_in(net: Net, classes: int) -> Repair:
    last = next((layer for layer in reversed(net.layers) if LAYERS[layer.kind].family == "dense"), None)
    after = net.layers[net.layers.index(last) + 1 :] if last else ()
    if last is not None and all(LAYERS[layer.kind].output is arithmetic.same for layer in after):
        return Repair(_SET_CLASSES.fill(classes=classes), lambda net: edit_param(net, last.id, "out_features", classes))
    return Repair(_ADD_DENSE.fill(classes=classes), lambda net: edit_add(net, "Linear", {"out_features": classes}))


def review(net: Net) -> tuple[Problem | None, tuple[Text, ...]]:
    """Return what the app would say of a saved net: why it is refused, or None and its notes.

    A net that is only looked at may be any size; a saved one must end in one number a class.
    """
    summary = summarise(net)
    notes = tuple(_remarks(net, summary.layers))
    if summary.problem is not None:
        return summary.problem, notes
    if len(summary.output) == 3 or summary.output == (1,):
        return check_trainable(net, 2), notes
    return None, notes


def reachable(kind: str, params: dict[str, Any], shape: Shape) -> dict[str, tuple[int, int]]:
    """Return, for each whole-number knob of a layer, the span of values around today's at which it fits `shape`.

    Empty where it does not fit now.
    """
    entry = LAYERS[kind]

    def fits(key: str, value: int) -> bool:
        try:
            entry.output({**params, key: value}, shape)
        except Misfit:
            return False
        return True

    spans = {}
    for knob in entry.knobs:
        if isinstance(knob, Whole) and fits(knob.key, params[knob.key]):
            now = params[knob.key]
            high = arithmetic.largest_that_fits(lambda value, key=knob.key: fits(key, value), now, knob.high)
            low = -arithmetic.largest_that_fits(lambda value, key=knob.key: fits(key, -value), -now, -knob.low)
            spans[knob.key] = (low, high)
    return spans
