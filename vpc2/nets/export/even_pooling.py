"""Poolings that round up, written without rounding up: ONNX's own rule for `ceil_mode` gives other sides than torch's."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional

from vpc2.nets.layers.shape_rules import window_side

_POOLINGS = (nn.MaxPool2d, nn.AvgPool2d)


class EvenPooling(nn.Module):
    """A max or average pooling with `ceil_mode`, as a padding at the end and a pooling that rounds down: (B, C, H, W) to the same numbers.

    ONNX keeps a window that would begin in the right padding, which torch drops; a file with `ceil_mode` fails strict shape inference.
    """

    def __init__(self, pool: nn.MaxPool2d | nn.AvgPool2d):
        super().__init__()
        self.is_max = isinstance(pool, nn.MaxPool2d)
        self.kernel, self.stride, self.padding = (_pair(one) for one in (pool.kernel_size, pool.stride, pool.padding))
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
        high, wide = (torch.tensor(counts, dtype=images.dtype, device=images.device) for _ends, counts in axes)
        return means * (size / (high[:, None] * wide[None, :]))

    def _axis(self, i: int, side: int) -> tuple[tuple[int, int], list[int]]:
        """Return the padding before and after along one side, and how many values each window's mean is taken over."""
        kernel, stride, padding, dilation = self.kernel[i], self.stride[i], self.padding[i], self.dilation[i]
        window = dilation * (kernel - 1) + 1
        asked = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": True}
        out = window_side(side, asked, is_pooling=True)
        after = (out - 1) * stride + window - side - padding  # negative where the last values are looked at by no window
        low, high = (-padding, side + padding) if self.counts_padding else (0, side)
        starts = [index * stride - padding for index in range(out)]
        return (padding, after), [min(start + kernel, high) - max(start, low) for start in starts]


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value[0], value[-1]) if isinstance(value, tuple | list) else (value, value)


def without_rounding_up(module: nn.Module) -> nn.Module:
    """Return the module with its poolings that round up replaced, weights shared; the module itself where there are none."""
    if not any(isinstance(one, _POOLINGS) and one.ceil_mode for one in module.modules()):
        return module
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    made = copy.deepcopy(module, shared)
    if isinstance(made, _POOLINGS) and made.ceil_mode:
        return EvenPooling(made)
    for parent in list(made.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _POOLINGS) and child.ceil_mode:
                setattr(parent, name, EvenPooling(child))
    return made.train(module.training)
