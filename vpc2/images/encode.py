"""Conversion of images between uint8 (H, W, 3) arrays, float (3, H, W) tensors in [0, 1], and JPEG and PNG files.

torch is imported only where a tensor is created: data sets are read and pages are drawn without it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor


def to_tensor(pixels: np.ndarray) -> Tensor:
    """Return uint8 (H, W, 3) pixels as a float tensor (3, H, W) in [0, 1]."""
    import torch

    return torch.from_numpy(np.array(pixels, copy=True)).permute(2, 0, 1).contiguous().float().div_(255)


def to_pixels(image: Tensor | np.ndarray) -> np.ndarray:
    """Return a float tensor (3, H, W) in [0, 1] as uint8 (H, W, 3) pixels; an array is returned unchanged."""
    if isinstance(image, np.ndarray):
        return image
    return _to_bytes(image).permute(1, 2, 0).contiguous().cpu().numpy()


def to_jpeg(image: Tensor | np.ndarray, quality: int = 90) -> bytes:
    """Return an image as JPEG: 1 ms for an image of a page, against 70 ms for PNG."""
    out = io.BytesIO()
    _to_image(image).save(out, "JPEG", quality=quality)
    return out.getvalue()


def to_png(image: Tensor | np.ndarray) -> bytes:
    """Return an image as PNG, lossless."""
    out = io.BytesIO()
    _to_image(image).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _to_image(image: Tensor | np.ndarray) -> Image.Image:
    if isinstance(image, np.ndarray):
        return Image.fromarray(image)
    # Plane by plane: Pillow interleaves the channels in a fifth of the time that torch takes.
    return Image.merge("RGB", [Image.fromarray(plane) for plane in _to_bytes(image).cpu().numpy()])


def _to_bytes(image: Tensor) -> Tensor:
    return image.detach().clamp(0, 1).mul_(255).round_().byte()


def resize_pixels(pixels: np.ndarray, max_side_px: int) -> np.ndarray:
    """Return pixels scaled down so that the longer side is at most `max_side_px`; smaller images are returned unchanged."""
    height, width = pixels.shape[:2]
    scale = max_side_px / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.HAMMING))


def resize_square(pixels: np.ndarray, size_px: int) -> np.ndarray:
    """Return pixels resized to a square of `size_px`, ignoring the aspect ratio, antialiased when they shrink."""
    if pixels.shape[:2] == (size_px, size_px):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((size_px, size_px), Image.Resampling.BILINEAR))
