"""Where the layers of a net stand on the page: a row of solid volumes, to scale, and opened blocks as frames with a lane a branch."""

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
# reshaping sky; blocks are brown, which none of these is.
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
INPUT = "#C8C4BC"
_SLABS = ("activation", "normalisation", "regularisation")

_INPUT = Text("input")
_HOLDS = Plural("holds {count} layer", "holds {count} layers", count="count")
_TIMES = Text("× {times:,}")
_MISFIT = Text("does not fit")
_EMPTY = Text("empty")
_COUNT = Text("{count:,}")

# All in pixels. Where opened blocks make the picture higher than `_HIGHEST`, every side of it is drawn on a smaller scale.
_TALLEST, _SMALLER, _HIGHEST = 130.0, (1.0, 0.78, 0.6, 0.46, 0.36), 460.0
_LEAST, _SLAB, _SLAB_GAP, _GAP, _MARGIN = 6.0, 9.0, 7.0, 26.0, 14.0
_LETTER, NAME_ABOVE, LINE = 6.6, 9.0, 13.0
_HEADER, _LANE_GAP, _TURN, JOINT = 30.0, 12.0, 20.0, 9.0
_SLOT = (64.0, 40.0)
_GHOST = (16.0, 44.0)


@dataclass(frozen=True)
class Solid:
    """One volume, frame or empty place. `x`, `y`, `width` and `height` are those of its front; `depth` goes up and to the right.

    `role` is "input", "layer", "block" (closed), "frame" (a block opened) or "slot" (an empty branch). `lines` say its shape.
    Where the net does not get, it is a ghost; a slab changes nothing but values and stands behind the volume that it belongs to;
    what is fixed follows from the shapes, so that nobody can edit it. `parent`, `branch`, `at` and `of` say where it stands among
    its siblings.
    """

    id: str
    role: str
    x: float
    y: float
    width: float
    height: float
    depth: float = 0.0
    colour: str = INPUT
    name: Text = Text("")
    lines: tuple[Text, ...] = ()
    is_problem: bool = False
    is_ghost: bool = False
    is_slab: bool = False
    is_fixed: bool = False
    parent: str = ""
    branch: int = 0
    at: int = 0
    of: int = 1

    @property
    def run(self) -> float:
        """How far its back stands to the right of its front."""
        return 0.75 * self.depth

    @property
    def rise(self) -> float:
        """How far its back stands above its front."""
        return 0.6 * self.depth

    @property
    def centre(self) -> float:
        return self.x + (self.width + self.run) / 2

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of all that is drawn of it, words apart."""
        return self.x, self.y - self.rise, self.x + self.width + self.run, self.y + self.height


@dataclass(frozen=True)
class Wire:
    """A line along which numbers flow, through these corners; its end bears an arrow where it reaches a layer."""

    corners: tuple[tuple[float, float], ...]
    has_arrow: bool = True


@dataclass(frozen=True)
class Joint:
    """Where branches meet: added ("+"), multiplied ("×") or laid side by side ("|")."""

    x: float
    y: float
    sign: str


@dataclass(frozen=True)
class Gap:
    """A place where a layer can be put, and the upright line that marks it."""

    x: float
    y: float
    height: float
    place: Place


@dataclass(frozen=True)
class Picture:
    """A net laid out: all that is drawn, and the places between. What comes later lies in front."""

    solids: tuple[Solid, ...]
    wires: tuple[Wire, ...]
    joints: tuple[Joint, ...]
    gaps: tuple[Gap, ...]
    width: float
    height: float


@dataclass
class _Part:
    """A stretch of the picture around an axis at y = 0. Numbers come in at `enter` and go out at `leave`, both on the axis.

    Each of its `things` comes with how far it is still to be moved, so that it is moved once, however deep it stands.
    """

    things: list[tuple[Solid | Wire | Joint | Gap, float, float]] = field(default_factory=list)
    enter: float = 0.0
    leave: float = 0.0
    width: float = 0.0
    up: float = 12.0
    down: float = 12.0

    def put(self, *things: Solid | Wire | Joint | Gap) -> None:
        """Put things into this part, where they say that they are."""
        self.things += [(thing, 0.0, 0.0) for thing in things]

    def take(self, other: _Part, x: float, y: float = 0.0) -> None:
        """Put another part into this one."""
        self.things += [(thing, dx + x, dy + y) for thing, dx, dy in other.things]
        self.up, self.down = max(self.up, other.up - y), max(self.down, other.down + y)
        self.width = max(self.width, x + other.width)


def _moved(thing: Solid | Wire | Joint | Gap, x: float, y: float) -> Solid | Wire | Joint | Gap:
    if isinstance(thing, Wire):
        return replace(thing, corners=tuple((a + x, b + y) for a, b in thing.corners))
    return replace(thing, x=thing.x + x, y=thing.y + y)


def shape_lines(shape: Shape | None) -> tuple[Text, ...]:
    """Return a shape in short lines, one under another: sides, then channels."""
    if shape is None:
        return ()
    if len(shape) == 1:
        return (_COUNT.fill(count=shape[0]),)
    sides, channels = f"{shape[1]} × {shape[2]}", f"× {shape[0]}"
    return Verbatim(sides), Verbatim(channels)


def solids(summary: Summary, input_shape: tuple[int, int, int], opened: Collection[str] = ()) -> Picture:
    """Return the net laid out, with the blocks named in `opened` shown from inside.

    Heights and depths go with the square root of the sides, which keeps 7 visible beside 224; widths with the logarithm of the
    channels, heights of vectors with that of their lengths. One scale holds for the whole picture.
    """
    for scale in _SMALLER:
        part = _Layout(max(input_shape[1:]), scale, opened).row(summary, input_shape)
        if part.up + part.down <= _HIGHEST:
            break
    things = [_moved(thing, x + _MARGIN, y + part.up + _MARGIN) for thing, x, y in part.things]
    of = lambda kind: tuple(thing for thing in things if isinstance(thing, kind))  # noqa: E731
    return Picture(of(Solid), of(Wire), of(Joint), of(Gap), part.width + 2 * _MARGIN, part.up + part.down + 2 * _MARGIN)


def holds(facts: LayerFacts) -> Text:
    """Return how many layers a block holds, those that follow from the shapes included, and how often they stand in a row."""
    count, times = sum(len(branch) for branch in facts.inside), LAYERS[facts.kind].block.times(facts.layer.params)
    said = _HOLDS.fill(count=count)
    return Text("{said} {times}").fill(said=said, times=_TIMES.fill(times=times)) if times > 1 else said


def _has_problem(facts: LayerFacts) -> bool:
    return any(one.problem is not None for one in facts.walk())


class _Layout:
    """One way through a net, on one scale."""

    def __init__(self, largest: int, scale: float, opened: Collection[str]):
        self._largest, self._scale, self._opened = largest, scale, opened

    def row(self, summary: Summary, shape: tuple[int, int, int]) -> _Part:
        """Return the whole net, its input first."""
        first = Solid("", "input", 0, 0, *self._size(shape), name=_INPUT, lines=shape_lines(shape))
        return self._lane(summary.layers, first=self._volume(first))

    def _size(self, shape: Shape) -> tuple[float, float, float]:
        """Return the drawn width, height and depth of what has a shape."""
        if len(shape) == 1:
            return 14.0, self._scale * (18.0 + 9.0 * math.log2(1 + shape[0])), 5.0
        height, depth = (max(_LEAST, self._scale * _TALLEST * math.sqrt(side / max(self._largest, side))) for side in shape[1:])
        return 5.0 + 5.5 * math.log2(1 + shape[0]), height, 0.32 * depth

    def _volume(self, solid: Solid) -> _Part:
        """Return a solid with its name above and its lines below, standing on the axis."""
        outline, letters = solid.width + solid.run, 0
        if not solid.is_slab:
            letters = max(len(said) for text in (solid.name, *solid.lines) for said in text.in_every_language().values())
        width = max(outline, letters * _LETTER)
        half, x = (solid.height + solid.rise) / 2, (width - outline) / 2
        return _Part([(solid, x, solid.rise - half)], x, x + outline, width, half + NAME_ABOVE + LINE, half + LINE * len(solid.lines) + 8.0)

    def _lane(self, layers: Iterable[LayerFacts], inside: str = "", branch: int = 0, first: _Part | None = None, is_fixed=False) -> _Part:
        """Return layers in a row with the gaps between them; slabs stand close behind the volume before them."""
        layers, lane, gaps = tuple(layers), _Part(), []
        if first is not None:
            lane.take(first, 0)
            lane.enter, lane.leave = first.enter, first.leave
        if not layers and inside:
            return lane if is_fixed else self._slot(inside, branch)
        face, last = None, None  # the right edge of the last front a slab can stand behind, and what that layer gives
        for at, facts in enumerate(layers):
            solid = self._solid(facts, Place(at, inside, branch), len(layers), is_fixed)
            if facts.output is not None and facts.output == last and face is not None and LAYERS[facts.kind].family in _SLABS:
                slab = replace(solid, is_slab=True, width=_SLAB, lines=())
                part = self._volume(slab)
                gaps.append((face + _SLAB_GAP / 2, at))
                lane.take(part, face + _SLAB_GAP - part.enter)
                face += _SLAB_GAP + _SLAB
                lane.leave = face + slab.run
                continue
            is_open = facts.id in self._opened and self._can_open(facts)
            part = self._frame(facts, solid) if is_open else self._volume(solid)
            x = lane.width + _GAP if lane.things else 0.0
            gaps.append((x - _GAP / 2 if lane.things else x + part.enter - _SLAB_GAP, at))
            if lane.things:
                lane.put(Wire(((lane.leave, 0), (x + part.enter, 0))))
            else:
                lane.enter = part.enter
            lane.take(part, x)
            lane.leave, face, last = x + part.leave, None if is_open else x + part.enter + solid.width, facts.output
        if not is_fixed:
            gaps.append((lane.width + _GAP / 2, len(layers)))
            high = min(lane.up + lane.down, 150.0)
            middle = 0.0 if inside else (lane.down - lane.up) / 2
            lane.put(*(Gap(x, middle, high, Place(at, inside, branch)) for x, at in gaps))
            lane.width += _GAP / 2
        return lane

    def _solid(self, facts: LayerFacts, place: Place, of: int, is_fixed: bool) -> Solid:
        """Return a layer's solid without its place on the page; a layer that does not fit has the size of what comes in."""
        shape, is_problem, entry = facts.output or facts.input, _has_problem(facts), LAYERS[facts.kind]
        is_ghost = facts.output is None and not is_problem
        width, height, depth = (*_GHOST, 0.0) if shape is None else self._size(shape)
        lines = (_MISFIT,) if is_problem else shape_lines(facts.output)
        if entry.block is not None:
            width += 14.0
            lines += (holds(facts),)
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
            of,
        )

    @staticmethod
    def _can_open(facts: LayerFacts) -> bool:
        return LAYERS[facts.kind].block is not None and len(facts.inside) >= len(facts.layer.branches)

    @staticmethod
    def _slot(inside: str, branch: int) -> _Part:
        """Return the place of an empty branch."""
        width, height = _SLOT
        solid = Solid(f"{inside}/{branch}", "slot", 0, -height / 2, width, height, name=_EMPTY, parent=inside, branch=branch)
        gap = Gap(width / 2, 0, height, Place(0, inside, branch))
        return _Part([(solid, 0.0, 0.0), (gap, 0.0, 0.0)], 0, width, width, height / 2, height / 2)

    def _frame(self, facts: LayerFacts, solid: Solid) -> _Part:
        """Return an opened block: one lane a branch, a straight wire where what came in goes on as it is, and where they meet."""
        block, given = LAYERS[facts.kind].block, len(facts.layer.branches)
        lanes = [self._lane(branch, facts.id, i, is_fixed=i >= given) for i, branch in enumerate(facts.inside)]
        if block.derive is not None and len(facts.inside) == given:
            lanes.append(_Part())
        if not given:
            lanes.insert(0, _Part())
        times = block.times(facts.layer.params)
        name = Text("{name} {times}").fill(name=facts.name, times=_TIMES.fill(times=times)) if times > 1 else solid.name
        lines = (_MISFIT,) if solid.is_problem else () if facts.output is None else (join_texts(shape_lines(facts.output)),)
        letters = len(name.en) + max((len(said) for line in lines for said in line.in_every_language().values()), default=0)
        axes, y = [], _HEADER
        for lane in lanes:
            axes.append(y + lane.up)
            y += lane.up + lane.down + _LANE_GAP
        height = y
        has_turns = len(lanes) > 1
        axis = (axes[0] + axes[-1]) / 2 if block.sign == "|" else axes[0]
        start = _MARGIN + (_TURN if has_turns else 0.0)
        meet = start + max(lane.width for lane in lanes) + (_TURN if has_turns else 0.0)
        width = max(meet + (2 * JOINT if block.sign else 0.0) + _MARGIN, letters * _LETTER + 64.0)
        frame = replace(solid, role="frame", y=-axis, width=width, height=height, depth=0.0, name=name, lines=lines)
        part = _Part([(frame, 0.0, 0.0)], 0.0, width, width, axis, height - axis)
        end = meet - JOINT if block.sign else width
        for lane, there in zip(lanes, axes, strict=True):
            at = there - axis
            into, out = start + lane.enter, start + lane.leave
            turn = _MARGIN
            bend = ((turn, 0.0), (turn, at)) if at else ()
            if lane.things:
                part.put(Wire(((0.0, 0.0), *bend, (into, at))))
                after = ((meet, at), (meet, math.copysign(JOINT, at))) if at and block.sign else ((end, at),)
                part.put(Wire(((out, at), *after), bool(block.sign)))
            else:
                after = ((meet, at), (meet, math.copysign(JOINT, at))) if at else ((end, 0.0),)
                part.put(Wire(((0.0, 0.0), *bend, *after)))
            part.take(lane, start, at)
        if block.sign:
            part.put(Joint(meet, 0.0, block.sign), Wire(((meet + JOINT, 0.0), (width, 0.0)), False))
        part.width, part.up, part.down = width, axis, height - axis
        return part
