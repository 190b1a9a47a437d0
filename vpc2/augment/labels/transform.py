"""Moving boxes, masks and points with the pixels of a draw.

Kornia moves boxes and points for affine operations but not for elastic, thin-plate and fisheye warps. Here the same sampled steps are
applied to a picture of coordinates: each pixel of the result then holds its source position in the original, for any operation, and every
label is moved by that map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vpc2.augment.labels import polygons
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.pipeline import apply_step
from vpc2.augment.spec import Pipeline
from vpc2.labels import BOX, POINT, Label
from vpc2.rng import seed_of

INSIDE = 0.5  # a pixel with half its weight from outside counts as outside


@dataclass(frozen=True, eq=False)
class Track:
    """The source position of each pixel of a draw.

    `x` and `y`, float (H, W), are positions in the original in pixels (centre of the first one at 0); `is_inside`, bool (H, W), is False
    where the draw shows nothing of the original.
    """

    x: Tensor
    y: Tensor
    is_inside: Tensor


def track_draw(pipeline: Pipeline, height: int, width: int, number: int = 0, image_key: str = "") -> Track:
    """Return the source positions of the pixels of draw `number` for a picture of this size, sampled as by `draw_images`."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    maps = torch.stack([columns, rows, torch.ones(height, width)])[None]
    for step in pipeline.steps:
        entry = OPS[step.op]
        if step.on and (entry.family == "geometric" or entry.is_policy):
            maps, _outcome = apply_step(step, maps, seed_of(pipeline.seed, step.seed_name, image_key, number), is_map=True)
    weight = maps[0, 2]
    share = weight.clamp(min=1e-6)  # at the border, coordinates are interpolated with black: normalise by the weight
    return Track(maps[0, 0] / share * (width - 1), maps[0, 1] / share * (height - 1), weight > INSIDE)


def move_points(track: Track, points: list[tuple[float, float]]) -> list[tuple[float, float] | None]:
    """Return the positions of points (x, y), in pixels of the original, in the draw; None for one that is not visible there."""
    height, width = track.x.shape
    moved: list[tuple[float, float] | None] = []
    for x, y in points:
        distance = (track.x - x).square() + (track.y - y).square()
        distance[~track.is_inside] = torch.inf
        nearest = int(distance.argmin())
        row, column = divmod(nearest, width)
        # In a downscaled draw, neighbouring pixels are several pixels of the original apart.
        beside = min(column + 1, width - 1) if column + 1 < width else max(column - 1, 0)
        below = min(row + 1, height - 1) if row + 1 < height else max(row - 1, 0)
        gap = max(
            float((track.x[row, beside] - track.x[row, column]).abs() + (track.y[row, beside] - track.y[row, column]).abs()),
            float((track.x[below, column] - track.x[row, column]).abs() + (track.y[below, column] - track.y[row, column]).abs()),
        )
        is_seen = bool(distance.reshape(-1)[nearest] <= max(1.0, min(gap, 16.0)) ** 2)
        moved.append((float(column), float(row)) if is_seen else None)
    return moved


def move_boxes(track: Track, boxes: list[tuple[float, float, float, float]]) -> list[tuple[float, float, float, float] | None]:
    """Return the smallest upright boxes (x0, y0, x1, y1.

    Far edges exclusive) around the visible part of each box; None where there is none.
    """
    moved: list[tuple[float, float, float, float] | None] = []
    for x0, y0, x1, y1 in boxes:
        is_in = track.is_inside & (track.x >= x0 - 0.5) & (track.x <= x1 - 0.5) & (track.y >= y0 - 0.5) & (track.y <= y1 - 0.5)
        rows, columns = is_in.any(1).nonzero().flatten(), is_in.any(0).nonzero().flatten()
        if not len(rows):
            moved.append(None)
            continue
        moved.append((float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)))
    return moved


def move_mask(track: Track, mask: Tensor) -> Tensor:
    """Return a mask, bool (H, W), in the draw; False where the draw shows nothing of the original."""
    height, width = mask.shape
    rows = track.y.round().long().clamp(0, height - 1)
    columns = track.x.round().long().clamp(0, width - 1)
    return mask[rows, columns] & track.is_inside


def move_labels(track: Track, labels: Sequence[Label]) -> list[tuple[Label, ...]]:
    """Return for each label its visible parts in the draw: none, one, or, for a torn mask, several."""
    return [tuple(replace(label, places=places) for places in _moved(track, label)) for label in labels]


def _moved(track: Track, label: Label) -> list[tuple[float, ...]]:
    """Return the coordinates of a label's parts in the draw, in shares of its sides."""
    height, width = track.x.shape
    coordinates = label.scaled(width, height)
    parts: Sequence[tuple[float, ...]]
    if label.kind == BOX:
        x0, y0, x1, y1 = coordinates
        parts = [box for box in move_boxes(track, [(x0, y0, x1, y1)]) if box is not None]
    elif label.kind == POINT:
        # Label coordinates start at the picture's edge, those of draws at the centre of the first pixel.
        points = move_points(track, [(coordinates[0] - 0.5, coordinates[1] - 0.5)])
        parts = [(x + 0.5, y + 0.5) for x, y in (point for point in points if point is not None)]
    else:
        pixels = torch.from_numpy(polygons.to_pixels(coordinates, height, width))
        parts = polygons.to_polygons(move_mask(track, pixels).numpy())
    return [tuple(min(max(value / (height if i % 2 else width), 0.0), 1.0) for i, value in enumerate(part)) for part in parts]
