"""`LayerFacts` and `Summary`: the numbers of a net, layer by layer: shapes, costs, receptive fields, formula_texts, problems and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from vpc2.nets.layers import formula_texts
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formula_texts import Formula
from vpc2.nets.layers.shape_rules import SAME, Params, Shape, side_params
from vpc2.nets.layers.window_rules import Window
from vpc2.nets.spec import Layer, Net
from vpc2.nets.summary.exact_field import MAX_POSITION, BackwardPath, cost_of, follow_back
from vpc2.text import Text

MAX_PIXELS = MAX_POSITION  # upper bound of receptive fields
# Where the fields of a layer's units differ in size, at most `MAX_FOLLOWED` windows are followed along a side to find the largest one;
# where one unit is followed through more than `MAX_WINDOWS` windows, the usual size is given instead.
MAX_FOLLOWED, MAX_WINDOWS = 2000, 100

_BORDER = Text("Where a stride does not divide the side, the last rows or columns are not looked at: {layers}.")


@dataclass(frozen=True)
class Repair:
    """A repair that a visitor can choose: the text of its button, and the function that returns the repaired net."""

    title: Text
    apply: Callable[[Net], Net]


@dataclass(frozen=True)
class Problem:
    """Why a net does not work, as a sentence with its arithmetic, and the repairs; `layer_id` is empty where no layer is at fault."""

    text: Text
    repairs: tuple[Repair, ...] = ()
    layer_id: str = ""


@dataclass(frozen=True, slots=True)
class FieldAxis:
    """The receptive fields of a layer's units along one side, in input pixels.

    The field of unit 0 has `size` pixels from `start` on; that of each next unit begins `jump` pixels further. Behind layers whose
    windows differ (adaptive pooling that does not divide, upsampling, transposed convolution) these are the usual values; the exact
    field of one unit follows from the layer's `backward_path`.
    """

    size: int | Fraction = 1
    jump: int | Fraction = 1
    start: int | Fraction = 0

    def after_window(self, window: Window) -> FieldAxis:
        """Return the fields behind a layer with this window (Araujo and others, 2019)."""
        return self.after(window.size, window.step, window.start)

    def after(self, size: int | Fraction, step: int | Fraction, start: int | Fraction) -> FieldAxis:
        """Return the fields behind windows of this size, step and start, in units of this axis."""
        grown, jump = self.size + (size - 1) * self.jump, self.jump * step
        if grown > MAX_PIXELS or jump > MAX_PIXELS:
            grown, jump = min(grown, MAX_PIXELS), min(jump, MAX_PIXELS)
        return FieldAxis(grown, jump, max(self.start + start * self.jump, -MAX_PIXELS))


FieldAxes = tuple[FieldAxis, FieldAxis]


@dataclass(frozen=True)
class LayerFacts:
    """One layer's numbers. Shapes are (C, H, W) or (N,); `input` and `output` are None where a layer before it does not fit.

    `field_axes` are the receptive fields of its units along height and width, `input_field_axes` those of its inputs. The parameters,
    multiply-adds and `output_values` of a block count everything inside it, every copy; `branches` are the facts of its branches (of
    the first copy), the last of them derived from the shapes where `derived` is 1. `count` is the number of plain layers in it.
    """

    layer: Layer
    name: str
    input: Shape | None
    output: Shape | None
    params: int = 0
    macs: int = 0
    output_values: int = 0
    field_axes: FieldAxes = (FieldAxis(), FieldAxis())
    input_field_axes: FieldAxes = (FieldAxis(), FieldAxis())
    problem: Problem | None = None
    branches: tuple[tuple[LayerFacts, ...], ...] = ()
    derived: int = 0
    count: int = 1
    backward_path: BackwardPath | None = field(default=None, compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.layer.id

    @property
    def kind(self) -> str:
        return self.layer.kind

    @property
    def is_uniform(self) -> bool:
        """True where the receptive fields of all units have one size and are equally far apart."""
        return self.backward_path is None or self.backward_path.is_uniform

    @cached_property
    def receptive_field(self) -> int:
        """The longer side of a unit's receptive field in input pixels, padding included; 0 where a layer does not fit.

        Where the fields of the units differ, it is that of the largest.
        """
        if not self.output:
            return 0
        usual = int(-(-max(axis.size for axis in self.field_axes) // 1))
        if self.is_uniform or cost_of(self.backward_path) > MAX_WINDOWS:
            return usual
        is_square = self.field_axes[0] == self.field_axes[1] and self.output[1:2] == self.output[2:]
        largest = [self._largest_field(axis) for axis in ((0,) if is_square else (0, 1))]
        return max(*(size for size, _is_complete in largest), 0 if all(is_complete for _size, is_complete in largest) else usual)

    def _largest_field(self, axis: int) -> tuple[int, bool]:
        """Return the largest field along one axis among the units that were followed back, and whether these were all units."""
        assert self.output is not None
        count = self.output[1 + axis] if len(self.output) == 3 else 1
        stride = -(-count * cost_of(self.backward_path) // MAX_FOLLOWED)
        spans = (follow_back(self.backward_path, axis, (i, i), clips_padding=False) for i in range(0, count, stride))
        return max((last - first + 1 for first, last in filter(None, spans)), default=0), stride == 1

    @property
    def jump(self) -> float:
        """The distance in input pixels between the receptive fields of two neighbouring units."""
        return float(max(axis.jump for axis in self.field_axes))

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """The formulas of the layer's sides, parameters, costs and receptive field, with its own numbers."""
        if self.input is None or self.output is None:
            return ()
        entry, params = LAYERS[self.kind], self.layer.params
        if entry.block is not None:
            ends = (branch[-1].output if branch else self.input for branch in self.branches)
            outs = tuple(out for out in ends if out is not None)  # all of them: the block fits
            return entry.block.formulas(params, self.input, outs, self.output)
        layer_formulas = entry.formulas(params, self.input, self.output, self.params)
        costs = formula_texts.cost_formulas(params, self.input, self.output, self.params, self.macs)
        if entry.window is None:
            return (*layer_formulas, *costs)
        windows = entry.window(params, self.input)
        axis = 0 if windows[0] == windows[1] and self.input_field_axes[0] == self.input_field_axes[1] else _longer(self.field_axes)
        input_axis = self.input_field_axes[axis]
        field_, *others = formula_texts.field_formulas(params, windows[axis], input_axis.size, input_axis.jump, input_axis.start)
        if not self.is_uniform:  # the largest field is not made of the largest before it, nor is the first unit's the usual one
            others = others[:1]
        return (*layer_formulas, *costs, *((field_,) if field_.result == self.receptive_field or self.is_uniform else ()), *others)

    @property
    def built_branches(self) -> tuple[tuple[LayerFacts, ...], ...]:
        """The branches that become modules: without the derived one where it is empty."""
        return self.branches[:-1] if self.derived and not self.branches[-1] else self.branches

    def walk(self) -> Iterator[LayerFacts]:
        """Yield this layer and all layers inside it."""
        yield self
        for branch in self.branches:
            for facts in branch:
                yield from facts.walk()


def _longer(field_axes: FieldAxes) -> int:
    return int(field_axes[1].size > field_axes[0].size)


@dataclass(frozen=True)
class Summary:
    """A net's numbers: those of each layer, and the totals over the layers up to the first that does not fit.

    `problem` is the first problem, None where the net fits; `count` is the number of plain layers, every copy counted.
    """

    layers: tuple[LayerFacts, ...]
    params: int
    macs: int
    activation_bytes: int
    output: Shape | None
    problem: Problem | None = None
    count: int = 0

    def walk(self) -> Iterator[LayerFacts]:
        """Yield the facts of every layer, a block before the layers inside it."""
        for facts in self.layers:
            yield from facts.walk()

    def find(self, layer_id: str | None) -> LayerFacts | None:
        return next((facts for facts in self.walk() if facts.id == layer_id), None)

    def facts(self, layer_id: str) -> LayerFacts:
        """Return the facts of the layer with this id; raise `KeyError` where there is none."""
        facts = self.find(layer_id)
        if facts is None:
            raise KeyError(layer_id)
        return facts

    @property
    def receptive_field(self) -> int:
        """The receptive field of the last layer whose output is an image, 0 where there is none: dense layers after it see everything.

        It is the theoretical one, padding included, so it may be larger than the image.
        """
        return next((facts.receptive_field for facts in reversed(self.layers) if facts.output and len(facts.output) == 3), 0)

    @property
    def remarks(self) -> tuple[Text, ...]:
        """Warnings about settings that are allowed but probably not intended."""
        return tuple(_remarks(self.walk()))

    @property
    def notes(self) -> tuple[Text, ...]:
        """The remarks, and the borders that strides leave out."""
        return (*self.remarks, *_borders(self.walk()))


def _remarks(layers: Iterable[LayerFacts]) -> Iterator[Text]:
    """Yield a warning for each setting that is allowed but probably not intended."""
    for facts in layers:
        if facts.output is None:
            continue
        if (remark := LAYERS[facts.kind].remark(facts.layer.params, facts.output)) is not None:
            yield remark.fill(name=facts.name)


def _borders(layers: Iterable[LayerFacts]) -> Iterator[Text]:
    """Yield one note about the layers whose stride leaves out rows or columns at the border."""
    if unreached := [f"{facts.name} ({count})" for facts in layers if (count := max(dropped_border(facts)))]:
        yield _BORDER.fill(layers=", ".join(unreached))


def dropped_border(facts: LayerFacts) -> tuple[int, int]:
    """Return how many rows and columns at the end of the input, without its padding, no window of this layer reaches."""
    params = facts.layer.params
    if facts.input is None or facts.output is None or not {"stride", "kernel_size"} <= params.keys() or "output_padding" in params:
        return 0, 0
    rows, columns = (_unreached_rows(*side) for side in zip(side_params(params), facts.input[1:], facts.output[1:], strict=True))
    return rows, columns


def _unreached_rows(p: Params, side: int, out: int) -> int:
    if p.get("ceil_mode") or p["padding"] == SAME:
        return 0
    window = p.get("dilation", 1) * (p["kernel_size"] - 1) + 1
    return max(0, side + p["padding"] - window - (out - 1) * p["stride"])
