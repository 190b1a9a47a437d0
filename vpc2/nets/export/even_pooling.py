"""Replaces poolings with `ceil_mode` for the ONNX export: ONNX's rule for `ceil_mode` gives other sides than torch's."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional

from vpc2.nets.layers.shape_rules import window_side

_POOLINGS = (nn.MaxPool2d, nn.AvgPool2d)


class ExplicitCeilPooling(nn.Module):
    """A max or average pooling with `ceil_mode`, as explicit padding and a pooling that rounds down, with the same results.

    ONNX keeps a window that would begin in the right padding, which torch drops; a file with `ceil_mode` fails strict shape inference.
    """

    def __init__(self, pool: nn.MaxPool2d | nn.AvgPool2d):
        super().__init__()
        self.is_max = isinstance(pool, nn.MaxPool2d)
        self.kernel, self.stride, self.padding = (_pair(value) for value in (pool.kernel_size, pool.stride, pool.padding))
        self.dilation = _pair(getattr(pool, "dilation", 1))
        self.counts_padding = getattr(pool, "count_include_pad", True)
        self.divisor = getattr(pool, "divisor_override", None)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        sides = images.shape[-2:]
        axes = [self._axis(i, int(side)) for i, side in enumerate(sides)]
        (top, bottom), (left, right) = (ends for ends, _counts in axes)
        padded = functional.pad(images, (left, right, top, bottom), value=float("-inf") if self.is_max else 0.0)
        if self.is_max:
            return functional.max_pool2d(padded, self.kernel, self.stride, dilation=self.dilation)
        means, size = functional.avg_pool2d(padded, self.kernel, self.stride), self.kernel[0] * self.kernel[1]
        if self.divisor:
            return means * (size / self.divisor)
        height_counts, width_counts = (torch.tensor(counts, dtype=images.dtype, device=images.device) for _ends, counts in axes)
        return means * (size / (height_counts[:, None] * width_counts[None, :]))

    def _axis(self, i: int, side: int) -> tuple[tuple[int, int], list[int]]:
        """Return the padding before and after along one axis, and the number of values in each window's mean."""
        kernel, stride, padding, dilation = self.kernel[i], self.stride[i], self.padding[i], self.dilation[i]
        window = dilation * (kernel - 1) + 1
        params = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": True}
        out = window_side(side, params, is_pooling=True)
        after = (out - 1) * stride + window - side - padding  # negative where no window reaches the last values
        low, high = (-padding, side + padding) if self.counts_padding else (0, side)
        starts = [index * stride - padding for index in range(out)]
        return (padding, after), [min(start + kernel, high) - max(start, low) for start in starts]


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value[0], value[-1]) if isinstance(value, tuple | list) else (value, value)


def without_ceil_mode(module: nn.Module) -> nn.Module:
    """Return a copy of the module with poolings of `ceil_mode` replaced, weights shared; the module itself where there are none."""
    if not any(isinstance(inner, _POOLINGS) and inner.ceil_mode for inner in module.modules()):
        return module
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    copied = copy.deepcopy(module, shared)
    if isinstance(copied, _POOLINGS) and copied.ceil_mode:
        return ExplicitCeilPooling(copied)
    for parent in list(copied.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _POOLINGS) and child.ceil_mode:
                setattr(parent, name, ExplicitCeilPooling(child))
    return copied.train(module.training)
