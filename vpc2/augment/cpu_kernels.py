"""Faster CPU implementations of Kornia's operations: the same sampled values, the same pixels up to float rounding.

Each class inherits from Kornia's own and overrides only what is slow, so probabilities, batches and parameters stay Kornia's. Pictures are
finite and in [0, 1], as the pipeline passes them. A test compares every class with the one it replaces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import kornia.augmentation as K
import torch
import torch.nn.functional as F
from kornia.contrib import diamond_square
from kornia.enhance import (
    adjust_brightness_accumulative,
    adjust_contrast_with_mean_subtraction,
    adjust_saturation_with_gray_subtraction,
)
from torch import Tensor

_TINY = 1e-30  # avoids 0 / 0 = NaN where a grey pixel has no hue


def _per_picture(values: Tensor, images: Tensor) -> Tensor:
    return values.to(images).view(-1, 1, 1)


def _extremes(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest and the smallest of the three channels, each (B, H, W)."""
    red, green, blue = images.unbind(1)
    return torch.maximum(red, green).maximum(blue), torch.minimum(red, green).minimum(blue)


def turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Return pictures with the hue rotated by `turns` (B,) of the colour wheel.

    Without converting to HSV and back: value and chroma are constant, so each channel is the smallest one plus the chroma times a function
    of the distance of the new hue from that channel's (https://en.wikipedia.org/wiki/HSL_and_HSV#HSV_to_RGB_alternative).
    """
    red, green, blue = images.unbind(1)
    highest, lowest = _extremes(images)
    chroma = highest - lowest
    hue = torch.where(green == highest, (blue - red).add_(chroma, alpha=2), (red - green).add_(chroma, alpha=4))
    hue = torch.where(red == highest, green - blue, hue).div_(chroma.clamp(min=_TINY))
    hue = hue.add_(6 * _per_picture(turns, images)).remainder_(6)
    turned = torch.empty_like(images)
    for channel, (centre, sign, edge) in enumerate(((3, 1, -1), (2, -1, 2), (4, -1, 2))):
        near = (hue - centre).abs_().mul_(sign).add_(edge).clamp_(0, 1)
        torch.addcmul(lowest, chroma, near, out=turned[:, channel])
    return turned


def _in_order(images: Tensor, params: dict[str, Tensor], steps: tuple, order: Sequence[int]) -> Tensor:
    """Apply the four colour steps in an order, skipping those whose factors change nothing."""
    names, neutral = ("brightness_factor", "contrast_factor", "saturation_factor", "hue_factor"), (1.0, 1.0, 1.0, 0.0)
    for i in order:
        factors = params[names[i]]
        if (factors != neutral[i]).any():
            images = steps[i](images, factors)
    return images.clamp(0, 1)


class QuickHue(K.RandomHue):
    def apply_transform(self, input: Tensor, params: dict[str, Tensor], flags: dict[str, Any], transform: Tensor | None = None) -> Tensor:
        return turn_hue(input, params["hue_factor"])


class QuickJitter(K.ColorJitter):
    def apply_transform(self, input: Tensor, params: dict[str, Tensor], flags: dict[str, Any], transform: Tensor | None = None) -> Tensor:
        steps = (adjust_brightness_accumulative, adjust_contrast_with_mean_subtraction, adjust_saturation_with_gray_subtraction, turn_hue)
        return _in_order(input, params, steps, params["order"].tolist() if self._fixed_order is None else self._fixed_order)


class QuickSnow(K.RandomSnow):
    """Without converting to HLS and back: hue and saturation are constant, so distances from the lightness scale with its range."""

    def apply_transform(self, input: Tensor, params: dict[str, Tensor], flags: dict[str, Any], transform: Tensor | None = None) -> Tensor:
        highest, lowest = _extremes(input)
        light = (highest + lowest).div_(2)
        whiter = (light * _per_picture(params["brightness"], input)).clamp_(0, 1)
        ratio = torch.minimum(whiter, 1 - whiter).div_(torch.minimum(light, 1 - light).clamp_(min=_TINY)).unsqueeze(1)
        is_snow = (light < _per_picture(params["snow_coefficient"], input)).unsqueeze(1)
        snowed = (input - light.unsqueeze(1)).mul_(ratio).add_(whiter.unsqueeze(1))
        return torch.where(is_snow, snowed, input).clamp_(0, 1)


def _sums(images: Tensor, size: int, axis: int) -> Tensor:
    """Return the sums of `size` neighbours along an axis, which gets shorter by `size - 1`: as many additions as `size` has bits."""
    length, start, span = images.shape[axis] - size + 1, 0, 1
    total: Tensor | None = None
    while size:
        if size & 1:
            part = images.narrow(axis, start, length)
            total = part if total is None else total + part
            start += span
        size >>= 1
        if size:
            rest = images.shape[axis] - span
            images = images.narrow(axis, 0, rest) + images.narrow(axis, span, rest)
            span *= 2
    assert total is not None  # `size` is at least 1
    return total


class QuickBoxBlur(K.RandomBoxBlur):
    def apply_transform(self, input: Tensor, params: dict[str, Tensor], flags: dict[str, Any], transform: Tensor | None = None) -> Tensor:
        height, width = flags["kernel_size"]
        padded = F.pad(input, (width // 2, width // 2, height // 2, height // 2), mode="reflect")
        return _sums(_sums(padded, height, -2), width, -1).div_(height * width)


class QuickSharpness(K.RandomSharpness):
    def apply_transform(self, input: Tensor, params: dict[str, Tensor], flags: dict[str, Any], transform: Tensor | None = None) -> Tensor:
        inner = input[..., 1:-1, 1:-1]
        smooth = _sums(_sums(input, 3, -2), 3, -1).add_(inner, alpha=4).div_(13).clamp_(0, 1)
        output = input.clone()
        output[..., 1:-1, 1:-1] = torch.addcmul(smooth, inner - smooth, params["sharpness"].to(input).view(-1, 1, 1, 1)).clamp_(0, 1)
        return output


def _sorted(low: Tensor, high: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    low, high = torch.minimum(low, high), torch.maximum(low, high)
    middle, high = torch.minimum(high, other), torch.maximum(high, other)
    return torch.minimum(low, middle), torch.maximum(low, middle), high


class QuickMedian(K.RandomMedianBlur):
    """A 3 x 3 window: columns are sorted once for the three windows they belong to (18 comparisons per pixel; Kornia's network has 40)."""

    def apply_transform(self, input: Tensor, params: dict[str, Tensor], flags: dict[str, Any], transform: Tensor | None = None) -> Tensor:
        if tuple(flags["kernel_size"]) != (3, 3):
            return super().apply_transform(input, params, flags, transform)
        height, width = input.shape[-2:]
        padded = F.pad(input, (1, 1, 1, 1), mode="reflect")
        columns = _sorted(*(padded.narrow(-2, start, height) for start in range(3)))
        lows, middles, highs = ([column.narrow(-1, start, width) for start in range(3)] for column in columns)
        low = torch.maximum(lows[0], lows[1]).maximum(lows[2])
        high = torch.minimum(highs[0], highs[1]).minimum(highs[2])
        return _sorted(low, _sorted(*middles)[1], high)[1]


def plasma(shape: tuple[int, ...], roughness: Tensor) -> Tensor:
    """Return Kornia's plasma fractal (B, C, H, W) from the same random numbers.

    Each level computes only its new points, each kind of them separately; Kornia convolves the whole map and masks.
    """
    batch, channels, height, width = shape
    sides = [2 ** math.ceil(math.log2(max(side, 3) - 1)) for side in (height, width)]
    levels = int(math.log2(min(sides))) - 1
    seeds = (batch, channels, *(side // 2**levels + 1 for side in sides))  # a map this small is Kornia's initial map
    roughness = roughness.view(-1, 1, 1).repeat_interleave(channels, 0)
    fractal, scale = (
        diamond_square(seeds, roughness[:: channels or 1, 0, 0], dtype=roughness.dtype).flatten(0, 1),
        torch.ones_like(roughness),
    )
    for _level in range(levels):
        scale = scale * roughness
        fractal = _refined(fractal, scale)
    return fractal.view(batch, channels, *fractal.shape[1:])[..., :height, :width]


def _refined(coarse: Tensor, scale: Tensor) -> Tensor:
    """Return a map (N, H, W) at twice the size: new points are means of their neighbours plus noise scaled by `scale` (N, 1, 1)."""
    maps, height, width = coarse.shape
    fine = torch.empty((maps, 2 * height - 1, 2 * width - 1), dtype=coarse.dtype)
    noise = torch.rand((maps, 1, *fine.shape[1:]), dtype=coarse.dtype).squeeze(1).mul_(scale)
    quarter = 0.25 * (1 - scale)
    beside, below = coarse[:, :, :-1] + coarse[:, :, 1:], coarse[:, :-1] + coarse[:, 1:]
    centres = torch.addcmul(noise[:, 1::2, 1::2], beside[:, :-1] + beside[:, 1:], quarter)
    for sums, first, last, axis in ((beside, beside[:, 0], beside[:, -1], 1), (below, below[:, :, 0], below[:, :, -1], 2)):
        sums.narrow(axis, 1, sums.shape[axis] - 1).add_(centres)
        sums.narrow(axis, 0, sums.shape[axis] - 1).add_(centres)
        first.mul_(4 / 3), last.mul_(4 / 3)  # only three neighbours at the border
    fine[:, ::2, ::2] = coarse
    fine[:, 1::2, 1::2] = centres
    fine[:, ::2, 1::2] = torch.addcmul(noise[:, ::2, 1::2], beside, quarter)
    fine[:, 1::2, ::2] = torch.addcmul(noise[:, 1::2, ::2], below, quarter)
    return fine


def _with_plasma(augmentation: K.IntensityAugmentationBase2D, shape: tuple[int, ...], channels: int) -> dict[str, Tensor]:
    params = K.IntensityAugmentationBase2D.generate_parameters(augmentation, shape)
    return {**params, "plasma": plasma((shape[0], channels, *shape[-2:]), params["roughness"])}


class QuickPlasmaBrightness(K.RandomPlasmaBrightness):
    def generate_parameters(self, shape: tuple[int, ...]) -> dict[str, Tensor]:
        return _with_plasma(self, shape, shape[1])


class QuickPlasmaContrast(K.RandomPlasmaContrast):
    def generate_parameters(self, shape: tuple[int, ...]) -> dict[str, Tensor]:
        return _with_plasma(self, shape, shape[1])


class QuickPlasmaShadow(K.RandomPlasmaShadow):
    def generate_parameters(self, shape: tuple[int, ...]) -> dict[str, Tensor]:
        return _with_plasma(self, shape, 1)
