"""One convolution or pooling with real numbers: the window, the input values under it, the kernel, and the outputs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from vpc2.nets.inspection.kernels import POOLINGS, ExampleKernel, WindowGeometry, geometry_of
from vpc2.nets.summary.layer_summary import LayerFacts
from vpc2.text import Refusal, Text

DEFAULT_SIDE_PX = 10  # side of the shown patch of the input
MAX_WINDOW_PX = 15  # of the patch where the window is larger
PIXEL, PADDING, OUTSIDE = 0, 1, 2  # kinds of cells; a pooling that rounds up reads outside of the padding

_TOO_WIDE = Text(
    "The window of {name} is {height} × {width} pixels, dilation included; up to {most} × {most} can be shown number by number."
)


@dataclass(frozen=True)
class CloseUp:
    """A patch of a layer's input and the outputs of its windows.

    `cells` are the values of the patch (None without a value), `kinds` are PIXEL, PADDING or OUTSIDE. The patch begins at `origin`
    of the input, the `outputs` at `first` of the result. `op` is "sum", "mean" or "max"; a sum is divided by `divisor`, then `bias`
    is added. `plane` is the whole input (H, W), `result` the whole output.
    """

    op: str
    geometry: WindowGeometry
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


def example_kernel(kernel: ExampleKernel, sides: tuple[int, int]) -> torch.Tensor:
    """Return an example kernel in the middle of a window of these sides (at least 3 x 3), zeros elsewhere."""
    whole = torch.zeros(sides)
    top, left = (sides[0] - 3) // 2, (sides[1] - 3) // 2
    whole[top : top + 3, left : left + 3] = torch.tensor(kernel.rows, dtype=torch.float32)
    return whole


def own_kernel(module: nn.Conv2d, out_channel: int, in_channel: int) -> tuple[torch.Tensor, int, float | None]:
    """Return a filter's weights for one input channel, that channel, and the bias where the filter has only one channel (else None).

    `in_channel` counts all channels of the input; for one of another group, which the filter does not read, the nearest channel
    of its own group is taken.
    """
    weight = module.weight.detach()
    group, channels = out_channel // (weight.shape[0] // module.groups), weight.shape[1]
    channel = min(max(in_channel, group * channels), (group + 1) * channels - 1)
    bias = (0.0 if module.bias is None else float(module.bias[out_channel].detach())) if channels == 1 else None
    return weight[out_channel, channel - group * channels], channel, bias


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

    The outputs are computed by torch. Raises `Refusal` where the window is larger than `MAX_WINDOW_PX`.
    """
    geometry = geometry_of(facts)
    if max(geometry.window) > MAX_WINDOW_PX:
        height, width = geometry.window
        raise Refusal(_TOO_WIDE.fill(name=facts.name, height=height, width=width, most=MAX_WINDOW_PX))
    op = POOLINGS.get(facts.kind, "sum")
    result = _result(op, geometry, plane, kernel)
    result = result / divisor + bias if op == "sum" else result
    spans = [_shown_outputs(*axis) for axis in zip(geometry.window, geometry.stride, result.shape, unit, strict=True)]
    first = (spans[0][0], spans[1][0])
    height, width = ((count - 1) * step + window for (_, count), step, window in zip(spans, geometry.stride, geometry.window, strict=True))
    top, left = (start * step - before for start, step, before in zip(first, geometry.stride, geometry.before, strict=True))
    origin, sides = (top, left), (height, width)
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


def _result(op: str, geometry: WindowGeometry, plane: torch.Tensor, kernel: torch.Tensor | None) -> torch.Tensor:
    images = plane[None, None]
    if op == "sum":
        assert kernel is not None
        (top, left), (bottom, right) = geometry.before, geometry.after
        padded = functional.pad(images, (left, right, top, bottom))
        return functional.conv2d(padded, kernel[None, None], stride=geometry.stride, dilation=geometry.dilation)[0, 0]
    pool = functional.max_pool2d if op == "max" else functional.avg_pool2d
    return pool(images, geometry.kernel, geometry.stride, geometry.before, ceil_mode=geometry.is_ceil)[0, 0]


def _shown_outputs(window: int, step: int, count: int, unit: int) -> tuple[int, int]:
    """Return the first output that is shown along one axis, and the number of outputs shown."""
    patch_side = DEFAULT_SIDE_PX if 2 * window <= DEFAULT_SIDE_PX else MAX_WINDOW_PX
    shown = min(max((patch_side - window) // step + 1, 1), count)
    return min(max(unit - shown // 2, 0), count - shown), shown


def _patch(
    plane: torch.Tensor, origin: tuple[int, int], sides: tuple[int, int], geometry: WindowGeometry, op: str
) -> tuple[list[list[float | None]], list[list[int]]]:
    def kind(*position: int) -> int:
        if all(0 <= index < side for index, side in zip(position, plane.shape, strict=True)):
            return PIXEL
        return (
            OUTSIDE
            if any(index >= side + after for index, side, after in zip(position, plane.shape, geometry.after, strict=True))
            else PADDING
        )

    blank = {PADDING: None if op == "max" else 0.0, OUTSIDE: None}
    cells, kinds = [], []
    for y in range(origin[0], origin[0] + sides[0]):
        columns = range(origin[1], origin[1] + sides[1])
        kinds.append([kind(y, x) for x in columns])
        cells.append(
            [float(plane[y, x]) if cell_kind == PIXEL else blank[cell_kind] for x, cell_kind in zip(columns, kinds[-1], strict=True)]
        )
    return cells, kinds
