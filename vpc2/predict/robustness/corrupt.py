"""The corruption functions on images (B, 3, S, S) in [0, 1]: same shape, same range, deterministic for a seed."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from PIL import Image

from vpc2.predict.robustness.corruptions import CORRUPTIONS
from vpc2.predict.tta import transforms

PIECE_SHARE = 0.18


def corrupt_images(images: torch.Tensor, corruption: str, strength: float, seed: int = 0) -> torch.Tensor:
    """Return images under a corruption of CORRUPTIONS at a strength; the first of its strengths returns them unchanged."""
    entry = CORRUPTIONS.find(corruption)
    if strength == entry.strengths[0]:
        return images
    return entry.resolve()(images, strength, seed).clamp(0, 1)


def rotation(images: torch.Tensor, degrees: float, seed: int) -> torch.Tensor:
    height, width = images.shape[-2:]
    if degrees % 90 == 0:
        return transforms.warp(images, transforms.turn(height, width, round(degrees / 90)))
    return transforms.warp(images, transforms.rotate(height, width, degrees))


def shift(images: torch.Tensor, percent: float, seed: int) -> torch.Tensor:
    height, width = images.shape[-2:]
    return transforms.warp(images, transforms.shift(height, width, percent / 100, 0.0))


def scale(images: torch.Tensor, percent: float, seed: int) -> torch.Tensor:
    height, width = images.shape[-2:]
    return transforms.warp(images, transforms.scale(height, width, percent / 100))


def perspective(images: torch.Tensor, percent: float, seed: int) -> torch.Tensor:
    from kornia.geometry.transform import get_perspective_transform, warp_perspective

    height, width = images.shape[-2:]
    right, bottom, cut = width - 1.0, height - 1.0, percent / 200 * (height - 1)
    corners = images.new_tensor([[[0, 0], [right, 0], [right, bottom], [0, bottom]]])
    moved = images.new_tensor([[[0, cut], [right, 0], [right, bottom], [0, bottom - cut]]])
    matrix = get_perspective_transform(corners, moved).expand(len(images), -1, -1)
    return warp_perspective(images, matrix, (height, width), padding_mode="border", align_corners=True)


def brightness(images: torch.Tensor, percent: float, seed: int) -> torch.Tensor:
    return transforms.brightness(images, percent / 100)


def contrast(images: torch.Tensor, percent: float, seed: int) -> torch.Tensor:
    return transforms.contrast(images, percent / 100)


def hue(images: torch.Tensor, degrees: float, seed: int) -> torch.Tensor:
    from kornia.enhance import adjust_hue

    return adjust_hue(images, math.radians(degrees))


def blur(images: torch.Tensor, percent: float, seed: int) -> torch.Tensor:
    from kornia.filters import gaussian_blur2d

    side = images.shape[-1]
    sigma = max(percent / 100 * side, 0.1)
    # The kernel is at most as wide as the image: reflection padding allows no more.
    half = min(math.ceil(3 * sigma), side - 1)
    return gaussian_blur2d(images, (2 * half + 1,) * 2, (sigma, sigma))


def noise(images: torch.Tensor, steps: float, seed: int) -> torch.Tensor:
    drawn = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed)).to(images)
    return images + steps / 255 * drawn


def jpeg(images: torch.Tensor, quality: float, seed: int) -> torch.Tensor:
    pixels = (images.cpu() * 255).round().byte().permute(0, 2, 3, 1).numpy()
    decoded = np.empty_like(pixels)
    for i, image in enumerate(pixels):
        data = io.BytesIO()
        Image.fromarray(image).save(data, "JPEG", quality=int(quality))
        decoded[i] = np.asarray(Image.open(data, formats=["JPEG"]))
    return torch.from_numpy(decoded).permute(0, 3, 1, 2).float().div(255).to(images.device)


def occlusion(images: torch.Tensor, percent: float, seed: int) -> torch.Tensor:
    size, generator = images.shape[-1], torch.Generator().manual_seed(seed)
    side = max(round(size * math.sqrt(percent / 100)), 1)
    hidden = images.clone()
    # The centre of the square is drawn once per image; at higher strengths the square grows around it.
    for image, (x, y) in zip(hidden, torch.rand(len(images), 2, generator=generator).tolist(), strict=True):
        left, top = round(x * (size - side)), round(y * (size - side))
        image[:, top : top + side, left : left + side] = 0.5
    return hidden


def clutter(images: torch.Tensor, count: float, seed: int) -> torch.Tensor:
    size, generator = images.shape[-1], torch.Generator().manual_seed(seed)
    side = max(round(PIECE_SHARE * size), 1)
    cluttered = images.clone()
    for image, plain in zip(cluttered, images, strict=True):
        for _piece in range(int(count)):
            top, left, to_top, to_left = torch.randint(size - side + 1, (4,), generator=generator).tolist()
            image[:, to_top : to_top + side, to_left : to_left + side] = plain[:, top : top + side, left : left + side]
    return cluttered
