"""What a visitor built: a net is the shape of its input and a list of layers, some of which hold others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from vpc2.codec import check_keys
from vpc2.knobs import Whole
from vpc2.nets.layers.catalog import LAYERS
from vpc2.text import Refusal, Text, clean_name

MAX_LAYERS = 1000  # as written, those inside blocks included
MAX_NESTING = 3  # blocks inside blocks
CHANNELS = (1, 3)
SIDE = Whole(key="input", title=Text("Side of the input"), default=32, low=1, high=2048, unit="px")

_NET = Text("A net")
_LAYER = Text("A layer")
_BAD_INPUT = Text("The input of a net must be [channels, height, width] with 1 or 3 channels, not {found}.")
_NOT_A_LIST = Text("The layers of a net must be a list.")
_TOO_MANY = Text("A net has at most {limit:,} layers; this one has {count:,}.")
_BAD_ID = Text("Two layers carry the same id “{id}”, or it is not a plain one.")
_BAD_BRANCHES = Text("{kind} holds {fewest} to {most} lists of layers, in “branches”; here there are {found}.")
_NO_BRANCHES = Text("{kind} holds no layers of its own.")
_TOO_DEEP = Text("Blocks stand at most {limit} deep inside one another.")
_ID = re.compile(r"[a-z][a-z0-9]{0,11}")
_NUMBERED = re.compile(r"l[0-9]{1,8}")  # ids counted on from; a longer number would outgrow what an id may be

Item = str | tuple  # a kind; (kind, params); (kind, params, [branch, ...]), each branch a list of items


@dataclass(frozen=True)
class Layer:
    """One layer with its parameters. `id` stays the same when the layer moves; a block holds other layers in `branches`."""

    id: str
    kind: str
    params: dict[str, Any] = field(default_factory=dict)
    branches: tuple[tuple[Layer, ...], ...] = ()


@dataclass(frozen=True)
class Place:
    """A place for a layer: position `at` in a branch of the block `inside`, or in the net itself where that is empty."""

    at: int
    inside: str = ""
    branch: int = 0


@dataclass(frozen=True)
class Net:
    """The shape of one picture, (C, H, W), and the layers it goes through, in order."""

    KIND: ClassVar[str] = "net"

    input: tuple[int, int, int] = (3, 32, 32)
    layers: tuple[Layer, ...] = ()
    name: str = ""

    def to_doc(self) -> dict[str, Any]:
        return {"name": self.name, "input": list(self.input), "layers": [_to_doc(layer) for layer in self.layers]}

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> tuple[Net, list[Text]]:
        """Read a document's body. Raises `Refusal` naming the layer and field at fault; sizes are checked, not built."""
        check_keys(_NET, doc, ("name", "input", "layers"))
        shape = doc.get("input", [3, 32, 32])
        if not isinstance(shape, list) or len(shape) != 3 or isinstance(shape[0], bool) or shape[0] not in CHANNELS:
            raise Refusal(_BAD_INPUT.fill(found=f"“{clean_name(json.dumps(shape), 40)}”"), field="input")
        listed = doc.get("layers", [])
        count = _count(listed)
        if count > MAX_LAYERS:
            raise Refusal(_TOO_MANY.fill(limit=MAX_LAYERS, count=count))
        sides = int(shape[0]), SIDE.clean(shape[1]), SIDE.clean(shape[2])
        return cls(sides, _Reader(listed).read(listed), clean_name(doc.get("name", ""))), []

    def walk(self) -> Iterator[Layer]:
        """Go through every layer in order, a block before what it holds."""
        return _walk(self.layers)

    def find(self, layer_id: str | None) -> Layer | None:
        """Return the layer with this id, wherever it stands, or None."""
        return next((layer for layer in self.walk() if layer.id == layer_id), None)

    def has(self, layer_id: str | None) -> bool:
        return self.find(layer_id) is not None

    def place_of(self, layer_id: str) -> Place:
        """Return where a layer stands."""
        return next(place for place, layer in _places(self.layers) if layer.id == layer_id)

    def siblings(self, place: Place) -> tuple[Layer, ...]:
        """Return the layers among which a place lies."""
        return self.find(place.inside).branches[place.branch] if place.inside else self.layers

    def free_id(self) -> str:
        """Return an id that no layer of this net carries."""
        return next(_free_ids(layer.id for layer in self.walk()))


def _walk(layers: Iterable[Layer]) -> Iterator[Layer]:
    for layer in layers:
        yield layer
        for branch in layer.branches:
            yield from _walk(branch)


def _places(layers: Iterable[Layer], inside: str = "", branch: int = 0) -> Iterator[tuple[Place, Layer]]:
    for at, layer in enumerate(layers):
        yield Place(at, inside, branch), layer
        for i, inner in enumerate(layer.branches):
            yield from _places(inner, layer.id, i)


def _free_ids(taken: Iterable[str]) -> Iterator[str]:
    taken = set(taken)
    number = max((int(one[1:]) for one in taken if _NUMBERED.fullmatch(one)), default=0)
    while True:
        number += 1
        if f"l{number}" not in taken:
            yield f"l{number}"


def _to_doc(layer: Layer) -> dict[str, Any]:
    entry, doc = LAYERS[layer.kind], {"id": layer.id, "type": layer.kind}
    if params := {key: value for key, value in layer.params.items() if value != entry.knob(key).default}:
        doc["params"] = params
    if layer.branches:
        doc["branches"] = [[_to_doc(inner) for inner in branch] for branch in layer.branches]
    return doc


def _count(listed: Any) -> int:
    """Return how many layers a document lists; raise `Refusal` where it is no list of layers."""
    if not isinstance(listed, list):
        raise Refusal(_NOT_A_LIST)
    inner = (item["branches"] for item in listed if isinstance(item, dict) and isinstance(item.get("branches"), list))
    return len(listed) + sum(_count(branch) for branches in inner for branch in branches)


class _Reader:
    """Reads the layers of one document; ids that are given are kept, and others counted on."""

    def __init__(self, listed: list[Any]):
        self._used: set[str] = set()
        self._free = _free_ids(self._given(listed))

    def _given(self, listed: list[Any]) -> Iterator[str]:
        for item in listed:
            if isinstance(item, dict):
                if isinstance(item.get("id"), str):
                    yield item["id"]
                for branch in item.get("branches") if isinstance(item.get("branches"), list) else ():
                    yield from self._given(branch)

    def read(self, listed: list[Any], depth: int = 0) -> tuple[Layer, ...]:
        return tuple(self._layer(item, depth) for item in listed)

    def _layer(self, item: Any, depth: int) -> Layer:
        check_keys(_LAYER, item, ("id", "type", "params", "branches"))
        entry = LAYERS.find(item.get("type"))
        layer_id = item["id"] if "id" in item else next(self._free)
        if not isinstance(layer_id, str) or not _ID.fullmatch(layer_id) or layer_id in self._used:
            raise Refusal(_BAD_ID.fill(id=clean_name(layer_id, 20)))
        self._used.add(layer_id)
        branches = item.get("branches", [[]] * entry.block.fewest if entry.block else [])
        check_branches(entry.key, branches, depth)
        inner = tuple(self.read(branch, depth + 1) for branch in branches)
        return Layer(layer_id, entry.key, entry.clean(item.get("params", {})), inner)


def check_branches(kind: str, branches: Any, depth: int = 0) -> None:
    """Raise `Refusal` unless a kind of layer may hold these lists of layers, `depth` blocks deep."""
    entry = LAYERS[kind]
    if not isinstance(branches, list | tuple):
        raise Refusal(_NOT_A_LIST)
    if entry.block is None:
        if branches:
            raise Refusal(_NO_BRANCHES.fill(kind=entry.title))
        return
    if not entry.block.fewest <= len(branches) <= entry.block.most:
        raise Refusal(_BAD_BRANCHES.fill(kind=entry.title, fewest=entry.block.fewest, most=entry.block.most, found=len(branches)))
    if depth >= MAX_NESTING:
        raise Refusal(_TOO_DEEP.fill(limit=MAX_NESTING))


def make_net(name: str, input_shape: tuple[int, int, int], *items: Item) -> Net:
    """Return a net from kinds and parameters: `make_net("n", (1, 8, 8), ("Conv2d", {"out_channels": 4}), "ReLU")`.

    A block takes its branches as a third part: `("Residual", {}, [["ReLU"]])`.
    """
    return Net(input_shape, make_layers(items, _free_ids(())), name)


def make_layers(items: Iterable[Item], ids: Iterator[str]) -> tuple[Layer, ...]:
    """Return layers made of kinds, parameters and branches, with these ids; see `make_net`."""
    made = []
    for item in items:
        kind, params, branches = (item, {}, []) if isinstance(item, str) else (*item, [])[:3]
        entry, layer_id = LAYERS.find(kind), next(ids)
        if not branches and entry.block is not None:
            branches = [[]] * entry.block.fewest
        made.append(Layer(layer_id, entry.key, entry.clean(params), tuple(make_layers(branch, ids) for branch in branches)))
    return tuple(made)


def edit_insert(net: Net, layers: tuple[Layer, ...], place: Place | None = None) -> Net:
    """Return the net with layers put in at a place (its end if None); at a limit, raise `Refusal`."""
    place = place or Place(len(net.layers))
    count = sum(1 for _ in net.walk()) + sum(1 for _ in _walk(layers))
    if count > MAX_LAYERS:
        raise Refusal(_TOO_MANY.fill(limit=MAX_LAYERS, count=count))
    depth = _depth_of(net, place)
    if depth + max((_height(layer) for layer in layers), default=0) > MAX_NESTING:
        raise Refusal(_TOO_DEEP.fill(limit=MAX_NESTING))
    put_in = lambda branch: (*branch[: place.at], *layers, *branch[place.at :])  # noqa: E731
    if not place.inside:
        return replace(net, layers=put_in(net.layers))

    def change(layer: Layer) -> Layer:
        branches = tuple(put_in(branch) if i == place.branch else branch for i, branch in enumerate(layer.branches))
        return replace(layer, branches=branches)

    return edit_layer(net, place.inside, change)


def _depth_of(net: Net, place: Place) -> int:
    depth = 0
    while place.inside:
        depth, place = depth + 1, net.place_of(place.inside)
    return depth


def _height(layer: Layer) -> int:
    """Return how many blocks stand inside one another in a layer, itself included."""
    is_block = LAYERS[layer.kind].block is not None and bool(layer.branches)
    return is_block + max((_height(inner) for branch in layer.branches for inner in branch), default=0)


def edit_add(net: Net, kind: str, params: dict[str, Any] | None = None, at: Place | int | None = None, *, channels: int = 0) -> Net:
    """Return the net with a new layer at a place (its end if None); at a limit, raise `Refusal`.

    A block comes filled for the number of `channels` that it gets, or empty where that is 0.
    """
    entry = LAYERS.find(kind)
    branches = entry.block.starter(channels) if entry.block and channels else ()
    layers = make_layers([(kind, params or {}, branches)], _free_ids(layer.id for layer in net.walk()))
    return edit_insert(net, layers, Place(at) if isinstance(at, int) else at)


def edit_layer(net: Net, layer_id: str, change: Callable[[Layer], Layer]) -> Net:
    """Return the net with `change` applied to one layer."""
    return replace(net, layers=_changed(net.layers, layer_id, lambda layer: (change(layer),)))


def _changed(layers: tuple[Layer, ...], layer_id: str, change: Callable[[Layer], tuple[Layer, ...]]) -> tuple[Layer, ...]:
    changed: list[Layer] = []
    for layer in layers:
        if layer.id == layer_id:
            changed.extend(change(layer))
        elif layer.branches:
            branches = tuple(_changed(branch, layer_id, change) for branch in layer.branches)
            changed.append(layer if branches == layer.branches else replace(layer, branches=branches))
        else:
            changed.append(layer)
    return tuple(changed)


def edit_param(net: Net, layer_id: str, key: str, value: Any) -> Net:
    """Return the net with one parameter of one layer set; the value is checked by its knob."""

    def change(layer: Layer) -> Layer:
        return replace(layer, params={**layer.params, key: LAYERS[layer.kind].knob(key).clean(value)})

    return edit_layer(net, layer_id, change)


def edit_remove(net: Net, layer_id: str) -> Net:
    """Return the net without one layer, and without what it holds."""
    return replace(net, layers=_changed(net.layers, layer_id, lambda layer: ()))


def edit_move(net: Net, layer_id: str, place: Place) -> Net:
    """Return the net with one layer moved to a place, counted before it leaves its own; into itself it does not go."""
    layer = net.find(layer_id)
    if layer is None or any(inner.id == place.inside for inner in _walk((layer,))):
        return net
    old = net.place_of(layer_id)
    is_before = (old.inside, old.branch) == (place.inside, place.branch) and old.at < place.at
    return edit_insert(edit_remove(net, layer_id), (layer,), replace(place, at=place.at - is_before))


def edit_paste(net: Net, layer: Layer, place: Place | None = None) -> Net:
    """Return the net with a copy of a layer, with ids of its own, at a place; at a limit, raise `Refusal`."""
    ids = _free_ids(one.id for one in net.walk())

    def renewed(one: Layer) -> Layer:
        return replace(one, id=next(ids), branches=tuple(tuple(renewed(inner) for inner in branch) for branch in one.branches))

    return edit_insert(net, (renewed(layer),), place)


def edit_duplicate(net: Net, layer_id: str) -> Net:
    """Return the net with a copy of one layer right behind it; at a limit, raise `Refusal`."""
    place = net.place_of(layer_id)
    return edit_paste(net, net.find(layer_id), replace(place, at=place.at + 1))


def edit_branches(net: Net, layer_id: str, count: int) -> Net:
    """Return the net with so many branches in one block: new ones are empty, and the last ones go; out of bounds raises `Refusal`."""

    def change(layer: Layer) -> Layer:
        branches = (*layer.branches, *((),) * count)[:count]
        check_branches(layer.kind, branches)
        return replace(layer, branches=branches)

    return edit_layer(net, layer_id, change)
