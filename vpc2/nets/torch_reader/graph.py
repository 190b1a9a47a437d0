"""`NetGraph`: the data flow of an imported net, value by value, and its conversion to layers and blocks. Standard library only.

An importer calls `add_layer`, `add_join` and `add_repeat`, and `to_net` in the end. Only branches that meet again as those of
blocks do can become a net; anything else is refused with its location in the code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.shape_rules import Shape, sides_of
from vpc2.nets.spec import MAX_LAYERS, MAX_NESTING, Layer, Net, edit_layer
from vpc2.nets.summary.layer_summary import LayerFacts
from vpc2.nets.summary.summarise import summarise
from vpc2.text import Refusal, Text, Verbatim

MAX_VALUES = 3 * MAX_LAYERS

_AT = Text("{where}: {why}")
_TOO_MANY = Text("This net makes more than {most:,} calls; a net here has fewer.")
_NO_BLOCK_STRUCTURE = Text(
    "{where}: what comes out here is used again in a way that is no block inside a block, so it cannot be drawn as a row of layers."
)
_TOO_DEEP = Text("{where}: blocks stand too deep inside one another here.")
_NO_RESIDUAL = Text(
    "{where}: two branches are added, and neither is what came in, as it is or through the 1 × 1 convolution of a residual block."
)
_OTHER_SHORTCUT = Text("{where}: the shortcut is not the 1 × 1 convolution that a residual block has here: {wanted}.")
_NO_SHORTCUT = Text("none, the shapes are equal")
_NO_GATE = Text("{where}: two branches are multiplied, and that is no squeeze-and-excitation (pooling to 1, 1 × 1, ReLU, 1 × 1, sigmoid).")
_WRONG_DECLARATION = Text("{where}: {kind} says {given} and gets {found}; here it follows what comes in.")
_OTHER_LENGTH = Text(
    "{where}: what comes in is laid out in rows of {given}, and one picture has {found:,} numbers; here a row is one picture."
)
_OTHER_AXIS = Text("{where}: {kind} goes along {key}={given}; here it goes along the channels, dim=1.")
_NEEDS_FLAT = Text("{where}: torch's BatchNorm1d takes no picture; here it is read as the batch normalisation of one.")
_NEEDS_PICTURE = Text("{where}: torch's BatchNorm2d takes no vector; here it is read as the batch normalisation of one.")
_WRITTEN_OVER = Text(
    "{where}: this writes into a picture in place, and another name for the same memory is used later; that cannot be followed here."
)
# How values are joined: the sign of the blocks that join so, and the refusal where no block matches.
_JOINS = {"add": ("+", _NO_RESIDUAL), "mul": ("×", _NO_GATE), "cat": ("|", _NO_BLOCK_STRUCTURE)}


@dataclass(frozen=True)
class ParsedLayer:
    """One layer as it was read from the code.

    - `location`: its place in the code, as shown to the visitor.
    - `declared`: what the code says about its input, such as `in_channels`.
    - `branches`: those of a block; `shortcut`: the layers of a residual block's shortcut.
    - `checks`: statements of the code that can be verified only when the input shape is known.
    """

    kind: str
    params: dict[str, Any]
    location: Text
    declared: dict[str, Any] = field(default_factory=dict)
    branches: tuple[tuple[ParsedLayer, ...], ...] = ()
    shortcut: tuple[ParsedLayer, ...] = ()
    checks: dict[str, Any] = field(default_factory=dict)


class GraphValue:
    """The result of a layer or a join.

    `dominator` is the nearest value before it through which every path to it passes, `depth` the number of its dominators.
    """

    def __init__(self, inputs: tuple[GraphValue, ...] = (), layer: ParsedLayer | None = None, join: str = "", location: Text | None = None):
        self.inputs, self.layer, self.join = inputs, layer, join
        self._location = layer.location if layer else location
        self.dominator: GraphValue | None = _common_dominator(inputs) if inputs else None
        self.depth: int = self.dominator.depth + 1 if self.dominator else 0
        self.is_used = False
        self.replaced_by: GraphValue | None = None  # the value written in its memory by an in-place operation
        self.is_written = False
        self.overwritten_at: Text | None = None  # location where another value of the same memory was overwritten
        self.aliases: list[GraphValue] = [self]

    @property
    def location(self) -> Text:
        """Where the code computes this value; the input image has no location."""
        assert self._location is not None
        return self._location


def _common_dominator(values: Iterable[GraphValue]) -> GraphValue:
    first, *others = values
    for other in others:
        while first is not other:
            if first.depth >= other.depth:
                first, other = other, first
            if other.dominator is None:
                raise ValueError("values of two different nets never meet")
            other = other.dominator
    return first


class NetGraph:
    """The data flow of a net that is being read; `notes` collects what the visitor should know."""

    def __init__(self) -> None:
        self.notes: list[Text] = []
        self._count = 0
        self._concatenations: dict[tuple[GraphValue, ...], GraphValue] = {}

    def add_input(self) -> GraphValue:
        """Return a new value: the input image."""
        return GraphValue()

    def current(self, value: GraphValue) -> GraphValue:
        """Return the current content of a value's memory: the value itself, or the one written there in place."""
        while value.replaced_by is not None:
            value = value.replaced_by
        if value.overwritten_at is not None:
            raise Refusal(_WRITTEN_OVER.fill(where=value.overwritten_at))
        return value

    def overwrite(self, value: GraphValue, result: GraphValue) -> None:
        """Record that `result` was written into the memory of `value`: later uses of `value` get `result`."""
        value = self.current(value)
        for other in value.aliases:
            if other is not value and other.replaced_by is None and other is not result:
                other.overwritten_at = result.location
        result.is_written, result.aliases = True, value.aliases
        value.aliases.append(result)
        value.replaced_by = result

    def add_alias(self, value: GraphValue, result: GraphValue) -> None:
        """Record that `result` may share the memory of `value`, as a view of it."""
        value = self.current(value)
        result.aliases = value.aliases
        value.aliases.append(result)

    def add_copy(self, value: GraphValue, location: Text) -> GraphValue:
        """Return a copy of a value, with memory of its own."""
        return self._new_value((value,), join="copy", location=location)

    def add_layer(
        self,
        value: GraphValue,
        kind: str,
        params: dict[str, Any],
        location: Text,
        declared: dict[str, Any] | None = None,
        checks: dict[str, Any] | None = None,
    ) -> GraphValue:
        """Return the output of a layer applied to a value; raise `Refusal` for parameters that the table of layers does not allow."""
        try:
            cleaned = LAYERS[kind].clean(params)
        except Refusal as refusal:
            raise Refusal(_AT.fill(where=location, why=refusal.text), field=refusal.field) from None
        return self._new_value((value,), layer=ParsedLayer(kind, cleaned, location, declared or {}, checks=checks or {}))

    def add_join(self, operation: str, values: Iterable[GraphValue], location: Text) -> GraphValue:
        """Return the sum ("add"), the product ("mul") or the concatenation along the channels ("cat") of values."""
        inputs = tuple(map(self.current, values))
        if operation == "cat":
            if len(inputs) == 1:
                return inputs[0]
            # DenseNet concatenates the same images again and again, one more each time: each concatenation extends the last one.
            extended = self._concatenations.get(inputs[:-1]) if len(inputs) > 2 else None
            if extended is not None:
                return self._concatenate(inputs, (extended, inputs[-1]), location)
            return self._concatenate(inputs, inputs, location)
        return self._new_value(inputs, join=operation, location=location)

    def _concatenate(self, inputs: tuple[GraphValue, ...], operands: tuple[GraphValue, ...], location: Text) -> GraphValue:
        result = self._concatenations[inputs] = self._new_value(operands, join="cat", location=location)
        return result

    def _new_value(self, inputs: tuple[GraphValue, ...], **attributes: Any) -> GraphValue:
        """Return a new value; more than `MAX_VALUES` are refused, since their dominators are searched one by one."""
        self._count += 1
        if self._count > MAX_VALUES:
            raise Refusal(_TOO_MANY.fill(most=MAX_VALUES))
        return GraphValue(tuple(map(self.current, inputs)), **attributes)

    def add_repeat(self, value: GraphValue, times: int, body: Callable[[GraphValue], GraphValue], location: Text) -> GraphValue:
        """Return the output of `times` copies of a body in sequence; the body is read once."""
        start = GraphValue()
        layers = _layers_between(start, self.current(body(start)))
        value = self.current(value)
        if start.overwritten_at is not None:
            value.overwritten_at = start.overwritten_at
        elif start.replaced_by is not None:
            value.overwritten_at = start.replaced_by.location
        if not layers:
            return value
        overwritten, value.overwritten_at = value.overwritten_at, None
        result = self.add_layer(value, "Repeat", {"times": times}, location)
        value.overwritten_at = overwritten
        assert result.layer is not None
        result.layer = replace(result.layer, branches=(layers,))
        return result

    def to_net(
        self, name: str, shape: tuple[int, int, int] | Callable[[ParsedLayer | None], tuple], start: GraphValue, end: GraphValue
    ) -> Net:
        """Return the net between two values; `shape` may be a function of the first layer that declares its input."""
        layers = _layers_between(start, self.current(end))
        if callable(shape):
            shape = shape(next((layer for layer in _walk(layers) if layer.declared), None))
        parsed: dict[str, ParsedLayer] = {}
        ids = (f"l{i}" for i in range(1, 10**6))
        document = {"name": name, "input": list(shape), "layers": [_to_doc(layer, ids, parsed) for layer in layers]}
        net, _notes = Net.from_doc(document)  # checks the limits of any net
        return self._resolve(net, parsed)

    def _resolve(self, net: Net, parsed: dict[str, ParsedLayer]) -> Net:
        """Return the net after the checks that need shapes: shortcuts are verified, wrong declared inputs become `expects`."""
        varying_ids: set[str] = set()  # ids inside a repetition whose copies differ: only the first copy is checked
        changes: dict[str, dict[str, Any]] = {}
        for facts in summarise(net).walk():
            layer = parsed.get(facts.id)
            if layer is None:
                continue
            block = LAYERS[facts.kind].block
            if block is not None and facts.output is not None:
                if block.is_chain and facts.branches[0][-1].output != facts.input:
                    varying_ids |= {inner.id for inner in facts.walk()}
                if layer.shortcut:
                    _check_shortcut(facts, layer)
                else:
                    changes[facts.id] = {key: LAYERS[facts.kind].knob(key).default for key in block.free}
            if facts.input is not None:
                self._note_contradictions(facts, layer)
                changes.setdefault(facts.id, {}).update(self._unexpected_input(facts, layer, facts.id in varying_ids))
        for layer_id, params in changes.items():
            if params:
                net = edit_layer(net, layer_id, partial(_with_params, params=params))
        return net

    def _note_contradictions(self, facts: LayerFacts, layer: ParsedLayer) -> None:
        """Add a note for each statement of the code about a layer that its input shape contradicts."""
        assert facts.input is not None
        sides = (1, *facts.input)  # with a batch of one image
        for key, claim in layer.checks.items():
            note = None
            if key == "length" and claim != math.prod(sides):
                note = _OTHER_LENGTH.fill(where=layer.location, given=f"{claim:,}", found=math.prod(sides))
            elif key == "dims" and not _covers_image(claim, sides):
                note = _OTHER_LENGTH.fill(where=layer.location, given=f"size({', '.join(map(str, claim))})", found=math.prod(sides))
            elif key == "dim" and claim not in (None, 1, 1 - len(sides)):
                note = _OTHER_AXIS.fill(where=layer.location, kind=facts.kind, key=key, given=str(claim)[:20])
            elif key == "is_flat" and claim is not (len(sides) == 2):
                note = (_NEEDS_FLAT if claim else _NEEDS_PICTURE).fill(where=layer.location)
            if note is not None and note not in self.notes:
                self.notes.append(note)

    def _unexpected_input(self, facts: LayerFacts, layer: ParsedLayer, is_varying: bool) -> dict[str, Any]:
        """Return the parameter `expects` where the declared input differs from the real one; layers without it get a note."""
        assert facts.input is not None
        real_inputs = LAYERS[facts.kind].shape_arguments(facts.layer.params, facts.input)
        for key, declared in layer.declared.items():
            real = real_inputs.get(key)
            if "expects" in facts.layer.params:
                if real != declared or is_varying:
                    return {"expects": LAYERS[facts.kind].knob("expects").clean(declared)}
            elif _flat(real) != _flat(declared):
                self.notes.append(
                    _WRONG_DECLARATION.fill(where=layer.location, kind=facts.kind, given=f"{key}={declared}"[:40], found=str(real))
                )
        return {}


def _with_params(layer: Layer, params: dict[str, Any]) -> Layer:
    return replace(layer, params={**layer.params, **params})


def _covers_image(dims: tuple[int, ...], sides: tuple[int, ...]) -> bool:
    """True where the product of the sides at these dimensions is the number of values of one image; dimension 0 is the batch."""
    if any(not -len(sides) <= dim < len(sides) or dim % len(sides) == 0 for dim in dims):
        return False
    return math.prod(sides[dim] for dim in dims) == math.prod(sides)


def _flat(value: Any) -> tuple:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _walk(layers: Iterable[ParsedLayer]) -> Iterator[ParsedLayer]:
    for layer in layers:
        yield layer
        for branch in layer.branches:
            yield from _walk(branch)


def _to_doc(layer: ParsedLayer, ids: Iterator[str], parsed: dict[str, ParsedLayer]) -> dict[str, Any]:
    layer_id = next(ids)
    parsed[layer_id] = layer
    branches = [[_to_doc(inner, ids, parsed) for inner in branch] for branch in layer.branches]
    return {"id": layer_id, "type": layer.kind, "params": layer.params, **({"branches": branches} if branches else {})}


def _layers_between(start: GraphValue, end: GraphValue, depth: int = 0) -> tuple[ParsedLayer, ...]:
    """Return the layers between two values; branches that meet again become one block each."""
    if depth > MAX_NESTING + 1:
        raise Refusal(_TOO_DEEP.fill(where=end.location))
    layers: list[ParsedLayer] = []
    while end is not start:
        if end.is_used:
            raise Refusal(_NO_BLOCK_STRUCTURE.fill(where=end.location))
        end.is_used = True
        if end.join == "copy":
            end = end.inputs[0]
            continue
        if end.layer is not None:
            layers.append(end.layer)
            end = end.inputs[0]
            continue
        assert end.dominator is not None
        layers.append(
            _absorb_following(_to_block(end, [_layers_between(end.dominator, source, depth + 1) for source in end.inputs]), layers)
        )
        end = end.dominator
    return tuple(reversed(layers))


def _to_block(end: GraphValue, branches: list[tuple[ParsedLayer, ...]]) -> ParsedLayer:
    """Return the block of branches that meet in `end`: the first kind in the table that joins so and recognises them."""
    sign, refusal = _JOINS[end.join]
    for key, entry in LAYERS.items():
        if entry.block is not None and entry.block.sign == sign and (match := entry.block.recognise(branches)) is not None:
            params = {**entry.defaults(), **match.params}
            return ParsedLayer(key, params, end.location, branches=tuple(map(tuple, match.branches)), shortcut=tuple(match.shortcut))
    raise Refusal(refusal.fill(where=end.location))


def _absorb_following(layer: ParsedLayer, following: list[ParsedLayer]) -> ParsedLayer:
    """Return a block with the layer after it as its parameter `after`, where it has one; that layer is removed from `following`."""
    entry = LAYERS[layer.kind]
    key = entry.block.after if entry.block else ""
    if key and following and following[-1].kind in getattr(entry.knob(key), "options", ()):
        layer = replace(layer, params={**layer.params, key: following.pop().kind})
    return layer


def _check_shortcut(facts: LayerFacts, layer: ParsedLayer) -> None:
    """Raise `Refusal` unless the shortcut in the code equals the one that the block derives from its shapes."""
    assert facts.output is not None
    derived = [inner.layer for inner in facts.branches[-1]]
    if [layer.kind for layer in derived] != [inner.kind for inner in layer.shortcut] or not _is_same_conv(derived, layer, facts.output):
        expected = Verbatim(_shortcut_text(derived)) if derived else _NO_SHORTCUT
        raise Refusal(_OTHER_SHORTCUT.fill(where=layer.location, wanted=expected))


def _is_same_conv(derived: list[Layer], layer: ParsedLayer, out: Shape) -> bool:
    params = layer.shortcut[0].params
    if any(derived[0].params[key] != params[key] for key in ("out_channels", "bias")):
        return False
    pairs = zip(sides_of(derived[0].params["stride"]), sides_of(params["stride"]), out[1:], strict=True)
    return all(own == other or side == 1 for own, other, side in pairs)  # on a single pixel every stride gives the same


def _shortcut_text(derived: list[Layer]) -> str:
    conv = derived[0].params
    return f"{conv['out_channels']} × 1 × 1, stride {conv['stride']}" + (", batch norm" if len(derived) > 1 else "")
