"""Converting masks between polygons, as drawn by people and stored in files, and boolean pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from contourpy import contour_generator

from vpc2.labels import MAX_CORNERS, area_of

TOLERANCE_PX = 1.0  # simplification tolerance of an outline: removes the staircase of pixel edges, keeps the visible shape
MIN_AREA_PX2 = 4.0  # smaller parts of a mask torn apart by a warp are dropped


def to_pixels(polygon: Sequence[float], height: int, width: int) -> np.ndarray:
    """Return bool (H, W): which pixel centres lie inside a polygon x1, y1, x2, y2, … in pixels (0 is the outer edge of the first one)."""
    xs, ys = np.array(polygon[::2], float), np.array(polygon[1::2], float)
    crossings = np.zeros((height, width + 1), bool)  # parity changes along a row, from the left, where it crosses an edge
    for x0, y0, x1, y1 in zip(xs, ys, np.roll(xs, -1), np.roll(ys, -1), strict=True):
        rows = np.arange(*np.clip(np.ceil(np.array(sorted((y0, y1))) - 0.5), 0, height).astype(int))
        if len(rows):
            columns = np.ceil(x0 + (rows + 0.5 - y0) / (y1 - y0) * (x1 - x0) - 0.5)
            crossings[rows, np.clip(columns, 0, width).astype(int)] ^= True
    return np.logical_xor.accumulate(crossings, axis=1)[:, :width]


def to_polygons(pixels: np.ndarray) -> list[tuple[float, ...]]:
    """Return the outlines of a mask, bool (H, W), largest first, each x1, y1, x2, y2, … in pixels from the upper left corner.

    A mask torn apart by a warp has several; holes are filled, and parts smaller than `MIN_AREA_PX2` are left out.
    """
    padded = np.pad(pixels.astype(np.float32), 1)
    height, width = pixels.shape
    polygons = []
    for line in contour_generator(z=padded).lines(0.5):
        assert isinstance(line, np.ndarray)  # contourpy's usual form of lines: "Separate"
        if _signed_area(line) <= 0:  # the outline of a hole
            continue
        # The centre of the first pixel is at (1, 1) in the padded picture and at (0.5, 0.5) in this one.
        tolerance = TOLERANCE_PX
        while len(corners := _simplified(line - 0.5, tolerance)) > MAX_CORNERS:
            tolerance *= 2
        flat = tuple(np.clip(corners, 0, (width, height)).round(2).ravel().tolist())
        if len(flat) >= 6 and area_of(flat) >= MIN_AREA_PX2:
            polygons.append(flat)
    return sorted(polygons, key=area_of, reverse=True)


def _signed_area(line: np.ndarray) -> float:
    """Return the signed area inside a closed line (N, 2)."""
    following = np.roll(line, -1, axis=0)
    return float((line[:, 0] * following[:, 1] - line[:, 1] * following[:, 0]).sum() / 2)


def _simplified(line: np.ndarray, tolerance: float) -> np.ndarray:
    """Return a closed line (N, 2), its last point equal to the first, with the fewest corners that stay within `tolerance` of it.

    Douglas and Peucker (1973), from the two points that lie farthest apart, because a closed line has no ends.
    """
    line = line[:-1]
    far = int(np.square(line - line[0]).sum(axis=1).argmax())
    is_corner = np.zeros(len(line) + 1, bool)
    is_corner[[0, far, len(line)]] = True
    closed, todo = np.vstack([line, line[:1]]), [(0, far), (far, len(line))]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        along, between = closed[last] - closed[first], closed[first + 1 : last] - closed[first]
        length = np.hypot(*along)
        away = np.abs(along[0] * between[:, 1] - along[1] * between[:, 0]) / length if length else np.hypot(*between.T)
        worst = int(away.argmax())
        if away[worst] > tolerance:
            middle = first + 1 + worst
            is_corner[middle] = True
            todo += [(first, middle), (middle, last)]
    return closed[:-1][is_corner[:-1]]
