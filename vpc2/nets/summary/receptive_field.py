"""What one unit sees, as a rectangle of input pixels: the theoretical receptive field, by arithmetic alone."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.summary.exact_field import follow
from vpc2.nets.summary.layer_summary import LayerFacts, Summary


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Input pixels from `top` and `left` up to, not including, `bottom` and `right`; they may lie outside of the picture."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return max(0, self.bottom - self.top)

    @property
    def width(self) -> int:
        return max(0, self.right - self.left)

    @property
    def area(self) -> int:
        return self.height * self.width

    def clipped(self, height: int, width: int) -> Rectangle:
        """Return the part that lies in a picture of these sides."""
        rows = min(max(self.top, 0), height), min(max(self.bottom, 0), height)
        columns = min(max(self.left, 0), width), min(max(self.right, 0), width)
        return Rectangle(rows[0], columns[0], max(rows), max(columns))


def grid_of(facts: LayerFacts) -> tuple[int, int]:
    """Return how many rows and columns of units a layer has; a vector is one place, all its numbers see the same."""
    return (facts.output[1], facts.output[2]) if len(facts.output) == 3 else (1, 1)


def field_of(facts: LayerFacts, unit: tuple[int, int]) -> Rectangle:
    """Return what the unit at (row, column) of a layer sees, padding included: as if the picture went on outside."""
    return _followed(facts, unit, is_inside=False)


def seen_by(facts: LayerFacts, unit: tuple[int, int]) -> Rectangle:
    """Return the pixels of the picture that reach the unit at (row, column): the rectangle around them, empty where there are none.

    Here padding is what it is, zeros that show nothing, also inside the net.
    """
    return _followed(facts, unit, is_inside=True)


def _followed(facts: LayerFacts, unit: tuple[int, int], *, is_inside: bool) -> Rectangle:
    spans = [follow(facts.route, axis, (index, index), is_inside=is_inside) for axis, index in enumerate(unit)]
    if None in spans:  # a transposed convolution may lay nothing down between two filters
        return Rectangle(0, 0, 0, 0)
    (top, bottom), (left, right) = spans
    return Rectangle(top, left, bottom + 1, right + 1)


def middle_of(facts: LayerFacts, unit: tuple[int, int]) -> tuple[float, float]:
    """Return the point in input pixels, (y, x), in the middle of what a unit sees; with padding it may lie outside."""
    y, x = (float(axis.start + index * axis.jump + Fraction(axis.size) / 2) for axis, index in zip(facts.axes, unit, strict=True))
    return y, x


def unit_at(facts: LayerFacts, y: float, x: float) -> tuple[int, int]:
    """Return the unit, (row, column), whose receptive field has its middle nearest to a point in input pixels."""
    found = []
    for axis, count, at in zip(facts.axes, grid_of(facts), (y, x), strict=True):
        index = round((at - float(axis.start) - float(axis.size) / 2) / float(axis.jump))
        found.append(min(max(index, 0), count - 1))
    return found[0], found[1]


def has_field(facts: LayerFacts) -> bool:
    """True where a receptive field belongs to a place: pictures, and vectors that were made of all of one."""
    if facts.output is None:
        return False
    entry = LAYERS[facts.kind]
    return len(facts.output) == 3 or entry.family == "dense" or entry.window is not None


def fields_up_to(summary: Summary, layer_id: str, unit: tuple[int, int]) -> list[tuple[LayerFacts, Rectangle]]:
    """Return the layers that lead to a unit and see more than those before, each with what its unit in the same place sees.

    Blocks themselves are left out, what they hold is not; the layer asked for comes last.
    """
    last = summary.find(layer_id)
    whole = field_of(last, unit)
    found: list[tuple[LayerFacts, Rectangle]] = []
    for facts in summary.walk():
        if facts.id == layer_id:
            break
        if facts.inside or not has_field(facts) or LAYERS[facts.kind].window is None:
            continue
        field = field_of(facts, unit_at(facts, *middle_of(last, unit)))
        if (field.height, field.width) == (1, 1) or field.area > whole.area:
            continue
        if not found or (field.height, field.width) > (found[-1][1].height, found[-1][1].width):
            found.append((facts, field))
    return [*found, (last, whole)]


def whole_picture_layers(summary: Summary, layer_id: str) -> tuple[str, ...]:
    """Return the names of the layers up to this one whose statistics or gate look at the whole picture."""
    names = []
    for facts in summary.walk():
        if LAYERS[facts.kind].sees_whole and (facts.output is None or len(facts.output) == 3):
            names.append(facts.name)
        if facts.id == layer_id:
            break
    return tuple(names)
