"""What a visitor built: a net is the shape of its input and a list of layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from vpc2.codec import check_keys
from vpc2.knobs import Whole
from vpc2.nets.layers import LAYERS
from vpc2.words import Refusal, Text, clean_name

MAX_LAYERS = 200
CHANNELS = (1, 3)
SIDE = Whole(key="input", title=Text("Side of the input", "Lado de la entrada"), default=32, low=1, high=2048, unit="px")

_NET = Text("A net", "Una red")
_LAYER = Text("A layer", "Una capa")
_BAD_INPUT = Text(
    "The input of a net must be [channels, height, width] with 1 or 3 channels, not {found}.",
    "La entrada de una red tiene que ser [canales, alto, ancho] con 1 o 3 canales, no {found}.",
)
_NOT_A_LIST = Text("The layers of a net must be a list.", "Las capas de una red tienen que ser una lista.")
_NO_LAYERS = Text("This net has no layers; add one first.", "Esta red no tiene capas; primero hay que agregar una.")
_TOO_MANY = Text(
    "A net has at most {limit} layers; this one has {count:,}.", "Una red tiene como máximo {limit} capas; esta tiene {count:,}."
)
_BAD_ID = Text("Two layers carry the same id “{id}”, or it is not a plain one.", "Dos capas llevan el mismo id “{id}”, o no es uno simple.")
_ID = re.compile(r"[a-z][a-z0-9]{0,11}")
_NUMBERED = re.compile(r"l[0-9]{1,8}")  # ids counted on from; a longer number would outgrow what an id may be


@dataclass(frozen=True)
class Layer:
    """One layer with its parameters. `id` stays the same when the layer moves."""

    id: str
    kind: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Net:
    """The shape of one picture, (C, H, W), and the layers it goes through, in order."""

    KIND: ClassVar[str] = "net"

    input: tuple[int, int, int] = (3, 32, 32)
    layers: tuple[Layer, ...] = ()
    name: str = ""

    def to_doc(self) -> dict[str, Any]:
        layers = []
        for layer in self.layers:
            entry, doc = LAYERS[layer.kind], {"id": layer.id, "type": layer.kind}
            if params := {key: value for key, value in layer.params.items() if value != entry.knob(key).default}:
                doc["params"] = params
            layers.append(doc)
        return {"name": self.name, "input": list(self.input), "layers": layers}

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> tuple[Net, list[Text]]:
        """Read a document's body. Raises `Refusal` naming the layer and field at fault; sizes are checked, not built."""
        check_keys(_NET, doc, ("name", "input", "layers"))
        shape = doc.get("input", [3, 32, 32])
        if not isinstance(shape, list) or len(shape) != 3 or isinstance(shape[0], bool) or shape[0] not in CHANNELS:
            raise Refusal(_BAD_INPUT.fill(found=str(shape)[:40]), field="input")
        listed = doc.get("layers", [])
        if not isinstance(listed, list):
            raise Refusal(_NOT_A_LIST)
        if not listed:
            raise Refusal(_NO_LAYERS)
        if len(listed) > MAX_LAYERS:
            raise Refusal(_TOO_MANY.fill(limit=MAX_LAYERS, count=len(listed)))
        net = cls((int(shape[0]), SIDE.clean(shape[1]), SIDE.clean(shape[2])), name=clean_name(doc.get("name", "")))
        taken = {item["id"] for item in listed if isinstance(item, dict) and isinstance(item.get("id"), str)}
        for item in listed:
            check_keys(_LAYER, item, ("id", "type", "params"))
            entry = LAYERS.find(item.get("type"))
            layer_id = item.get("id", net.free_id(taken))
            if not isinstance(layer_id, str) or not _ID.fullmatch(layer_id) or net.has(layer_id):
                raise Refusal(_BAD_ID.fill(id=str(layer_id)[:20]))
            net = replace(net, layers=(*net.layers, Layer(layer_id, entry.key, entry.clean(item.get("params", {})))))
        return net, []

    def has(self, layer_id: str) -> bool:
        return any(layer.id == layer_id for layer in self.layers)

    def free_id(self, taken: Set[str] = frozenset()) -> str:
        """Return an id that no layer of this net carries and that is not `taken` either."""
        numbers = [int(layer.id[1:]) for layer in self.layers if _NUMBERED.fullmatch(layer.id)]
        number = max(numbers, default=0) + 1
        while self.has(f"l{number}") or f"l{number}" in taken:
            number += 1
        return f"l{number}"


def make_net(name: str, input_shape: tuple[int, int, int], *layers: tuple[str, dict[str, Any]] | str) -> Net:
    """Return a net from kinds and parameters: `make_net("n", (1, 8, 8), ("Conv2d", {"out_channels": 4}), "ReLU")`."""
    net = Net(input_shape, name=name)
    for item in layers:
        kind, params = (item, {}) if isinstance(item, str) else item
        net = edit_add(net, kind, params)
    return net


def edit_add(net: Net, kind: str, params: dict[str, Any] | None = None, at: int | None = None) -> Net:
    """Return the net with a new layer at position `at` (at its end if None); at the limit, raise `Refusal`."""
    if len(net.layers) >= MAX_LAYERS:
        raise Refusal(_TOO_MANY.fill(limit=MAX_LAYERS, count=len(net.layers) + 1))
    entry = LAYERS.find(kind)
    layers = list(net.layers)
    layers.insert(len(layers) if at is None else at, Layer(net.free_id(), entry.key, entry.clean(params or {})))
    return replace(net, layers=tuple(layers))


def edit_layer(net: Net, layer_id: str, change: Callable[[Layer], Layer]) -> Net:
    """Return the net with `change` applied to one layer."""
    return replace(net, layers=tuple(change(layer) if layer.id == layer_id else layer for layer in net.layers))


def edit_param(net: Net, layer_id: str, key: str, value: Any) -> Net:
    """Return the net with one parameter of one layer set; the value is checked by its knob."""

    def change(layer: Layer) -> Layer:
        return replace(layer, params={**layer.params, key: LAYERS[layer.kind].knob(key).clean(value)})

    return edit_layer(net, layer_id, change)


def edit_remove(net: Net, layer_id: str) -> Net:
    """Return the net without one layer."""
    return replace(net, layers=tuple(layer for layer in net.layers if layer.id != layer_id))


def edit_order(net: Net, order: list[str]) -> Net:
    """Return the net with its layers in the order of ids given; any other set of ids changes nothing."""
    by_id = {layer.id: layer for layer in net.layers}
    if sorted(order) != sorted(by_id):
        return net
    return replace(net, layers=tuple(by_id[layer_id] for layer_id in order))


def edit_duplicate(net: Net, layer_id: str) -> Net:
    """Return the net with a copy of one layer right behind it; at the limit, raise `Refusal`."""
    if len(net.layers) >= MAX_LAYERS:
        raise Refusal(_TOO_MANY.fill(limit=MAX_LAYERS, count=len(net.layers) + 1))
    layers = [copy for layer in net.layers for copy in ([layer, replace(layer, id=net.free_id())] if layer.id == layer_id else [layer])]
    return replace(net, layers=tuple(layers))
