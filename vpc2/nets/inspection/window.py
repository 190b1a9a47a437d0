"""One convolution or pooling at real numbers: the window, what lies under it, the kernel, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from vpc2.nets.inspection.kernels import POOLINGS, Geometry, Kernel, geometry_of
from vpc2.nets.summary.layer_summary import LayerFacts
from vpc2.text import Refusal, Text

SHOWN_PX = 10  # cells of the input that are shown on a side
WIDEST_PX = 15  # and as many as this where the window is that wide
PIXEL, PADDING, BEYOND = 0, 1, 2  # what a cell is; a pooling that rounds up looks beyond the padding

_TOO_WIDE = Text(
    "The window of {name} is {height} × {width} pixels, dilation included; up to {most} × {most} can be shown number by number."
)


@dataclass(frozen=True)
class CloseUp:
    """A patch of a layer's input and the outputs that its windows give.

    `cells` are the values of the patch (None where nothing is), `kinds` PIXEL, PADDING or BEYOND; the patch starts at `origin` of the
    input, the `outputs` at `first`. `op` is "sum", "mean" or "max"; a sum is divided by `divisor` and `bias` added.
    `plane` is the whole input (H, W) and `result` all that comes out.
    """

    op: str
    geometry: Geometry
    origin: tuple[int, int]
    first: tuple[int, int]
    cells: list[list[float | None]]
    kinds: list[list[int]]
    kernel: list[list[float]] | None
    divisor: int
    bias: float
    outputs: list[list[float]]
    plane: torch.Tensor
    result: torch.Tensor


def example_kernel(kernel: Kernel, sides: tuple[int, int]) -> torch.Tensor:
    """Return a known kernel in the middle of a window of these sides (3 x 3 at least), the rest zeros."""
    whole = torch.zeros(sides)
    top, left = (sides[0] - 3) // 2, (sides[1] - 3) // 2
    whole[top : top + 3, left : left + 3] = torch.tensor(kernel.rows, dtype=torch.float32)
    return whole


def own_kernel(module: nn.Conv2d, out_channel: int, in_channel: int) -> tuple[torch.Tensor, int, float | None]:
    """Return what a filter has for one channel of its input, which of its group that is, and the bias where that makes it complete.

    Channels of the input are counted through the whole picture; those of other groups the filter does not see: the nearest
    of its own is taken.
    """
    weight = module.weight.detach()
    group, seen = out_channel // (weight.shape[0] // module.groups), weight.shape[1]
    channel = min(max(in_channel, group * seen), (group + 1) * seen - 1)
    bias = (0.0 if module.bias is None else float(module.bias[out_channel].detach())) if seen == 1 else None
    return weight[out_channel, channel - group * seen], channel, bias


def close_up(
    facts: LayerFacts,
    plane: torch.Tensor,
    unit: tuple[int, int],
    kernel: torch.Tensor | None = None,
    *,
    divisor: int = 1,
    bias: float = 0.0,
) -> CloseUp:
    """Return the numbers around one unit, (row, column), of a convolution or pooling over one plane (H, W) of its input.

    What comes out is torch's own. Raises `Refusal` where the window is wider than what can be shown.
    """
    geometry = geometry_of(facts)
    if max(geometry.window) > WIDEST_PX:
        height, width = geometry.window
        raise Refusal(_TOO_WIDE.fill(name=facts.name, height=height, width=width, most=WIDEST_PX))
    op = POOLINGS.get(facts.kind, "sum")
    result = _result(op, geometry, plane, kernel)
    result = result / divisor + bias if op == "sum" else result
    spans = [_span(*one) for one in zip(geometry.window, geometry.stride, result.shape, unit, strict=True)]
    first = tuple(start for start, _count in spans)
    sides = tuple((count - 1) * step + window for (_, count), step, window in zip(spans, geometry.stride, geometry.window, strict=True))
    origin = tuple(start * step - before for start, step, before in zip(first, geometry.stride, geometry.before, strict=True))
    cells, kinds = _patch(plane, origin, sides, geometry, op)
    block = result[first[0] : first[0] + spans[0][1], first[1] : first[1] + spans[1][1]]
    return CloseUp(
        op,
        geometry,
        origin,
        first,
        cells,
        kinds,
        None if kernel is None else kernel.tolist(),
        divisor,
        bias,
        block.tolist(),
        plane,
        result,
    )


def _result(op: str, geometry: Geometry, plane: torch.Tensor, kernel: torch.Tensor | None) -> torch.Tensor:
    images = plane[None, None]
    if op == "sum":
        (top, left), (bottom, right) = geometry.before, geometry.after
        padded = functional.pad(images, (left, right, top, bottom))
        return functional.conv2d(padded, kernel[None, None], stride=geometry.stride, dilation=geometry.dilation)[0, 0]
    pool = functional.max_pool2d if op == "max" else functional.avg_pool2d
    return pool(images, geometry.kernel, geometry.stride, geometry.before, ceil_mode=geometry.is_ceil)[0, 0]


def _span(window: int, step: int, count: int, unit: int) -> tuple[int, int]:
    """Return the first output that is shown along one side, and how many."""
    room = SHOWN_PX if 2 * window <= SHOWN_PX else WIDEST_PX
    shown = min(max((room - window) // step + 1, 1), count)
    return min(max(unit - shown // 2, 0), count - shown), shown


def _patch(
    plane: torch.Tensor, origin: tuple[int, int], sides: tuple[int, int], geometry: Geometry, op: str
) -> tuple[list[list[float | None]], list[list[int]]]:
    def kind(*place: int) -> int:
        if all(0 <= at < side for at, side in zip(place, plane.shape, strict=True)):
            return PIXEL
        return BEYOND if any(at >= side + after for at, side, after in zip(place, plane.shape, geometry.after, strict=True)) else PADDING

    blank = {PADDING: None if op == "max" else 0.0, BEYOND: None}
    cells, kinds = [], []
    for y in range(origin[0], origin[0] + sides[0]):
        columns = range(origin[1], origin[1] + sides[1])
        kinds.append([kind(y, x) for x in columns])
        cells.append([float(plane[y, x]) if is_ == PIXEL else blank[is_] for x, is_ in zip(columns, kinds[-1], strict=True)])
    return cells, kinds
