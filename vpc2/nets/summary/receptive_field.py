"""The theoretical receptive field of one unit, as a rectangle of input pixels, by arithmetic alone."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.summary.exact_field import follow_back
from vpc2.nets.summary.layer_summary import LayerFacts, Summary


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Input pixels from `top` and `left` up to, not including, `bottom` and `right`; they may lie outside of the image."""

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
        """Return the part of the rectangle inside an image of these sides."""
        rows = min(max(self.top, 0), height), min(max(self.bottom, 0), height)
        columns = min(max(self.left, 0), width), min(max(self.right, 0), width)
        return Rectangle(rows[0], columns[0], max(rows), max(columns))


def grid_of(facts: LayerFacts) -> tuple[int, int]:
    """Return the rows and columns of units of a layer; (1, 1) for a vector, whose units all have the same receptive field."""
    assert facts.output is not None
    return (facts.output[1], facts.output[2]) if len(facts.output) == 3 else (1, 1)


def field_of(facts: LayerFacts, unit: tuple[int, int]) -> Rectangle:
    """Return the receptive field of the unit at (row, column), padding included, as if the image continued outside."""
    return _field_rectangle(facts, unit, clips_padding=False)


def pixels_reaching(facts: LayerFacts, unit: tuple[int, int]) -> Rectangle:
    """Return the rectangle around the image pixels that the unit at (row, column) depends on, empty where there are none.

    Unlike in `field_of`, padding counts as zeros, inside the net too.
    """
    return _field_rectangle(facts, unit, clips_padding=True)


def _field_rectangle(facts: LayerFacts, unit: tuple[int, int], *, clips_padding: bool) -> Rectangle:
    rows, columns = (follow_back(facts.backward_path, axis, (index, index), clips_padding=clips_padding) for axis, index in enumerate(unit))
    if rows is None or columns is None:  # an output between two filters of a transposed convolution depends on no input
        return Rectangle(0, 0, 0, 0)
    (top, bottom), (left, right) = rows, columns
    return Rectangle(top, left, bottom + 1, right + 1)


def field_centre(facts: LayerFacts, unit: tuple[int, int]) -> tuple[float, float]:
    """Return the centre (y, x), in input pixels, of a unit's receptive field; with padding it may lie outside of the image."""
    y, x = (float(axis.start + index * axis.jump + Fraction(axis.size) / 2) for axis, index in zip(facts.field_axes, unit, strict=True))
    return y, x


def unit_at(facts: LayerFacts, y: float, x: float) -> tuple[int, int]:
    """Return the unit, (row, column), whose receptive field has its centre nearest to the point (y, x) in input pixels."""
    unit = []
    for axis, count, position in zip(facts.field_axes, grid_of(facts), (y, x), strict=True):
        index = round((position - float(axis.start) - float(axis.size) / 2) / float(axis.jump))
        unit.append(min(max(index, 0), count - 1))
    return unit[0], unit[1]


def has_field(facts: LayerFacts) -> bool:
    """True for layers whose receptive field is shown: those with an image as output, dense layers and global pooling."""
    if facts.output is None:
        return False
    entry = LAYERS[facts.kind]
    return len(facts.output) == 3 or entry.family == "dense" or entry.window is not None


def fields_up_to(summary: Summary, layer_id: str, unit: tuple[int, int]) -> list[tuple[LayerFacts, Rectangle]]:
    """Return the layers before `layer_id` whose receptive field is larger than before, each with the field of its unit at the same place.

    Blocks are left out, the layers inside them are not; the layer `layer_id` itself is the last.
    """
    last = summary.facts(layer_id)
    whole = field_of(last, unit)
    growing: list[tuple[LayerFacts, Rectangle]] = []
    for facts in summary.walk():
        if facts.id == layer_id:
            break
        if facts.branches or not has_field(facts) or LAYERS[facts.kind].window is None:
            continue
        field = field_of(facts, unit_at(facts, *field_centre(last, unit)))
        if (field.height, field.width) == (1, 1) or field.area > whole.area:
            continue
        if not growing or (field.height, field.width) > (growing[-1][1].height, growing[-1][1].width):
            growing.append((facts, field))
    return [*growing, (last, whole)]


def whole_image_layers(summary: Summary, layer_id: str) -> tuple[str, ...]:
    """Return the names of the layers up to this one whose statistics or gate depend on the whole image."""
    names = []
    for facts in summary.walk():
        if LAYERS[facts.kind].sees_whole and (facts.output is None or len(facts.output) == 3):
            names.append(facts.name)
        if facts.id == layer_id:
            break
    return tuple(names)
