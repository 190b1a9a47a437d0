"""A net as it is called, value by value, and the way from there to layers that hold layers. Standard library only.

Whoever reads a net that was written elsewhere calls `layer`, `join` and `repeat`, and asks `to_net` in the end. Only what
branches and meets again as blocks do can be a net here; anything else is refused by the place at fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.shape_rules import Shape, sides_of
from vpc2.nets.spec import MAX_LAYERS, MAX_NESTING, Layer, Net, edit_layer
from vpc2.nets.summary.layer_summary import LayerFacts
from vpc2.nets.summary.summarise import summarise
from vpc2.text import Refusal, Text, Verbatim

MOST_VALUES = 3 * MAX_LAYERS

_AT = Text("{where}: {why}")
_TOO_MANY = Text("This net makes more than {most:,} calls; a net here has fewer.")
_TANGLED = Text(
    "{where}: what comes out here is used again in a way that is no block inside a block, so it cannot be drawn as a row of layers."
)
_TOO_DEEP = Text("{where}: blocks stand too deep inside one another here.")
_NO_RESIDUAL = Text(
    "{where}: two branches are added, and neither is what came in, as it is or through the 1 × 1 convolution of a residual block."
)
_OTHER_SHORTCUT = Text("{where}: the shortcut is not the 1 × 1 convolution that a residual block has here: {wanted}.")
_NO_SHORTCUT = Text("none, the shapes are equal")
_NO_GATE = Text("{where}: two branches are multiplied, and that is no squeeze-and-excitation (pooling to 1, 1 × 1, ReLU, 1 × 1, sigmoid).")
_FOLLOWS = Text("{where}: {kind} says {given} and gets {found}; here it follows what comes in.")
_OTHER_LENGTH = Text(
    "{where}: what comes in is laid out in rows of {given}, and one picture has {found:,} numbers; here a row is one picture."
)
_OTHER_AXIS = Text("{where}: {kind} goes along {key}={given}; here it goes along the channels, dim=1.")
_NEEDS_FLAT = Text("{where}: torch's BatchNorm1d takes no picture; here it is read as the batch normalisation of one.")
_NEEDS_PICTURE = Text("{where}: torch's BatchNorm2d takes no vector; here it is read as the batch normalisation of one.")
_WRITTEN_OVER = Text(
    "{where}: this writes into a picture in place, and another name for the same memory is used later; that cannot be followed here."
)
# How values are joined: the sign of the blocks that do so, and what is said where no block does.
_MEETINGS = {"add": ("+", _NO_RESIDUAL), "mul": ("×", _NO_GATE), "cat": ("|", _TANGLED)}


@dataclass(frozen=True)
class Part:
    """One layer as it was read: `given` is what its text says of what comes in, `shortcut` what a residual block adds.

    `checks` is what its text says that only the shape which comes in can settle.
    """

    kind: str
    params: dict[str, Any]
    where: Text
    given: dict[str, Any] = field(default_factory=dict)
    branches: tuple[tuple[Part, ...], ...] = ()
    shortcut: tuple[Part, ...] = ()
    checks: dict[str, Any] = field(default_factory=dict)


class Value:
    """What a layer or a join gives; `over` is the nearest value that every way to this one passes."""

    def __init__(self, inputs: tuple[Value, ...] = (), part: Part | None = None, join: str = "", where: Text | None = None):
        self.inputs, self.part, self.join = inputs, part, join
        self.where = part.where if part else where
        self.over = _meeting(inputs) if inputs else None
        self.depth = self.over.depth + 1 if self.over else 0
        self.is_taken = False
        self.became: Value | None = None  # what was written in its place
        self.is_written = False
        self.over_written: Text | None = None  # where another name of its memory was written over
        self.memory: list[Value] = [self]


def _meeting(values: Iterable[Value]) -> Value:
    first, *others = values
    for other in others:
        while first is not other:
            if first.depth >= other.depth:
                first, other = other, first
            if other.over is None:
                raise ValueError("values of two different nets never meet")
            other = other.over
    return first


class Graph:
    """A net that is being read."""

    def __init__(self):
        self.notes: list[Text] = []
        self._count = 0
        self._laid: dict[tuple[Value, ...], Value] = {}

    def start(self) -> Value:
        """Return the picture that comes in."""
        return Value()

    def now(self, value: Value) -> Value:
        """Return what a value is by now: what was written in its place, if something was."""
        while value.became is not None:
            value = value.became
        if value.over_written is not None:
            raise Refusal(_WRITTEN_OVER.fill(where=value.over_written))
        return value

    def write(self, value: Value, made: Value) -> None:
        """Note that `made` stands in the memory of `value` from now on: whoever names that value gets it."""
        value = self.now(value)
        for other in value.memory:
            if other is not value and other.became is None and other is not made:
                other.over_written = made.where
        made.is_written, made.memory = True, value.memory
        value.memory.append(made)
        value.became = made

    def share(self, value: Value, made: Value) -> None:
        """Note that a value may be the memory of another, seen in another shape."""
        value = self.now(value)
        made.memory = value.memory
        value.memory.append(made)

    def copy(self, value: Value, where: Text) -> Value:
        """Return the same numbers in a memory of their own."""
        return self._made((value,), join="copy", where=where)

    def layer(
        self,
        value: Value,
        kind: str,
        params: dict[str, Any],
        where: Text,
        given: dict[str, Any] | None = None,
        checks: dict[str, Any] | None = None,
    ) -> Value:
        """Return what a layer makes of a value; parameters are checked by the table."""
        try:
            cleaned = LAYERS[kind].clean(params)
        except Refusal as refusal:
            raise Refusal(_AT.fill(where=where, why=refusal.text), field=refusal.field) from None
        return self._made((value,), part=Part(kind, cleaned, where, given or {}, checks=checks or {}))

    def join(self, how: str, values: Iterable[Value], where: Text) -> Value:
        """Return the sum ("add"), the product ("mul") or the channels side by side ("cat") of values."""
        inputs = tuple(map(self.now, values))
        if how == "cat":
            if len(inputs) == 1:
                return inputs[0]
            # DenseNet lays the same pictures side by side again and again, one more each time: each goes on from the last.
            known = self._laid.get(inputs[:-1]) if len(inputs) > 2 else None
            if known is not None:
                return self._lay(inputs, (known, inputs[-1]), where)
            return self._lay(inputs, inputs, where)
        return self._made(inputs, join=how, where=where)

    def _lay(self, inputs: tuple[Value, ...], shown: tuple[Value, ...], where: Text) -> Value:
        made = self._laid[inputs] = self._made(shown, join="cat", where=where)
        return made

    def _made(self, inputs: tuple[Value, ...], **given: Any) -> Value:
        """Return a new value; so many that no net could come of it are refused, for where they meet is searched for one by one."""
        self._count += 1
        if self._count > MOST_VALUES:
            raise Refusal(_TOO_MANY.fill(most=MOST_VALUES))
        return Value(tuple(map(self.now, inputs)), **given)

    def repeat(self, value: Value, times: int, body: Callable[[Value], Value], where: Text) -> Value:
        """Return what `times` copies of a body in a row make of a value; the body is read once."""
        start = Value()
        parts = _chain(start, self.now(body(start)))
        value = self.now(value)
        if start.became is not None or start.over_written is not None:
            value.over_written = start.over_written or start.became.where
        if not parts:
            return value
        written, value.over_written = value.over_written, None
        made = self.layer(value, "Repeat", {"times": times}, where)
        value.over_written = written
        made.part = replace(made.part, branches=(parts,))
        return made

    def to_net(self, name: str, shape: tuple[int, int, int] | Callable[[Part | None], tuple], start: Value, end: Value) -> Net:
        """Return the net between two values; `shape` may be found from the first layer that says what comes in."""
        parts = _chain(start, self.now(end))
        if callable(shape):
            shape = shape(next((part for part in _walk(parts) if part.given), None))
        known: dict[str, Part] = {}
        ids = (f"l{i}" for i in range(1, 10**6))
        document = {"name": name, "input": list(shape), "layers": [_to_doc(part, ids, known) for part in parts]}
        net, _notes = Net.from_doc(document)  # the limits of any document
        return self._settled(net, known)

    def _settled(self, net: Net, known: dict[str, Part]) -> Net:
        """Return the net with what follows from its shapes: shortcuts checked, wrong numbers of what comes in kept."""
        restless: set[str] = set()  # inside a repetition whose copies differ: only the first is looked at
        changes: dict[str, dict[str, Any]] = {}
        for facts in summarise(net).walk():
            part = known.get(facts.id)
            if part is None:
                continue
            entry = LAYERS[facts.kind]
            if entry.block is not None and facts.output is not None:
                if entry.block.is_chain and facts.inside[0][-1].output != facts.input:
                    restless |= {inner.id for inner in facts.walk()}
                if part.shortcut:
                    _check_shortcut(facts, part)
                else:
                    changes[facts.id] = {key: entry.knob(key).default for key in entry.block.free}
            if facts.input is not None:
                self._check(facts, part)
                changes.setdefault(facts.id, {}).update(self._surprises(facts, part, facts.id in restless))
        for layer_id, params in changes.items():
            if params:
                net = edit_layer(net, layer_id, lambda layer, params=params: replace(layer, params={**layer.params, **params}))
        return net

    def _check(self, facts: LayerFacts, part: Part) -> None:
        """Note what a text says of a layer and what its input's shape makes untrue."""
        sides = (1, *facts.input)  # the batch counts as one picture
        for key, said in part.checks.items():
            note = None
            if key == "length" and said != math.prod(sides):
                note = _OTHER_LENGTH.fill(where=part.where, given=f"{said:,}", found=math.prod(sides))
            elif key == "dims" and not _is_all(said, sides):
                note = _OTHER_LENGTH.fill(where=part.where, given=f"size({', '.join(map(str, said))})", found=math.prod(sides))
            elif key == "dim" and said not in (None, 1, 1 - len(sides)):
                note = _OTHER_AXIS.fill(where=part.where, kind=facts.kind, key=key, given=str(said)[:20])
            elif key == "is_flat" and said is not (len(sides) == 2):
                note = (_NEEDS_FLAT if said else _NEEDS_PICTURE).fill(where=part.where)
            if note is not None and note not in self.notes:
                self.notes.append(note)

    def _surprises(self, facts: LayerFacts, part: Part, is_restless: bool) -> dict[str, Any]:
        """Return what a layer expects where something else arrives; where it has no such knob, note it."""
        follows = LAYERS[facts.kind].inner(facts.layer.params, facts.input)
        for key, given in part.given.items():
            found = follows.get(key)
            if "expects" in facts.layer.params:
                if found != given or is_restless:
                    return {"expects": LAYERS[facts.kind].knob("expects").clean(given)}
            elif _flat(found) != _flat(given):
                self.notes.append(_FOLLOWS.fill(where=part.where, kind=facts.kind, given=f"{key}={given}"[:40], found=str(found)))
        return {}


def _is_all(places: tuple[int, ...], sides: tuple[int, ...]) -> bool:
    """True where the sides at these places, multiplied, count all numbers of one picture; place 0 is the batch."""
    if any(not -len(sides) <= place < len(sides) or place % len(sides) == 0 for place in places):
        return False
    return math.prod(sides[place] for place in places) == math.prod(sides)


def _flat(value: Any) -> tuple:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _walk(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        for branch in part.branches:
            yield from _walk(branch)


def _to_doc(part: Part, ids: Iterator[str], known: dict[str, Part]) -> dict[str, Any]:
    layer_id = next(ids)
    known[layer_id] = part
    branches = [[_to_doc(inner, ids, known) for inner in branch] for branch in part.branches]
    return {"id": layer_id, "type": part.kind, "params": part.params, **({"branches": branches} if branches else {})}


def _chain(start: Value, end: Value, depth: int = 0) -> tuple[Part, ...]:
    """Return the layers between two values, branches that meet again as one block each."""
    if depth > MAX_NESTING + 1:
        raise Refusal(_TOO_DEEP.fill(where=end.where))
    parts: list[Part] = []
    while end is not start:
        if end.is_taken:
            raise Refusal(_TANGLED.fill(where=end.where))
        end.is_taken = True
        if end.join == "copy":
            end = end.inputs[0]
            continue
        if end.part is not None:
            parts.append(end.part)
            end = end.inputs[0]
            continue
        part = _block(end, [_chain(end.over, one, depth + 1) for one in end.inputs])
        parts.append(_after(part, parts))
        end = end.over
    return tuple(reversed(parts))


def _block(end: Value, branches: list[tuple[Part, ...]]) -> Part:
    """Return the block that branches are which meet in `end`: the first kind of the table, of those that join so, that knows them."""
    sign, no_block = _MEETINGS[end.join]
    for key, entry in LAYERS.items():
        if entry.block is not None and entry.block.sign == sign and (met := entry.block.recognise(branches)) is not None:
            params = {**entry.defaults(), **met.params}
            return Part(key, params, end.where, branches=tuple(map(tuple, met.branches)), shortcut=tuple(met.shortcut))
    raise Refusal(no_block.fill(where=end.where))


def _after(part: Part, parts: list[Part]) -> Part:
    """Return a block with the layer behind it as what its sum goes through, where it has a knob for that; the layer is taken away."""
    entry = LAYERS[part.kind]
    key = entry.block.after
    if key and parts and parts[-1].kind in entry.knob(key).options:
        part = replace(part, params={**part.params, key: parts.pop().kind})
    return part


def _check_shortcut(facts: LayerFacts, part: Part) -> None:
    """Raise `Refusal` unless the shortcut that was read is the one that the block has here."""
    made = [one.layer for one in facts.inside[-1]]
    if [layer.kind for layer in made] != [one.kind for one in part.shortcut] or not _is_same_conv(made, part, facts.output):
        wanted = Verbatim(_described(made)) if made else _NO_SHORTCUT
        raise Refusal(_OTHER_SHORTCUT.fill(where=part.where, wanted=wanted))


def _is_same_conv(made: list[Layer], part: Part, out: Shape) -> bool:
    read = part.shortcut[0].params
    if any(made[0].params[key] != read[key] for key in ("out_channels", "bias")):
        return False
    pairs = zip(sides_of(made[0].params["stride"]), sides_of(read["stride"]), out[1:], strict=True)
    return all(ours == theirs or side == 1 for ours, theirs, side in pairs)  # from a single pixel on, any stride is the same


def _described(made: list[Layer]) -> str:
    conv = made[0].params
    return f"{conv['out_channels']} × 1 × 1, stride {conv['stride']}" + (", batch norm" if len(made) > 1 else "")
