"""Two nets side by side: which layers are the same, which changed and how, and what both come to. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from vpc2.knobs import Choice, Flag, Knob
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.nets.summary.summarise import summarise
from vpc2.text import Text

SAME, CHANGED, LEFT, RIGHT = "same", "changed", "left", "right"
MOST_CELLS = 1_500_000  # pairs of layers that are weighed against each other; the table of longer nets holds the outermost layers

# What two layers weigh as a pair. Two that stand at the same place and changed a little weigh as much as one that moved unchanged.
_SAME, _SAME_OUTPUT, _SAME_KIND = 6, 4, 3

_DIFFERS = Text("{what}: {left} → {right}")
_WHOLE = Text("{n:,}")
_YES, _NO = Text("yes"), Text("no")
_CAME_IN = Text("What comes in")


@dataclass(frozen=True)
class Item:
    """One layer of a net laid out flat, `depth` blocks deep. The parameters of all items with `is_part` add up to the net's."""

    facts: LayerFacts
    depth: int = 0
    is_part: bool = True

    @property
    def params(self) -> int:
        """What this item adds to the parameters of its net."""
        return self.facts.params if self.is_part else 0


@dataclass(frozen=True)
class Row:
    """A layer of the left net and the one of the right that corresponds to it; one of them is None where there is no such."""

    mark: str
    left: Item | None
    right: Item | None

    @property
    def differences(self) -> tuple[Text, ...]:
        """Which knobs are set otherwise, and where none is, that something else came in."""
        return tuple(_differences(self.left.facts, self.right.facts)) if self.mark == CHANGED else ()


@dataclass(frozen=True)
class Total:
    """One number of both nets."""

    left: int
    right: int

    @property
    def difference(self) -> int:
        return self.right - self.left

    @property
    def ratio(self) -> float | None:
        """The right number over the left, None where the left is 0."""
        return self.right / self.left if self.left else None


@dataclass(frozen=True)
class Comparison:
    """Two nets' numbers and the rows of their aligned layers; `is_outermost` where they were too long to show what blocks hold."""

    left: Summary
    right: Summary
    rows: tuple[Row, ...]
    is_outermost: bool = False

    @property
    def params(self) -> Total:
        return Total(self.left.params, self.right.params)

    @property
    def macs(self) -> Total:
        return Total(self.left.macs, self.right.macs)

    @property
    def activation_bytes(self) -> Total:
        return Total(self.left.activation_bytes, self.right.activation_bytes)

    @property
    def field(self) -> Total:
        """The receptive field as the page's headline has it: `Summary.receptive_field`."""
        return Total(self.left.receptive_field, self.right.receptive_field)

    def count(self, mark: str) -> int:
        """Return how many rows carry a mark."""
        return sum(row.mark == mark for row in self.rows)


def compare(left: Net, right: Net) -> Comparison:
    """Return both nets' numbers and their layers aligned: each stands in exactly one row, in its net's order."""
    summaries = summarise(left), summarise(right)
    flat = [tuple(_flat(summary.layers)) for summary in summaries]
    is_outermost = len(flat[0]) * len(flat[1]) > MOST_CELLS
    if is_outermost:
        flat = [tuple(map(Item, summary.layers)) for summary in summaries]
    return Comparison(*summaries, tuple(_rows(*flat)), is_outermost)


def _flat(layers: Iterable[LayerFacts], depth: int = 0, is_counted: bool = False) -> Iterator[Item]:
    """Lay out layers and what they hold, which is a part unless it `is_counted` in a block around it.

    That holds for a chain, whose copies differ, and for a block that does not fit, which costs nothing.
    """
    for facts in layers:
        block = LAYERS[facts.kind].block
        is_whole = block is None or block.is_chain or facts.output is None
        yield Item(facts, depth, is_whole and not is_counted)
        for branch in facts.inside:
            yield from _flat(branch, depth + 1, is_counted or is_whole)


def _looks(facts: LayerFacts) -> str:
    """Return what two layers must share to be the same: kind, parameters, what comes out, and what it costs."""
    return repr((facts.kind, sorted(facts.layer.params.items()), facts.output, facts.params, facts.macs))


def _rows(left: tuple[Item, ...], right: tuple[Item, ...]) -> Iterator[Row]:
    """Align two sequences so that the pairs weigh most (Needleman and Wunsch, 1970); like beginnings and ends go by themselves."""
    looks = [[_looks(item.facts) for item in items] for items in (left, right)]
    shortest, start, end = min(len(left), len(right)), 0, 0
    while start < shortest and looks[0][start] == looks[1][start]:
        start += 1
    while end < shortest - start and looks[0][-1 - end] == looks[1][-1 - end]:
        end += 1
    yield from (Row(SAME, *pair) for pair in zip(left[:start], right[:start], strict=True))
    until = len(left) - end, len(right) - end
    yield from _middle(left[start : until[0]], right[start : until[1]], looks[0][start : until[0]], looks[1][start : until[1]])
    yield from (Row(SAME, *pair) for pair in zip(left[until[0] :], right[until[1] :], strict=True))


def _middle(left: tuple[Item, ...], right: tuple[Item, ...], left_looks: list[str], right_looks: list[str]) -> Iterator[Row]:
    """Align what begins and ends differently. `best[i][j]` weighs the best pairs of left[i:] and right[j:]."""
    kinds = [[(item.facts.kind, item.facts.output) for item in items] for items in (left, right)]

    def weight(i: int, j: int) -> int:
        if left_looks[i] == right_looks[j]:
            return _SAME
        if kinds[0][i][0] != kinds[1][j][0]:
            return 0
        return _SAME_OUTPUT if kinds[0][i] == kinds[1][j] else _SAME_KIND

    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        below, row = best[i + 1], best[i]
        for j in reversed(range(len(right))):
            row[j] = max(below[j + 1] + weight(i, j), below[j], row[j + 1])
    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right) and (found := weight(i, j)) and best[i][j] == best[i + 1][j + 1] + found:
            yield Row(SAME if found == _SAME else CHANGED, left[i], right[j])
            i, j = i + 1, j + 1
        elif i < len(left) and best[i][j] == best[i + 1][j]:
            yield Row(LEFT, left[i], None)
            i += 1
        else:
            yield Row(RIGHT, None, right[j])
            j += 1


def _differences(left: LayerFacts, right: LayerFacts) -> Iterator[Text]:
    knobs = [knob for knob in LAYERS[left.kind].knobs if left.layer.params[knob.key] != right.layer.params[knob.key]]
    for knob in knobs:
        values = {side: _written(knob, facts.layer.params[knob.key]) for side, facts in (("left", left), ("right", right))}
        yield _DIFFERS.fill(what=knob.title, **values)
    if not knobs and left.input and right.input and left.input[0] != right.input[0]:
        yield _DIFFERS.fill(what=_CAME_IN, left=_WHOLE.fill(n=left.input[0]), right=_WHOLE.fill(n=right.input[0]))


def _written(knob: Knob, value: Any) -> Text | str:
    if isinstance(knob, Flag):
        return _YES if value else _NO
    if isinstance(knob, Choice):
        return knob.options[value]
    if isinstance(value, list):
        return " × ".join(map(str, value))
    return value if isinstance(value, str) else _WHOLE.fill(n=value)
