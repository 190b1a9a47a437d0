"""The window of the input that one output value of a layer depends on, for receptive fields. Standard library only.

A receptive field is what a gradient can reach through convolutions and poolings. The statistics of layer and group
normalisation and the gate of squeeze-and-excitation depend on the whole image; receptive fields leave them out, as is usual.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from vpc2.nets.layers.shape_rules import SAME, Params, Shape, side_params, sides_of

Span = tuple[int, int]  # first and last index along one side, both included


@dataclass(frozen=True, slots=True)
class Window:
    """The windows of a layer along one side: output 0 depends on `size` input values from `start` on, the next output `step` further.

    The values that a window reads are `spacing` apart (dilation). Layers whose windows are not all alike have subclasses: there
    `size` is the largest window, `step` the mean step, and `input_span` gives each window exactly.
    """

    size: int
    step: int | Fraction
    start: int | Fraction = 0
    spacing: int = 1

    @property
    def is_uniform(self) -> bool:
        """True where all windows have the same size and are equally far apart."""
        return True

    def input_span(self, span: Span, side: int | None) -> Span | None:
        """Return the span of inputs that a span of outputs depends on, clipped to an input of `side` values where it is given.

        None where they depend on no input.
        """
        step, start = self._whole_steps()
        first, last = span[0] * step + start, span[1] * step + start + self.size - 1
        if side is None or (first >= 0 and last < side):
            return first, last
        if self.spacing == 1:
            return _clipped(first, last, side)
        windows = (self._dilated_span(index, side) for index in range(span[0], span[1] + 1))
        return hull(windows)

    def _dilated_span(self, index: int, side: int) -> Span | None:
        """Return the first and last input inside the image that one window of a dilated layer reads, None where there is none."""
        step, start = self._whole_steps()
        first = index * step + start
        last = first + self.size - 1
        first = first if first >= 0 else first % self.spacing
        last = last if last < side else last - -(-(last - side + 1) // self.spacing) * self.spacing
        return (first, last) if first <= last else None

    def _whole_steps(self) -> tuple[int, int]:
        assert isinstance(self.step, int) and isinstance(self.start, int)  # subclasses, whose windows differ, have fractions
        return self.step, self.start


@dataclass(frozen=True, slots=True)
class TransposedWindow(Window):
    """The windows of a transposed convolution.

    Output y depends on each input x with x*stride - padding + dilation*j = y for a j from 0 to kernel - 1.
    """

    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    padding: int = 0

    @property
    def is_uniform(self) -> bool:
        return self.stride == 1

    def input_span(self, span: Span, side: int | None) -> Span | None:
        low, high = span[0] + self.padding, span[1] + self.padding
        reach = self.dilation * (self.kernel - 1)
        first, last = -(-(low - reach) // self.stride), high // self.stride
        if side is not None:
            first, last = max(first, 0), min(last, side - 1)
        while first <= last and not self._overlaps(first, low, high):
            first += 1
        while first <= last and not self._overlaps(last, low, high):
            last -= 1
        return (first, last) if first <= last else None

    def _overlaps(self, index: int, low: int, high: int) -> bool:
        """True where the filter placed at input `index` contributes to one of the outputs from `low` to `high`."""
        low, high = low - index * self.stride, high - index * self.stride
        tap = max(0, -(-low // self.dilation))
        return tap < self.kernel and tap * self.dilation <= high


@dataclass(frozen=True, slots=True)
class UpsamplingWindow(Window):
    """The windows of upsampling by `factor`: the nearest value or, where `is_smooth`, the two values that are interpolated."""

    factor: int = 1
    is_smooth: bool = False

    @property
    def is_uniform(self) -> bool:
        return self.factor == 1

    def input_span(self, span: Span, side: int | None) -> Span | None:
        if not self.is_smooth:
            return _clipped(span[0] // self.factor, span[1] // self.factor, side)
        # The centre of output i is at (i + 1/2)/f - 1/2 of the input; 1/f is torch's own, a rounded number.
        before, after = (Fraction(1 / self.factor) * (2 * i + 1) / 2 - Fraction(1, 2) for i in span)
        first, last = math.floor(before), math.ceil(after)
        if side is None:
            return first, last
        return min(max(first, 0), side - 1), min(max(last, 0), side - 1)  # outside of the image the border value is repeated


@dataclass(frozen=True, slots=True)
class AdaptiveWindow(Window):
    """The windows of adaptive pooling from n input to m output values: output i reads from floor(i*n/m) up to ceil((i + 1)*n/m).

    n is `input_side`, m is `output_side`.
    """

    input_side: int = 1
    output_side: int = 1

    @property
    def is_uniform(self) -> bool:
        return self.input_side % self.output_side == 0

    def input_span(self, span: Span, side: int | None) -> Span | None:
        return _clipped(span[0] * self.input_side // self.output_side, -(-(span[1] + 1) * self.input_side // self.output_side) - 1, side)


Windows = tuple[Window, Window]


def _clipped(first: int, last: int, side: int | None) -> Span | None:
    if side is not None:
        first, last = max(first, 0), min(last, side - 1)
    return (first, last) if first <= last else None


def hull(spans: Iterable[Span | None]) -> Span | None:
    """Return the shortest span that contains all spans, None where there is none."""
    non_empty = [span for span in spans if span is not None]
    return (min(first for first, _last in non_empty), max(last for _first, last in non_empty)) if non_empty else None


def sliding_windows(p: Params, shape: Shape) -> Windows:
    """Return the windows of a convolution or pooling, dilation included, along height and width."""
    p_height, p_width = side_params(p)
    height_window = _sliding(p_height)
    return (height_window, height_window) if p_height is p_width else (height_window, _sliding(p_width))


def _sliding(p: Params) -> Window:
    spacing = p.get("dilation", 1)
    window = spacing * (p["kernel_size"] - 1) + 1
    return Window(window, p["stride"], -((window - 1) // 2) if p["padding"] == SAME else -p["padding"], spacing)


def transposed_windows(p: Params, shape: Shape) -> Windows:
    """Return the windows of a transposed convolution."""
    height_window, width_window = (
        TransposedWindow(
            side_p["dilation"] * (side_p["kernel_size"] - 1) // side_p["stride"] + 1,
            Fraction(1, side_p["stride"]),
            -((side_p["dilation"] * (side_p["kernel_size"] - 1) - side_p["padding"]) // side_p["stride"]),
            kernel=side_p["kernel_size"],
            stride=side_p["stride"],
            dilation=side_p["dilation"],
            padding=side_p["padding"],
        )
        for side_p in side_params(p)
    )
    return height_window, width_window


def upsampling_windows(p: Params, shape: Shape) -> Windows:
    """Return the windows of upsampling: one value, or the two that are interpolated."""
    factor = p["scale_factor"]
    is_smooth = p["mode"] != "nearest" and factor > 1
    window = UpsamplingWindow(2 if is_smooth else 1, Fraction(1, factor), -1 if is_smooth else 0, factor=factor, is_smooth=is_smooth)
    return window, window


def adaptive_windows(p: Params, shape: Shape) -> Windows:
    """Return the windows of adaptive pooling; where they differ, `size` is the largest."""
    height_window, width_window = (
        AdaptiveWindow(max(-((-(i + 1) * n) // m) - i * n // m for i in range(m)), Fraction(n, m), input_side=n, output_side=m)
        for n, m in zip(shape[1:], sides_of(p["output_size"]), strict=True)
    )
    return height_window, width_window


def global_windows(p: Params, shape: Shape) -> Windows:
    """Return the windows of a layer whose outputs depend on the whole image."""
    return Window(shape[1], shape[1]), Window(shape[2], shape[2])
