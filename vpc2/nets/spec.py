"""`Net`: the specification of a net (input shape and layers), its documents, and the functions that edit it.

A document is the JSON form that is saved and put in links.
"""

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

MAX_LAYERS = 1000  # those inside blocks included, each once
MAX_NESTING = 3  # depth of blocks inside blocks
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
_NUMBERED_ID = re.compile(r"l[0-9]{1,8}")  # ids from which new ones are counted; a longer number would exceed the length of an id

Item = str | tuple  # kind; (kind, params); (kind, params, [branch, ...]), where a branch is a list of items


@dataclass(frozen=True)
class Layer:
    """One layer: kind, parameters, and the branches of a block. `id` stays the same when the layer is moved."""

    id: str
    kind: str
    params: dict[str, Any] = field(default_factory=dict)
    branches: tuple[tuple[Layer, ...], ...] = ()


@dataclass(frozen=True)
class Place:
    """A place for a layer: index `at` in a branch of the block with the id `inside`, or in the net itself where that is empty."""

    at: int
    inside: str = ""
    branch: int = 0


@dataclass(frozen=True)
class Net:
    """The specification of a net: the shape of its input, (C, H, W), and its layers in order."""

    KIND: ClassVar[str] = "net"

    input: tuple[int, int, int] = (3, 32, 32)
    layers: tuple[Layer, ...] = ()
    name: str = ""

    def to_doc(self) -> dict[str, Any]:
        return {"name": self.name, "input": list(self.input), "layers": [_to_doc(layer) for layer in self.layers]}

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> tuple[Net, list[Text]]:
        """Read a document; raise `Refusal` with the layer and field at fault. Sizes are checked without building anything."""
        check_keys(_NET, doc, ("name", "input", "layers"))
        shape = doc.get("input", [3, 32, 32])
        if not isinstance(shape, list) or len(shape) != 3 or isinstance(shape[0], bool) or shape[0] not in CHANNELS:
            raise Refusal(_BAD_INPUT.fill(found=f"“{clean_name(json.dumps(shape), 40)}”"), field="input")
        items = doc.get("layers", [])
        count = _count(items)
        if count > MAX_LAYERS:
            raise Refusal(_TOO_MANY.fill(limit=MAX_LAYERS, count=count))
        sides = int(shape[0]), SIDE.clean(shape[1]), SIDE.clean(shape[2])
        return cls(sides, _DocumentReader(items).read(items), clean_name(doc.get("name", ""))), []

    def walk(self) -> Iterator[Layer]:
        """Yield every layer in order, a block before the layers inside it."""
        return _walk(self.layers)

    def find(self, layer_id: str | None) -> Layer | None:
        """Return the layer with this id, inside blocks too, or None."""
        return next((layer for layer in self.walk() if layer.id == layer_id), None)

    def layer(self, layer_id: str) -> Layer:
        """Return the layer with this id; raise `KeyError` where there is none."""
        layer = self.find(layer_id)
        if layer is None:
            raise KeyError(layer_id)
        return layer

    def has(self, layer_id: str | None) -> bool:
        return self.find(layer_id) is not None

    def place_of(self, layer_id: str) -> Place:
        """Return the place of a layer."""
        return next(place for place, layer in _places(self.layers) if layer.id == layer_id)

    def siblings(self, place: Place) -> tuple[Layer, ...]:
        """Return the layers of the branch, or of the net, in which a place is."""
        return self.layer(place.inside).branches[place.branch] if place.inside else self.layers

    def free_id(self) -> str:
        """Return an id that no layer of this net has."""
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


def _free_ids(used: Iterable[str]) -> Iterator[str]:
    used = set(used)
    number = max((int(layer_id[1:]) for layer_id in used if _NUMBERED_ID.fullmatch(layer_id)), default=0)
    while True:
        number += 1
        if f"l{number}" not in used:
            yield f"l{number}"


def _to_doc(layer: Layer) -> dict[str, Any]:
    entry = LAYERS[layer.kind]
    doc: dict[str, Any] = {"id": layer.id, "type": layer.kind}
    if params := {key: value for key, value in layer.params.items() if value != entry.knob(key).default}:
        doc["params"] = params
    if layer.branches:
        doc["branches"] = [[_to_doc(inner) for inner in branch] for branch in layer.branches]
    return doc


def _count(items: Any) -> int:
    """Return the number of layers in a document, those inside blocks included; raise `Refusal` where `items` is no list."""
    if not isinstance(items, list):
        raise Refusal(_NOT_A_LIST)
    branch_lists = (item["branches"] for item in items if isinstance(item, dict) and isinstance(item.get("branches"), list))
    return len(items) + sum(_count(branch) for branches in branch_lists for branch in branches)


class _DocumentReader:
    """Reads the layers of one document; ids in it are kept, missing ones are assigned."""

    def __init__(self, items: list[Any]):
        self._used: set[str] = set()
        self._free = _free_ids(self._ids_in(items))

    def _ids_in(self, items: list[Any]) -> Iterator[str]:
        for item in items:
            if isinstance(item, dict):
                if isinstance(item.get("id"), str):
                    yield item["id"]
                branches = item.get("branches")
                for branch in branches if isinstance(branches, list) else ():
                    yield from self._ids_in(branch)

    def read(self, items: list[Any], depth: int = 0) -> tuple[Layer, ...]:
        return tuple(self._layer(item, depth) for item in items)

    def _layer(self, item: Any, depth: int) -> Layer:
        check_keys(_LAYER, item, ("id", "type", "params", "branches"))
        entry = LAYERS.find(item.get("type"))
        layer_id = item["id"] if "id" in item else next(self._free)
        if not isinstance(layer_id, str) or not _ID.fullmatch(layer_id) or layer_id in self._used:
            raise Refusal(_BAD_ID.fill(id=clean_name(layer_id, 20)))
        self._used.add(layer_id)
        branches = item.get("branches", [[]] * entry.block.min_branches if entry.block else [])
        check_branches(entry.key, branches, depth)
        inner = tuple(self.read(branch, depth + 1) for branch in branches)
        return Layer(layer_id, entry.key, entry.clean(item.get("params", {})), inner)


def check_branches(kind: str, branches: Any, depth: int = 0) -> None:
    """Raise `Refusal` unless a kind of layer may have these branches at a nesting of `depth` blocks."""
    entry = LAYERS[kind]
    if not isinstance(branches, list | tuple):
        raise Refusal(_NOT_A_LIST)
    if entry.block is None:
        if branches:
            raise Refusal(_NO_BRANCHES.fill(kind=entry.title))
        return
    if not entry.block.min_branches <= len(branches) <= entry.block.max_branches:
        raise Refusal(
            _BAD_BRANCHES.fill(kind=entry.title, fewest=entry.block.min_branches, most=entry.block.max_branches, found=len(branches))
        )
    if depth >= MAX_NESTING:
        raise Refusal(_TOO_DEEP.fill(limit=MAX_NESTING))


def make_net(name: str, input_shape: tuple[int, int, int], *items: Item) -> Net:
    """Return a net from kinds and parameters: `make_net("n", (1, 8, 8), ("Conv2d", {"out_channels": 4}), "ReLU")`.

    A block has its branches as a third element: `("Residual", {}, [["ReLU"]])`.
    """
    return Net(input_shape, make_layers(items, _free_ids(())), name)


def make_layers(items: Iterable[Item], ids: Iterator[str]) -> tuple[Layer, ...]:
    """Return layers from items (see `make_net`), with ids from `ids`."""
    layers = []
    for item in items:
        kind, params, branches = (item, {}, []) if isinstance(item, str) else (*item, [])[:3]
        entry, layer_id = LAYERS.find(kind), next(ids)
        if not branches and entry.block is not None:
            branches = [[]] * entry.block.min_branches
        layers.append(Layer(layer_id, entry.key, entry.clean(params), tuple(make_layers(branch, ids) for branch in branches)))
    return tuple(layers)


def edit_insert(net: Net, layers: tuple[Layer, ...], place: Place | None = None) -> Net:
    """Return the net with layers inserted at a place (its end if None); raise `Refusal` beyond a limit."""
    place = place or Place(len(net.layers))
    count = sum(1 for _ in net.walk()) + sum(1 for _ in _walk(layers))
    if count > MAX_LAYERS:
        raise Refusal(_TOO_MANY.fill(limit=MAX_LAYERS, count=count))
    depth = _depth_at(net, place)
    if depth + max((_nesting(layer) for layer in layers), default=0) > MAX_NESTING:
        raise Refusal(_TOO_DEEP.fill(limit=MAX_NESTING))
    insert = lambda branch: (*branch[: place.at], *layers, *branch[place.at :])  # noqa: E731
    if not place.inside:
        return replace(net, layers=insert(net.layers))

    def change(layer: Layer) -> Layer:
        branches = tuple(insert(branch) if i == place.branch else branch for i, branch in enumerate(layer.branches))
        return replace(layer, branches=branches)

    return edit_layer(net, place.inside, change)


def _depth_at(net: Net, place: Place) -> int:
    depth = 0
    while place.inside:
        depth, place = depth + 1, net.place_of(place.inside)
    return depth


def _nesting(layer: Layer) -> int:
    """Return the depth of nested blocks in a layer, itself included."""
    is_block = LAYERS[layer.kind].block is not None and bool(layer.branches)
    return is_block + max((_nesting(inner) for branch in layer.branches for inner in branch), default=0)


def edit_add(net: Net, kind: str, params: dict[str, Any] | None = None, at: Place | int | None = None, *, channels: int = 0) -> Net:
    """Return the net with a new layer at a place (its end if None); raise `Refusal` beyond a limit.

    A block gets default branches for this number of input `channels`, or empty ones where that is 0.
    """
    entry = LAYERS.find(kind)
    branches = entry.block.starter(channels) if entry.block and channels else ()
    layers = make_layers([(kind, params or {}, branches)], _free_ids(layer.id for layer in net.walk()))
    return edit_insert(net, layers, Place(at) if isinstance(at, int) else at)


def edit_layer(net: Net, layer_id: str, change: Callable[[Layer], Layer]) -> Net:
    """Return the net with `change` applied to one layer."""
    return replace(net, layers=_replace_layer(net.layers, layer_id, lambda layer: (change(layer),)))


def _replace_layer(layers: tuple[Layer, ...], layer_id: str, change: Callable[[Layer], tuple[Layer, ...]]) -> tuple[Layer, ...]:
    changed: list[Layer] = []
    for layer in layers:
        if layer.id == layer_id:
            changed.extend(change(layer))
        elif layer.branches:
            branches = tuple(_replace_layer(branch, layer_id, change) for branch in layer.branches)
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
    """Return the net without one layer and the layers inside it."""
    return replace(net, layers=_replace_layer(net.layers, layer_id, lambda layer: ()))


def edit_move(net: Net, layer_id: str, place: Place) -> Net:
    """Return the net with one layer moved to `place`, whose index counts before the move; unchanged for a place inside the layer."""
    layer = net.find(layer_id)
    if layer is None or any(inner.id == place.inside for inner in _walk((layer,))):
        return net
    old = net.place_of(layer_id)
    is_before = (old.inside, old.branch) == (place.inside, place.branch) and old.at < place.at
    return edit_insert(edit_remove(net, layer_id), (layer,), replace(place, at=place.at - is_before))


def edit_paste(net: Net, layer: Layer, place: Place | None = None) -> Net:
    """Return the net with a copy of a layer, with new ids, at a place (its end if None); raise `Refusal` beyond a limit."""
    ids = _free_ids(existing.id for existing in net.walk())

    def with_new_ids(original: Layer) -> Layer:
        return replace(
            original, id=next(ids), branches=tuple(tuple(with_new_ids(inner) for inner in branch) for branch in original.branches)
        )

    return edit_insert(net, (with_new_ids(layer),), place)


def edit_duplicate(net: Net, layer_id: str) -> Net:
    """Return the net with a copy of one layer right after it; raise `Refusal` beyond a limit."""
    place = net.place_of(layer_id)
    return edit_paste(net, net.layer(layer_id), replace(place, at=place.at + 1))


def edit_branches(net: Net, layer_id: str, count: int) -> Net:
    """Return the net with `count` branches in one block: new ones are empty, surplus ones are removed; raise `Refusal` beyond a limit."""

    def change(layer: Layer) -> Layer:
        branches = (*layer.branches, *((),) * count)[:count]
        check_branches(layer.kind, branches)
        return replace(layer, branches=branches)

    return edit_layer(net, layer_id, change)
