"""What one value of a layer looks at: windows, for receptive fields. Standard library only.

A receptive field is what a gradient can reach through convolutions and poolings; the statistics of layer and group
normalisation, and the gate of squeeze-and-excitation, look at the whole picture and are left out of it, as is usual.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from vpc2.nets.layers.shape_rules import SAME, Params, Shape, side_params, sides_of

Span = tuple[int, int]  # the first and the last place along one side, both included


@dataclass(frozen=True, slots=True)
class Window:
    """What output value 0 looks at along one side: `size` input values from `start` on; the next output looks `step` further on.

    The values looked at stand `gap` apart. Kinds whose windows are not all alike are classes of their own: there `size` is the
    widest, `step` the mean, and `seen` tells each window as it is.
    """

    size: int
    step: int | Fraction
    start: int | Fraction = 0
    gap: int = 1

    @property
    def is_even(self) -> bool:
        """True where all windows are alike and stand equally far apart."""
        return True

    def seen(self, span: Span, side: int | None) -> Span | None:
        """Return what the outputs of a span look at, from the first value to the last; only inside `side` values where it is given.

        None where they look at nothing.
        """
        step, start = self._whole_steps()
        first, last = span[0] * step + start, span[1] * step + start + self.size - 1
        if side is None or (first >= 0 and last < side):
            return first, last
        if self.gap == 1:
            return _inside(first, last, side)
        windows = (self._places(index, side) for index in range(span[0], span[1] + 1))
        return hull(windows)

    def _places(self, index: int, side: int) -> Span | None:
        """Return the first and last value inside the picture that one window of a dilated layer looks at."""
        step, start = self._whole_steps()
        first = index * step + start
        last = first + self.size - 1
        first = first if first >= 0 else first % self.gap
        last = last if last < side else last - -(-(last - side + 1) // self.gap) * self.gap
        return (first, last) if first <= last else None

    def _whole_steps(self) -> tuple[int, int]:
        assert isinstance(self.step, int) and isinstance(self.start, int)  # fractions are means: only of windows that differ
        return self.step, self.start


@dataclass(frozen=True, slots=True)
class Spread(Window):
    """The window of a transposed convolution: an output at y looks at each input x with x*stride - padding + dilation*j = y."""

    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    padding: int = 0

    @property
    def is_even(self) -> bool:
        return self.stride == 1

    def seen(self, span: Span, side: int | None) -> Span | None:
        low, high = span[0] + self.padding, span[1] + self.padding
        reach = self.dilation * (self.kernel - 1)
        first, last = -(-(low - reach) // self.stride), high // self.stride
        if side is not None:
            first, last = max(first, 0), min(last, side - 1)
        while first <= last and not self._reaches(first, low, high):
            first += 1
        while first <= last and not self._reaches(last, low, high):
            last -= 1
        return (first, last) if first <= last else None

    def _reaches(self, place: int, low: int, high: int) -> bool:
        """True where the filter laid down for an input touches one of the outputs from `low` to `high`."""
        low, high = low - place * self.stride, high - place * self.stride
        tap = max(0, -(-low // self.dilation))
        return tap < self.kernel and tap * self.dilation <= high


@dataclass(frozen=True, slots=True)
class Enlarged(Window):
    """The window of upsampling by `factor`: the nearest value, or the two between which it interpolates where it is `is_smooth`."""

    factor: int = 1
    is_smooth: bool = False

    @property
    def is_even(self) -> bool:
        return self.factor == 1

    def seen(self, span: Span, side: int | None) -> Span | None:
        if not self.is_smooth:
            return _inside(span[0] // self.factor, span[1] // self.factor, side)
        # The middle of output i stands at (i + 1/2)/f - 1/2 of the input; 1/f is torch's own, a rounded number.
        before, after = (Fraction(1 / self.factor) * (2 * i + 1) / 2 - Fraction(1, 2) for i in span)
        first, last = math.floor(before), math.ceil(after)
        if side is None:
            return first, last
        return min(max(first, 0), side - 1), min(max(last, 0), side - 1)  # beyond the border the last value is repeated


@dataclass(frozen=True, slots=True)
class Adapted(Window):
    """The window of adaptive pooling from `came` values to `left`: output i looks from floor(i*n/m) to ceil((i + 1)*n/m)."""

    came: int = 1
    left: int = 1

    @property
    def is_even(self) -> bool:
        return self.came % self.left == 0

    def seen(self, span: Span, side: int | None) -> Span | None:
        return _inside(span[0] * self.came // self.left, -(-(span[1] + 1) * self.came // self.left) - 1, side)


Windows = tuple[Window, Window]


def _inside(first: int, last: int, side: int | None) -> Span | None:
    if side is not None:
        first, last = max(first, 0), min(last, side - 1)
    return (first, last) if first <= last else None


def hull(spans: Iterable[Span | None]) -> Span | None:
    """Return the shortest span that holds all of these, None where there is none."""
    found = [span for span in spans if span is not None]
    return (min(first for first, _last in found), max(last for _first, last in found)) if found else None


def sliding(p: Params, shape: Shape) -> Windows:
    """Return the windows of a convolution or pooling, dilation included, for height and width."""
    high, wide = side_params(p)
    one = _sliding(high)
    return (one, one) if high is wide else (one, _sliding(wide))


def _sliding(p: Params) -> Window:
    gap = p.get("dilation", 1)
    window = gap * (p["kernel_size"] - 1) + 1
    return Window(window, p["stride"], -((window - 1) // 2) if p["padding"] == SAME else -p["padding"], gap)


def spreading(p: Params, shape: Shape) -> Windows:
    """Return the windows of a transposed convolution."""
    high, wide = (
        Spread(
            one["dilation"] * (one["kernel_size"] - 1) // one["stride"] + 1,
            Fraction(1, one["stride"]),
            -((one["dilation"] * (one["kernel_size"] - 1) - one["padding"]) // one["stride"]),
            kernel=one["kernel_size"],
            stride=one["stride"],
            dilation=one["dilation"],
            padding=one["padding"],
        )
        for one in side_params(p)
    )
    return high, wide


def enlarging(p: Params, shape: Shape) -> Windows:
    """Return the windows of upsampling: one value, or the two between which it interpolates."""
    factor = p["scale_factor"]
    is_smooth = p["mode"] != "nearest" and factor > 1
    one = Enlarged(2 if is_smooth else 1, Fraction(1, factor), -1 if is_smooth else 0, factor=factor, is_smooth=is_smooth)
    return one, one


def adapting(p: Params, shape: Shape) -> Windows:
    """Return the windows of adaptive pooling; where they are not all alike, the widest is the size."""
    high, wide = (
        Adapted(max(-((-(i + 1) * n) // m) - i * n // m for i in range(m)), Fraction(n, m), came=n, left=m)
        for n, m in zip(shape[1:], sides_of(p["output_size"]), strict=True)
    )
    return high, wide


def covering(p: Params, shape: Shape) -> Windows:
    """Return the windows of a layer that looks at the whole picture."""
    return Window(shape[1], shape[1]), Window(shape[2], shape[2])
