"""What one value of a layer looks at: windows, for receptive fields. Standard library only.

A receptive field is what a gradient can reach through convolutions and poolings; the statistics of layer and group
normalisation, and the gate of squeeze-and-excitation, look at the whole picture and are left out of it, as is usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vpc2.nets.arithmetic import SAME, Params, Shape, side_params, sides_of


@dataclass(frozen=True, slots=True)
class Window:
    """What output value 0 looks at along one side: `size` input values from `start` on; the next output looks `step` further on."""

    size: int
    step: int | Fraction
    start: int = 0


Windows = tuple[Window, Window]


def sliding(p: Params, shape: Shape) -> Windows:
    """Return the windows of a convolution or pooling, dilation included, for height and width."""
    high, wide = side_params(p)
    one = _sliding(high)
    return (one, one) if high is wide else (one, _sliding(wide))


def _sliding(p: Params) -> Window:
    window = p.get("dilation", 1) * (p["kernel_size"] - 1) + 1
    return Window(window, p["stride"], -((window - 1) // 2) if p["padding"] == SAME else -p["padding"])


def spreading(p: Params, shape: Shape) -> Windows:
    """Return the windows of a transposed convolution: an output at y sees the inputs x with x*stride - padding + d*j = y."""
    return tuple(
        Window(
            one["dilation"] * (one["kernel_size"] - 1) // one["stride"] + 1,
            Fraction(1, one["stride"]),
            -((one["dilation"] * (one["kernel_size"] - 1) - one["padding"]) // one["stride"]),
        )
        for one in side_params(p)
    )


def enlarging(p: Params, shape: Shape) -> Windows:
    """Return the windows of upsampling: one value, or the two between which it interpolates."""
    is_smooth = p["mode"] != "nearest"
    one = Window(2 if is_smooth else 1, Fraction(1, p["scale_factor"]), -1 if is_smooth and p["scale_factor"] > 1 else 0)
    return one, one


def adapting(p: Params, shape: Shape) -> Windows:
    """Return the widest windows of adaptive pooling: from floor(i*n/m) to ceil((i + 1)*n/m)."""
    return tuple(
        Window(max(-((-(i + 1) * n) // m) - i * n // m for i in range(m)), Fraction(n, m))
        for n, m in zip(shape[1:], sides_of(p["output_size"]), strict=True)
    )


def covering(p: Params, shape: Shape) -> Windows:
    """Return the windows of a layer that looks at the whole picture."""
    return Window(shape[1], shape[1]), Window(shape[2], shape[2])
