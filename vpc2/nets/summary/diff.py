"""Comparison of two nets: which layers are the same, which changed and how, and the totals of both. Standard library only."""

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
MAX_CELLS = 1_500_000  # of the alignment table, layers left times layers right; of larger nets only the outermost layers are aligned

# The scores of a pair of layers in the alignment: two pairs of the same kind score as much as one identical pair.
_SAME_SCORE, _SAME_OUTPUT_SCORE, _SAME_KIND_SCORE = 6, 4, 3

_DIFFERS = Text("{what}: {left} → {right}")
_NUMBER = Text("{n:,}")
_YES, _NO = Text("yes"), Text("no")
_INPUT = Text("What comes in")


@dataclass(frozen=True)
class ComparedLayer:
    """One layer of a flattened net, `depth` blocks deep. The parameters of all those with `is_counted` add up to the net's."""

    facts: LayerFacts
    depth: int = 0
    is_counted: bool = True

    @property
    def params(self) -> int:
        """The parameters that this layer adds to the total of its net."""
        return self.facts.params if self.is_counted else 0


@dataclass(frozen=True)
class AlignedRow:
    """A layer of the left net and the corresponding one of the right net; one of them is None where there is no counterpart."""

    mark: str
    left: ComparedLayer | None
    right: ComparedLayer | None

    @property
    def differences(self) -> tuple[Text, ...]:
        """The parameters that differ, or, where none does, the difference of the input."""
        if self.mark != CHANGED or self.left is None or self.right is None:
            return ()
        return tuple(_differences(self.left.facts, self.right.facts))


@dataclass(frozen=True)
class NumberPair:
    """One number of both nets, such as their parameters."""

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
    """The numbers of two nets and their aligned layers; `is_outermost` where they are too long to show the layers inside blocks."""

    left: Summary
    right: Summary
    rows: tuple[AlignedRow, ...]
    is_outermost: bool = False

    @property
    def params(self) -> NumberPair:
        return NumberPair(self.left.params, self.right.params)

    @property
    def macs(self) -> NumberPair:
        return NumberPair(self.left.macs, self.right.macs)

    @property
    def activation_bytes(self) -> NumberPair:
        return NumberPair(self.left.activation_bytes, self.right.activation_bytes)

    @property
    def field(self) -> NumberPair:
        """The receptive fields, as in the headline of the page: `Summary.receptive_field`."""
        return NumberPair(self.left.receptive_field, self.right.receptive_field)

    def count(self, mark: str) -> int:
        """Return the number of rows with a mark."""
        return sum(row.mark == mark for row in self.rows)


def compare(left: Net, right: Net) -> Comparison:
    """Return the numbers of both nets and their aligned layers: each layer is in exactly one row, in the order of its net."""
    summaries = summarise(left), summarise(right)
    layers = [tuple(_flatten(summary.layers)) for summary in summaries]
    is_outermost = len(layers[0]) * len(layers[1]) > MAX_CELLS
    if is_outermost:
        layers = [tuple(map(ComparedLayer, summary.layers)) for summary in summaries]
    return Comparison(*summaries, tuple(_align(*layers)), is_outermost)


def _flatten(layers: Iterable[LayerFacts], depth: int = 0, is_counted_above: bool = False) -> Iterator[ComparedLayer]:
    """Yield layers and the layers inside them; these count in the total unless a block around them is counted as a whole.

    That is so for a chain, whose copies may differ, and for a block that does not fit, which costs nothing.
    """
    for facts in layers:
        block = LAYERS[facts.kind].block
        is_whole = block is None or block.is_chain or facts.output is None
        yield ComparedLayer(facts, depth, is_whole and not is_counted_above)
        for branch in facts.branches:
            yield from _flatten(branch, depth + 1, is_counted_above or is_whole)


def _identity_key(facts: LayerFacts) -> str:
    """Return a key that is equal for identical layers: kind, parameters, output shape and costs."""
    return repr((facts.kind, sorted(facts.layer.params.items()), facts.output, facts.params, facts.macs))


def _align(left: tuple[ComparedLayer, ...], right: tuple[ComparedLayer, ...]) -> Iterator[AlignedRow]:
    """Yield the rows of the alignment with the highest score (Needleman and Wunsch, 1970); equal beginnings and ends are paired first."""
    keys = [[_identity_key(item.facts) for item in items] for items in (left, right)]
    shorter, start, end = min(len(left), len(right)), 0, 0
    while start < shorter and keys[0][start] == keys[1][start]:
        start += 1
    while end < shorter - start and keys[0][-1 - end] == keys[1][-1 - end]:
        end += 1
    yield from (AlignedRow(SAME, *pair) for pair in zip(left[:start], right[:start], strict=True))
    stops = len(left) - end, len(right) - end
    yield from _align_middle(left[start : stops[0]], right[start : stops[1]], keys[0][start : stops[0]], keys[1][start : stops[1]])
    yield from (AlignedRow(SAME, *pair) for pair in zip(left[stops[0] :], right[stops[1] :], strict=True))


def _align_middle(
    left: tuple[ComparedLayer, ...], right: tuple[ComparedLayer, ...], left_keys: list[str], right_keys: list[str]
) -> Iterator[AlignedRow]:
    """Align two sequences that begin and end differently. `best[i][j]` is the highest score of left[i:] and right[j:]."""
    kinds = [[(item.facts.kind, item.facts.output) for item in items] for items in (left, right)]

    def score(i: int, j: int) -> int:
        if left_keys[i] == right_keys[j]:
            return _SAME_SCORE
        if kinds[0][i][0] != kinds[1][j][0]:
            return 0
        return _SAME_OUTPUT_SCORE if kinds[0][i] == kinds[1][j] else _SAME_KIND_SCORE

    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        below, row = best[i + 1], best[i]
        for j in reversed(range(len(right))):
            row[j] = max(below[j + 1] + score(i, j), below[j], row[j + 1])
    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right) and (pair_score := score(i, j)) and best[i][j] == best[i + 1][j + 1] + pair_score:
            yield AlignedRow(SAME if pair_score == _SAME_SCORE else CHANGED, left[i], right[j])
            i, j = i + 1, j + 1
        elif i < len(left) and best[i][j] == best[i + 1][j]:
            yield AlignedRow(LEFT, left[i], None)
            i += 1
        else:
            yield AlignedRow(RIGHT, None, right[j])
            j += 1


def _differences(left: LayerFacts, right: LayerFacts) -> Iterator[Text]:
    knobs = [knob for knob in LAYERS[left.kind].knobs if left.layer.params[knob.key] != right.layer.params[knob.key]]
    for knob in knobs:
        values = {side: _value_text(knob, facts.layer.params[knob.key]) for side, facts in (("left", left), ("right", right))}
        yield _DIFFERS.fill(what=knob.title, **values)
    if not knobs and left.input and right.input and left.input[0] != right.input[0]:
        yield _DIFFERS.fill(what=_INPUT, left=_NUMBER.fill(n=left.input[0]), right=_NUMBER.fill(n=right.input[0]))


def _value_text(knob: Knob, value: Any) -> Text | str:
    if isinstance(knob, Flag):
        return _YES if value else _NO
    if isinstance(knob, Choice):
        return knob.options[value]
    if isinstance(value, list):
        return " × ".join(map(str, value))
    return value if isinstance(value, str) else _NUMBER.fill(n=value)
