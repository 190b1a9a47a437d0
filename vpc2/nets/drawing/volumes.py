"""Layout of a net on the page: layers as a row of solid volumes, to scale, and opened blocks as frames with one lane for each branch."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.shape_rules import Shape
from vpc2.nets.spec import Place
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.text import Plural, Text, Verbatim, join_texts

# Okabe-Ito, the same on every page: convolution blue, pooling green, normalisation grey, activation yellow, dense purple,
# reshaping sky blue; blocks are brown, which is no colour of a family.
COLOURS = {
    "convolution": "#0072B2",
    "pooling": "#009E73",
    "normalisation": "#8A8A8A",
    "activation": "#E6B800",
    "dense": "#AA5F94",
    "reshaping": "#56B4E9",
    "regularisation": "#B0AFA8",
    "block": "#9A6B3F",
}
INPUT_COLOUR = "#C8C4BC"
_SLAB_FAMILIES = ("activation", "normalisation", "regularisation")

_INPUT_NAME = Text("input")
_LAYER_COUNT = Plural("holds {count} layer", "holds {count} layers", count="count")
_TIMES = Text("× {times:,}")
_DOES_NOT_FIT = Text("does not fit")
_EMPTY = Text("empty")
_COUNT = Text("{count:,}")

# Lengths in pixels. Where opened blocks make the drawing higher than `_MAX_HEIGHT`, the next smaller of `_SCALES` is taken.
_MAX_SOLID, _SCALES, _MAX_HEIGHT = 130.0, (1.0, 0.78, 0.6, 0.46, 0.36), 460.0
_MIN_SOLID, _SLAB, _SLAB_GAP, _GAP, _MARGIN = 6.0, 9.0, 7.0, 26.0, 14.0
_LETTER_WIDTH, NAME_ABOVE, LINE = 6.6, 9.0, 13.0
_HEADER, _LANE_GAP, _TURN, JOINT = 30.0, 12.0, 20.0, 9.0
_SLOT = (64.0, 40.0)
_GHOST = (16.0, 44.0)


@dataclass(frozen=True)
class Solid:
    """One drawn volume, frame or empty branch. `x`, `y`, `width` and `height` are those of its front; `depth` goes up and right.

    - `role`: "input", "layer", "block" (closed), "frame" (an opened block) or "slot" (an empty branch).
    - `lines`: the texts below it, its output shape.
    - `is_ghost`: the layer has no input, because one before it does not fit.
    - `is_slab`: a layer that keeps the shape (activation, normalisation, dropout), drawn thin behind the volume before it.
    - `is_fixed`: the layer is derived from the shapes and cannot be edited.
    - `parent`, `branch`, `index`, `sibling_count`: its block's id ("" for the net), branch, position there, and number of layers there.
    """

    id: str
    role: str
    x: float
    y: float
    width: float
    height: float
    depth: float = 0.0
    colour: str = INPUT_COLOUR
    name: Text = Text("")
    lines: tuple[Text, ...] = ()
    is_problem: bool = False
    is_ghost: bool = False
    is_slab: bool = False
    is_fixed: bool = False
    parent: str = ""
    branch: int = 0
    index: int = 0
    sibling_count: int = 1

    @property
    def back_dx(self) -> float:
        """How far its back is shifted to the right of its front."""
        return 0.75 * self.depth

    @property
    def back_dy(self) -> float:
        """How far its back is shifted up from its front."""
        return 0.6 * self.depth

    @property
    def centre(self) -> float:
        return self.x + (self.width + self.back_dx) / 2

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of its drawing, without its texts."""
        return self.x, self.y - self.back_dy, self.x + self.width + self.back_dx, self.y + self.height


@dataclass(frozen=True)
class Wire:
    """A connection, as a line through these corners; it ends in an arrow where it reaches a layer."""

    corners: tuple[tuple[float, float], ...]
    has_arrow: bool = True


@dataclass(frozen=True)
class Joint:
    """The sign where branches meet: addition ("+"), multiplication ("×") or concatenation ("|")."""

    x: float
    y: float
    sign: str


@dataclass(frozen=True)
class InsertSlot:
    """A place where a layer can be inserted: the vertical line of `height` around (x, y) that marks it."""

    x: float
    y: float
    height: float
    place: Place


@dataclass(frozen=True)
class NetLayout:
    """The layout of a net: everything that is drawn, and the places to insert layers. Later solids are drawn in front of earlier ones."""

    solids: tuple[Solid, ...]
    wires: tuple[Wire, ...]
    joints: tuple[Joint, ...]
    insert_slots: tuple[InsertSlot, ...]
    width: float
    height: float


@dataclass
class _Segment:
    """A part of the drawing around an axis at y = 0; connections enter at `entry_x` and leave at `exit_x`, both on the axis.

    Each of its `items` has an offset (dx, dy) still to be applied, so that it is moved only once, however deep it is nested.
    `above` and `below` are the extents over and under the axis.
    """

    items: list[tuple[Solid | Wire | Joint | InsertSlot, float, float]] = field(default_factory=list)
    entry_x: float = 0.0
    exit_x: float = 0.0
    width: float = 0.0
    above: float = 12.0
    below: float = 12.0

    def add(self, *items: Solid | Wire | Joint | InsertSlot) -> None:
        """Add items at their own coordinates."""
        self.items += [(item, 0.0, 0.0) for item in items]

    def add_segment(self, other: _Segment, x: float, y: float = 0.0) -> None:
        """Add another segment, shifted by (x, y)."""
        self.items += [(item, dx + x, dy + y) for item, dx, dy in other.items]
        self.above, self.below = max(self.above, other.above - y), max(self.below, other.below + y)
        self.width = max(self.width, x + other.width)


def _shift(item: Solid | Wire | Joint | InsertSlot, x: float, y: float) -> Solid | Wire | Joint | InsertSlot:
    if isinstance(item, Wire):
        return replace(item, corners=tuple((a + x, b + y) for a, b in item.corners))
    return replace(item, x=item.x + x, y=item.y + y)


def shape_lines(shape: Shape | None) -> tuple[Text, ...]:
    """Return a shape as short lines, one below another: height and width, then channels."""
    if shape is None:
        return ()
    if len(shape) == 1:
        return (_COUNT.fill(count=shape[0]),)
    sides, channels = f"{shape[1]} × {shape[2]}", f"× {shape[0]}"
    return Verbatim(sides), Verbatim(channels)


def lay_out_net(summary: Summary, input_shape: tuple[int, int, int], opened: Collection[str] = ()) -> NetLayout:
    """Return the layout of a net, with the blocks whose ids are in `opened` drawn open.

    Heights and depths are proportional to the square root of the sides, which keeps 7 visible beside 224; widths to the logarithm of
    the channels, heights of vectors to that of their lengths. The whole drawing has one scale.
    """
    for scale in _SCALES:
        segment = _LayoutBuilder(max(input_shape[1:]), scale, opened).row(summary, input_shape)
        if segment.above + segment.below <= _MAX_HEIGHT:
            break
    items = [_shift(item, x + _MARGIN, y + segment.above + _MARGIN) for item, x, y in segment.items]
    of_type = lambda cls: tuple(item for item in items if isinstance(item, cls))  # noqa: E731
    return NetLayout(
        of_type(Solid),
        of_type(Wire),
        of_type(Joint),
        of_type(InsertSlot),
        segment.width + 2 * _MARGIN,
        segment.above + segment.below + 2 * _MARGIN,
    )


def block_content_text(facts: LayerFacts) -> Text:
    """Return the text with the number of layers in a block, derived ones included, and the number of its repetitions."""
    block = LAYERS[facts.kind].block
    assert block is not None
    count, times = sum(len(branch) for branch in facts.branches), block.times(facts.layer.params)
    content = _LAYER_COUNT.fill(count=count)
    return Text("{said} {times}").fill(said=content, times=_TIMES.fill(times=times)) if times > 1 else content


def _contains_problem(facts: LayerFacts) -> bool:
    return any(inner.problem is not None for inner in facts.walk())


class _LayoutBuilder:
    """Builds the layout of a net at one scale; `largest` is the longest side of its input in pixels."""

    def __init__(self, largest: int, scale: float, opened: Collection[str]):
        self._largest, self._scale, self._opened = largest, scale, opened

    def row(self, summary: Summary, shape: tuple[int, int, int]) -> _Segment:
        """Return the segment of the whole net, beginning with its input."""
        first = Solid("", "input", 0, 0, *self._size(shape), name=_INPUT_NAME, lines=shape_lines(shape))
        return self._lane(summary.layers, first=self._volume(first))

    def _size(self, shape: Shape) -> tuple[float, float, float]:
        """Return the width, height and depth with which a shape is drawn."""
        if len(shape) == 1:
            return 14.0, self._scale * (18.0 + 9.0 * math.log2(1 + shape[0])), 5.0
        height, depth = (max(_MIN_SOLID, self._scale * _MAX_SOLID * math.sqrt(side / max(self._largest, side))) for side in shape[1:])
        return 5.0 + 5.5 * math.log2(1 + shape[0]), height, 0.32 * depth

    def _volume(self, solid: Solid) -> _Segment:
        """Return the segment of a solid, centred on the axis, with room for its name above and its lines below."""
        outline, letters = solid.width + solid.back_dx, 0
        if not solid.is_slab:
            letters = max(len(line) for text in (solid.name, *solid.lines) for line in text.in_every_language().values())
        width = max(outline, letters * _LETTER_WIDTH)
        half_height, x = (solid.height + solid.back_dy) / 2, (width - outline) / 2
        return _Segment(
            [(solid, x, solid.back_dy - half_height)],
            x,
            x + outline,
            width,
            half_height + NAME_ABOVE + LINE,
            half_height + LINE * len(solid.lines) + 8.0,
        )

    def _lane(
        self, layers: Iterable[LayerFacts], inside: str = "", branch: int = 0, first: _Segment | None = None, is_fixed: bool = False
    ) -> _Segment:
        """Return the segment of layers in sequence with insert slots between them; slabs are close behind the volume before them."""
        layers, lane, insert_slots = tuple(layers), _Segment(), []
        if first is not None:
            lane.add_segment(first, 0)
            lane.entry_x, lane.exit_x = first.entry_x, first.exit_x
        if not layers and inside:
            return lane if is_fixed else self._slot(inside, branch)
        front_right, last_output = None, None  # right edge of the last front that slabs can follow, and that layer's output shape
        for index, facts in enumerate(layers):
            solid = self._solid(facts, Place(index, inside, branch), len(layers), is_fixed)
            if (
                facts.output is not None
                and facts.output == last_output
                and front_right is not None
                and LAYERS[facts.kind].family in _SLAB_FAMILIES
            ):
                slab = replace(solid, is_slab=True, width=_SLAB, lines=())
                segment = self._volume(slab)
                insert_slots.append((front_right + _SLAB_GAP / 2, index))
                lane.add_segment(segment, front_right + _SLAB_GAP - segment.entry_x)
                front_right += _SLAB_GAP + _SLAB
                lane.exit_x = front_right + slab.back_dx
                continue
            is_open = facts.id in self._opened and self._can_open(facts)
            segment = self._frame(facts, solid) if is_open else self._volume(solid)
            x = lane.width + _GAP if lane.items else 0.0
            insert_slots.append((x - _GAP / 2 if lane.items else x + segment.entry_x - _SLAB_GAP, index))
            if lane.items:
                lane.add(Wire(((lane.exit_x, 0), (x + segment.entry_x, 0))))
            else:
                lane.entry_x = segment.entry_x
            lane.add_segment(segment, x)
            lane.exit_x, front_right, last_output = x + segment.exit_x, None if is_open else x + segment.entry_x + solid.width, facts.output
        if not is_fixed:
            insert_slots.append((lane.width + _GAP / 2, len(layers)))
            slot_height = min(lane.above + lane.below, 150.0)
            middle = 0.0 if inside else (lane.below - lane.above) / 2
            lane.add(*(InsertSlot(x, middle, slot_height, Place(index, inside, branch)) for x, index in insert_slots))
            lane.width += _GAP / 2
        return lane

    def _solid(self, facts: LayerFacts, place: Place, sibling_count: int, is_fixed: bool) -> Solid:
        """Return a layer's solid at (0, 0); a layer that does not fit is drawn with the size of its input."""
        shape, is_problem, entry = facts.output or facts.input, _contains_problem(facts), LAYERS[facts.kind]
        is_ghost = facts.output is None and not is_problem
        width, height, depth = (*_GHOST, 0.0) if shape is None else self._size(shape)
        lines = (_DOES_NOT_FIT,) if is_problem else shape_lines(facts.output)
        if entry.block is not None:
            width += 14.0
            lines += (block_content_text(facts),)
        return Solid(
            facts.id,
            "layer" if entry.block is None else "block",
            0,
            0,
            width,
            height,
            depth,
            COLOURS[entry.family],
            Verbatim(f"({entry.stem})" if is_fixed else facts.name),
            lines,
            is_problem,
            is_ghost,
            False,
            is_fixed,
            place.inside,
            place.branch,
            place.at,
            sibling_count,
        )

    @staticmethod
    def _can_open(facts: LayerFacts) -> bool:
        return LAYERS[facts.kind].block is not None and len(facts.branches) >= len(facts.layer.branches)

    @staticmethod
    def _slot(inside: str, branch: int) -> _Segment:
        """Return the segment of an empty branch."""
        width, height = _SLOT
        solid = Solid(f"{inside}/{branch}", "slot", 0, -height / 2, width, height, name=_EMPTY, parent=inside, branch=branch)
        slot = InsertSlot(width / 2, 0, height, Place(0, inside, branch))
        return _Segment([(solid, 0.0, 0.0), (slot, 0.0, 0.0)], 0, width, width, height / 2, height / 2)

    def _frame(self, facts: LayerFacts, solid: Solid) -> _Segment:
        """Return the segment of an opened block: a lane for each branch (a plain wire for the identity), and the joint where they meet."""
        block, own_branches = LAYERS[facts.kind].block, len(facts.layer.branches)
        assert block is not None
        lanes = [self._lane(branch, facts.id, i, is_fixed=i >= own_branches) for i, branch in enumerate(facts.branches)]
        if block.derive is not None and len(facts.branches) == own_branches:
            lanes.append(_Segment())
        if not own_branches:
            lanes.insert(0, _Segment())
        times = block.times(facts.layer.params)
        name = Text("{name} {times}").fill(name=facts.name, times=_TIMES.fill(times=times)) if times > 1 else solid.name
        lines = (_DOES_NOT_FIT,) if solid.is_problem else () if facts.output is None else (join_texts(shape_lines(facts.output)),)
        letters = len(name.en) + max((len(text) for line in lines for text in line.in_every_language().values()), default=0)
        axes, y = [], _HEADER
        for lane in lanes:
            axes.append(y + lane.above)
            y += lane.above + lane.below + _LANE_GAP
        height = y
        has_turns = len(lanes) > 1
        axis = (axes[0] + axes[-1]) / 2 if block.sign == "|" else axes[0]
        start_x = _MARGIN + (_TURN if has_turns else 0.0)
        meet_x = start_x + max(lane.width for lane in lanes) + (_TURN if has_turns else 0.0)
        width = max(meet_x + (2 * JOINT if block.sign else 0.0) + _MARGIN, letters * _LETTER_WIDTH + 64.0)
        frame = replace(solid, role="frame", y=-axis, width=width, height=height, depth=0.0, name=name, lines=lines)
        segment = _Segment([(frame, 0.0, 0.0)], 0.0, width, width, axis, height - axis)
        end_x = meet_x - JOINT if block.sign else width
        for lane, lane_axis in zip(lanes, axes, strict=True):
            lane_y = lane_axis - axis
            entry, exit_ = start_x + lane.entry_x, start_x + lane.exit_x
            turn = _MARGIN
            bend = ((turn, 0.0), (turn, lane_y)) if lane_y else ()
            if lane.items:
                segment.add(Wire(((0.0, 0.0), *bend, (entry, lane_y))))
                after = ((meet_x, lane_y), (meet_x, math.copysign(JOINT, lane_y))) if lane_y and block.sign else ((end_x, lane_y),)
                segment.add(Wire(((exit_, lane_y), *after), bool(block.sign)))
            else:
                after = ((meet_x, lane_y), (meet_x, math.copysign(JOINT, lane_y))) if lane_y else ((end_x, 0.0),)
                segment.add(Wire(((0.0, 0.0), *bend, *after)))
            segment.add_segment(lane, start_x, lane_y)
        if block.sign:
            segment.add(Joint(meet_x, 0.0, block.sign), Wire(((meet_x + JOINT, 0.0), (width, 0.0)), False))
        segment.width, segment.above, segment.below = width, axis, height - axis
        return segment
