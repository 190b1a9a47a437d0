"""The transforms of the views on images, masks and points, and their inverses.

A geometric view is one 3 x 3 matrix M over pixel coordinates (x right, y down, centre of the first pixel at 0, 0): point p of the picture
is at M p in the view. Flips, shifts and quarter turns move whole pixels and are exact.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F

from vpc2.predict.tta.views import VIEWS

Matrix = list[list[float]]
GREY = (0.2989, 0.587, 0.114)  # as torchvision's adjust_contrast and rgb_to_grayscale


def apply_view(view: str, images: torch.Tensor) -> torch.Tensor:
    """Return images (B, 3, H, W) in [0, 1] transformed by a view: same shape, same range."""
    entry = VIEWS.find(view)
    if entry.is_geometric:
        return warp(images, view_matrix(view, *images.shape[-2:]))
    return entry.resolve()(images, **entry.params).clamp(0, 1)


def apply_masks(view: str, masks: torch.Tensor) -> torch.Tensor:
    """Return masks (B, C, H, W) transformed by the view, nearest neighbour: values are moved, never mixed."""
    return warp(masks, view_matrix(view, *masks.shape[-2:]), mode="nearest")


def undo_masks(view: str, masks: torch.Tensor) -> torch.Tensor:
    """Return masks (B, C, H, W) of a view mapped back to the picture; what lay outside the view is filled by repeating its border."""
    matrix = torch.tensor(view_matrix(view, *masks.shape[-2:]), dtype=torch.float64)
    return warp(masks, torch.linalg.inv(matrix).tolist(), mode="nearest")


def apply_points(view: str, points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return points (..., 2), x and y in pixels of a picture of `size` (H, W), in the coordinates of the view."""
    return _move(points, torch.tensor(view_matrix(view, *size), dtype=torch.float64))


def undo_points(view: str, points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return points (..., 2) of a view in the coordinates of the picture of `size` (H, W)."""
    return _move(points, torch.linalg.inv(torch.tensor(view_matrix(view, *size), dtype=torch.float64)))


def _move(points: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    return (points.to(torch.float64) @ matrix[:2, :2].T + matrix[:2, 2]).to(points.dtype)


def view_matrix(view: str, height: int, width: int) -> Matrix:
    """Return the matrix from the picture's pixels to the view's; the identity for a view that is not geometric."""
    entry = VIEWS.find(view)
    return entry.resolve()(height, width, **entry.params) if entry.is_geometric else identity(height, width)


def warp(images: torch.Tensor, matrix: Matrix, mode: str = "bilinear") -> torch.Tensor:
    """Return images (B, C, H, W) warped by a matrix, same size, borders replicated."""
    height, width = images.shape[-2:]
    a, b, c, d, e, f = _inverse(tuple(map(tuple, matrix)))
    whole = [round(number) for number in (a, b, c, d, e, f)]
    if all(abs(number - n) < 1e-9 for number, n in zip((a, b, c, d, e, f), whole, strict=True)) and 0 in whole[:2]:
        return _move_pixels(images, *whole)
    # Convert to grid_sample's coordinates, where -1 and 1 are the outer edges of the first and last pixel.
    theta = [
        [a, b * height / width, (2 * c + a * (width - 1) + b * (height - 1) + 1) / width - 1],
        [d * width / height, e, (2 * f + d * (width - 1) + e * (height - 1) + 1) / height - 1],
    ]
    grid = F.affine_grid(images.new_tensor([theta]), [1, 1, height, width], align_corners=False)
    return F.grid_sample(images, grid.expand(len(images), -1, -1, -1), mode=mode, padding_mode="border", align_corners=False)


@lru_cache(maxsize=1024)
def _inverse(matrix: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
    """Return the first two rows of a matrix's inverse."""
    return tuple(torch.linalg.inv(torch.tensor(matrix, dtype=torch.float64))[:2].flatten().tolist())


def _move_pixels(images: torch.Tensor, a: int, b: int, c: int, d: int, e: int, f: int) -> torch.Tensor:
    """Gather pixel (a x + b y + c, d x + e y + f) for every (x, y): rows and columns are only reordered or exchanged."""
    height, width = images.shape[-2:]
    if b or d:
        # (x, y) gathers (b y + c, d x + f): transpose the picture, then gather along its own axes.
        return _move_rows(_move_rows(images.transpose(-1, -2), b, c, height, -2), d, f, width, -1)
    return _move_rows(_move_rows(images, e, f, height, -2), a, c, width, -1)


def _move_rows(images: torch.Tensor, step: int, first: int, count: int, axis: int) -> torch.Tensor:
    """Return rows (or columns) `first`, `first + step`, ... along an axis, the outermost repeated beyond the border."""
    size = images.shape[axis]
    if (step, first, count) == (1, 0, size):
        return images
    if (step, first, count) == (-1, size - 1, size):
        return images.flip(axis)
    return images.index_select(axis, (step * torch.arange(count, device=images.device) + first).clamp(0, size - 1))


def _around_centre(height: int, width: int, a: float, b: float, d: float, e: float) -> Matrix:
    """Return the matrix of the linear map [[a, b], [d, e]] about the centre of the picture."""
    x, y = (width - 1) / 2, (height - 1) / 2
    return [[a, b, x - a * x - b * y], [d, e, y - d * x - e * y], [0.0, 0.0, 1.0]]


def identity(height: int, width: int) -> Matrix:
    """Return the identity matrix."""
    return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def flip(height: int, width: int, axis: str) -> Matrix:
    """Return the matrix of a reflection: "horizontal" exchanges left and right, "vertical" top and bottom."""
    return _around_centre(height, width, *((-1.0, 0.0, 0.0, 1.0) if axis == "horizontal" else (1.0, 0.0, 0.0, -1.0)))


def shift(height: int, width: int, dx: float, dy: float) -> Matrix:
    """Return the matrix of a translation by shares of the sides, right and down, in whole pixels and by at least one."""
    return [[1.0, 0.0, _pixels(dx, width)], [0.0, 1.0, _pixels(dy, height)], [0.0, 0.0, 1.0]]


def _pixels(share: float, side: int) -> float:
    return math.copysign(max(round(abs(share) * side), 1), share) if share else 0.0


def scale(height: int, width: int, factor: float) -> Matrix:
    """Return the matrix that enlarges (above 1) or reduces about the centre."""
    return _around_centre(height, width, factor, 0.0, 0.0, factor)


def rotate(height: int, width: int, degrees: float) -> Matrix:
    """Return the matrix of a rotation about the centre, counter-clockwise as seen, the convention of Kornia and torchvision."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return _around_centre(height, width, cos, sin, -sin, cos)


def turn(height: int, width: int, quarters: int) -> Matrix:
    """Return the matrix of counter-clockwise quarter turns about the centre; on a square no pixel value changes."""
    a, b, d, e = {0: (1.0, 0.0, 0.0, 1.0), 1: (0.0, 1.0, -1.0, 0.0), 2: (-1.0, 0.0, 0.0, -1.0), 3: (0.0, -1.0, 1.0, 0.0)}[quarters % 4]
    return _around_centre(height, width, a, b, d, e)


def crop(height: int, width: int, x: float, y: float, share: float, is_mirrored: bool) -> Matrix:
    """Return the matrix that enlarges a crop of `share` of each side to the whole; (0, 0) is the top left crop, (1, 1) the bottom right."""
    left, top = x * (1 - share) * width - 0.5, y * (1 - share) * height - 0.5
    a, c, e, f = 1 / share, -left / share - 0.5, 1 / share, -top / share - 0.5
    return [[-a, 0.0, width - 1 - c], [0.0, e, f], [0.0, 0.0, 1.0]] if is_mirrored else [[a, 0.0, c], [0.0, e, f], [0.0, 0.0, 1.0]]


def brightness(images: torch.Tensor, factor: float) -> torch.Tensor:
    """Return images multiplied by a factor."""
    return images * factor


def contrast(images: torch.Tensor, factor: float) -> torch.Tensor:
    """Return images blended with (or extrapolated from) the mean of their grey values."""
    mean = _grey(images).mean(dim=(1, 2, 3), keepdim=True)
    return mean + factor * (images - mean)


def colour(images: torch.Tensor, factor: float) -> torch.Tensor:
    """Return images blended with (or extrapolated from) their own greyscale, as torchvision's adjust_saturation."""
    plain = _grey(images)
    return plain + factor * (images - plain)


def grey(images: torch.Tensor) -> torch.Tensor:
    """Return images in greyscale, three equal channels."""
    return _grey(images).expand_as(images)


def _grey(images: torch.Tensor) -> torch.Tensor:
    return (images * images.new_tensor(GREY).view(1, 3, 1, 1)).sum(1, keepdim=True)
