"""The numbers of a net, layer by layer, as they are told: shapes, costs, what a unit sees, and what deserves a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from vpc2.nets.layers import formulas
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formulas import Formula
from vpc2.nets.layers.shape_rules import SAME, Params, Shape, side_params
from vpc2.nets.layers.window_rules import Window
from vpc2.nets.spec import Layer, Net
from vpc2.nets.summary.exact_field import FURTHEST, Route, follow
from vpc2.text import Text

MOST_PIXELS = FURTHEST  # receptive fields are counted up to here
# Where units see differently much, so many windows are followed along a side to find the widest field; through more than so many
# layers it is the usual one.
MOST_FOLLOWED, MOST_WINDOWS = 2000, 100

_BORDER = Text("Where a stride does not divide the side, the last rows or columns are not looked at: {layers}.")
_BORDER = Text("Where a stride does not divide the side, the last rows or columns are not looked at: {layers}.")


@dataclass(frozen=True)
class Repair:
    """A way out: what its button says, and the net after it."""

    title: Text
    apply: Callable[[Net], Net]


@dataclass(frozen=True)
class Problem:
    """Why a net does not work, in a sentence with its arithmetic, and what would."""

    text: Text
    repairs: tuple[Repair, ...] = ()
    layer_id: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """What a layer's units see along one side, in input pixels: unit 0 sees `size` pixels from `start` on, each next one `jump` further.

    Behind layers whose windows differ (adaptive pooling that does not divide, upsampling, transposed convolution) these are what
    most units see; what one of them sees is told by the layer's `route`.
    """

    size: int | Fraction = 1
    jump: int | Fraction = 1
    start: int | Fraction = 0

    def through(self, window: Window) -> Axis:
        size, jump = self.size + (window.size - 1) * self.jump, self.jump * window.step
        if size > MOST_PIXELS or jump > MOST_PIXELS:
            size, jump = min(size, MOST_PIXELS), min(jump, MOST_PIXELS)
        return Axis(size, jump, max(self.start + window.start * self.jump, -MOST_PIXELS))


Axes = tuple[Axis, Axis]


@dataclass(frozen=True)
class LayerFacts:
    """One layer's numbers. Shapes are (C, H, W) or (N,); `input` and `output` are None where the net does not get that far.

    `axes` say what units see along height and width, `before` what those that come in see. A block's parameters, multiply-adds and
    `numbers` (values that its outputs hold) count all that it holds, every copy; `inside` has the facts of its branches (of the
    first copy), the last of them `derived` from the shapes where the kind says so. `count` is how many plain layers it stands for.
    """

    layer: Layer
    name: str
    input: Shape | None
    output: Shape | None
    params: int = 0
    macs: int = 0
    numbers: int = 0
    axes: Axes = (Axis(), Axis())
    before: Axes = (Axis(), Axis())
    problem: Problem | None = None
    inside: tuple[tuple[LayerFacts, ...], ...] = ()
    derived: int = 0
    count: int = 1
    route: Route | None = field(default=None, compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.layer.id

    @property
    def kind(self) -> str:
        return self.layer.kind

    @property
    def is_even(self) -> bool:
        """True where all units see equally much, each next one equally far further."""
        return self.route is None or self.route.is_even

    @cached_property
    def receptive_field(self) -> int:
        """The side, in input pixels, of what one unit sees, padding included: the longer one; 0 where the net does not get that far.

        Where units see differently much, it is the widest.
        """
        if not self.output:
            return 0
        usual = int(-(-max(axis.size for axis in self.axes) // 1))
        if self.is_even or self.route.cost > MOST_WINDOWS:
            return usual
        is_square = self.axes[0] == self.axes[1] and self.output[1:2] == self.output[2:]
        measured = [self._widest(axis) for axis in ((0,) if is_square else (0, 1))]
        return max(*(widest for widest, _is_whole in measured), 0 if all(is_whole for _widest, is_whole in measured) else usual)

    def _widest(self, axis: int) -> tuple[int, bool]:
        """Return how much the unit that sees most sees along one side, and whether all units were asked."""
        count = self.output[1 + axis] if len(self.output) == 3 else 1
        step = -(-count * self.route.cost // MOST_FOLLOWED)
        spans = (follow(self.route, axis, (i, i), is_inside=False) for i in range(0, count, step))
        return max((last - first + 1 for first, last in filter(None, spans)), default=0), step == 1

    @property
    def jump(self) -> float:
        """The distance in input pixels between what two neighbours see."""
        return float(max(axis.jump for axis in self.axes))

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """What the layer computes and costs, with today's numbers."""
        if self.output is None:
            return ()
        entry, params = LAYERS[self.kind], self.layer.params
        if entry.block is not None:
            outs = tuple(branch[-1].output if branch else self.input for branch in self.inside)
            return entry.block.formulas(params, self.input, outs, self.output)
        own = entry.formulas(params, self.input, self.output, self.params)
        cost = formulas.cost_formulas(params, self.input, self.output, self.params, self.macs)
        if entry.window is None:
            return (*own, *cost)
        windows = entry.window(params, self.input)
        i = 0 if windows[0] == windows[1] and self.before[0] == self.before[1] else _longer(self.axes)
        before = self.before[i]
        field_, *others = formulas.field_formulas(windows[i], before.size, before.jump, before.start)
        if not self.is_even:  # the widest window is not the sum of the widest before it, and the first unit's is not the usual one
            others = others[:1]
        return (*own, *cost, *((field_,) if field_.result == self.receptive_field or self.is_even else ()), *others)

    @property
    def given(self) -> tuple[tuple[LayerFacts, ...], ...]:
        """The branches that are built: what is derived only where it is needed."""
        return self.inside[:-1] if self.derived and not self.inside[-1] else self.inside

    def walk(self) -> Iterator[LayerFacts]:
        """Go through this layer and all that it holds."""
        yield self
        for branch in self.inside:
            for facts in branch:
                yield from facts.walk()


def _longer(axes: Axes) -> int:
    return int(axes[1].size > axes[0].size)


@dataclass(frozen=True)
class Summary:
    """A net's numbers: each layer's and the totals over the layers that are reached. `problem` is the first one.

    `count` is the number of plain layers, every copy counted.
    """

    layers: tuple[LayerFacts, ...]
    params: int
    macs: int
    activation_bytes: int
    output: Shape | None
    problem: Problem | None = None
    count: int = 0

    def walk(self) -> Iterator[LayerFacts]:
        """Go through the facts of every layer, a block before what it holds."""
        for facts in self.layers:
            yield from facts.walk()

    def find(self, layer_id: str | None) -> LayerFacts | None:
        return next((facts for facts in self.walk() if facts.id == layer_id), None)

    @property
    def receptive_field(self) -> int:
        """The receptive field of the last layer that gives a picture, 0 where there is none: behind it dense layers see everything.

        It is the theoretical one, padding included, so it may be larger than the picture.
        """
        return next((facts.receptive_field for facts in reversed(self.layers) if facts.output and len(facts.output) == 3), 0)

    @property
    def remarks(self) -> tuple[Text, ...]:
        """What is allowed and still hardly meant."""
        return tuple(_remarks(self.walk()))

    @property
    def notes(self) -> tuple[Text, ...]:
        """What works and is still worth a sentence."""
        return (*self.remarks, *_borders(self.walk()))


def _remarks(layers: Iterable[LayerFacts]) -> Iterator[Text]:
    """Tell what is allowed and still hardly meant."""
    for facts in layers:
        if facts.output is None:
            continue
        if (remark := LAYERS[facts.kind].remark(facts.layer.params, facts.output)) is not None:
            yield remark.fill(name=facts.name)


def _borders(layers: Iterable[LayerFacts]) -> Iterator[Text]:
    """Tell where a stride leaves out a border: how strides work, and worth seeing."""
    if found := [f"{facts.name} ({rest})" for facts in layers if (rest := max(dropped_border(facts)))]:
        yield _BORDER.fill(layers=", ".join(found))


def dropped_border(facts: LayerFacts) -> tuple[int, int]:
    """Return how many rows and columns at the end of the input, its padding apart, no window of this layer reaches."""
    params = facts.layer.params
    if facts.output is None or not {"stride", "kernel_size"} <= params.keys() or "output_padding" in params:
        return 0, 0
    rows, columns = (_rest(*one) for one in zip(side_params(params), facts.input[1:], facts.output[1:], strict=True))
    return rows, columns


def _rest(p: Params, side: int, out: int) -> int:
    if p.get("ceil_mode") or p["padding"] == SAME:
        return 0
    window = p.get("dilation", 1) * (p["kernel_size"] - 1) + 1
    return max(0, side + p["padding"] - window - (out - 1) * p["stride"])
