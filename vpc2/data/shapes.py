"""Synthetic shapes with random colour, size, position, rotation and clutter; class, box and mask are known exactly."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from vpc2.data.datasets import DATASETS
from vpc2.data.imageset import ImageSet

COUNT = 1000
_DRAWN = 4  # supersampling factor for antialiasing


def outline(name: str, radius: float, turn: float) -> list[tuple[float, float]]:
    """Return the corners of a shape around the origin; a circle has many."""
    if name == "circle":
        return _ring([radius] * 64, turn)
    if name == "square":
        return _ring([radius] * 4, turn + math.pi / 4)
    if name == "triangle":
        return _ring([radius] * 3, turn)
    if name == "star":
        return _ring([radius, 0.42 * radius] * 5, turn)
    arm = 0.3 * radius
    corners = [(arm, -radius), (arm, -arm), (radius, -arm), (radius, arm), (arm, arm), (arm, radius)]
    corners += [(-x, -y) for x, y in corners]
    return [(x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)) for x, y in corners]


def _ring(radii: list[float], turn: float) -> list[tuple[float, float]]:
    step = 2 * math.pi / len(radii)
    return [(r * math.sin(i * step + turn), -r * math.cos(i * step + turn)) for i, r in enumerate(radii)]


def draw_figure(rng: np.random.Generator, name: str, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one picture, uint8 (size, size, 3), and the mask of its shape, bool (size, size)."""
    side = size_px * _DRAWN
    ground = rng.integers(30, 226, 3)
    image = Image.new("RGB", (side, side), tuple(int(c) for c in ground))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 8))):  # clutter: lines that belong to no shape
        ends = [float(v) for v in rng.uniform(0, side, 4)]
        pen.line(ends, fill=tuple(int(c) for c in rng.integers(0, 256, 3)), width=int(rng.integers(1, max(2, side // 40))))
    radius = float(rng.uniform(0.16, 0.34)) * side
    centre = rng.uniform(radius, side - radius, 2)
    turn = float(rng.uniform(-0.35, 0.35))
    colour = rng.integers(0, 256, 3)
    while np.abs(colour.astype(int) - ground).sum() < 140:  # enough contrast between shape and background
        colour = rng.integers(0, 256, 3)
    corners = [(x + centre[0], y + centre[1]) for x, y in outline(name, radius, turn)]
    pen.polygon(corners, fill=tuple(int(c) for c in colour))
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    small = image.resize((size_px, size_px), Image.Resampling.BOX)
    noisy = np.asarray(small, dtype=np.int16) + rng.integers(-12, 13, (size_px, size_px, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8), np.asarray(mask.resize((size_px, size_px), Image.Resampling.BOX)) > 127


@lru_cache(maxsize=4)
def load(key: str, size_px: int) -> ImageSet:
    """Return the shapes, drawn at `size_px`, deterministic, with box and mask for each."""
    rng, classes = np.random.default_rng(20), DATASETS[key].classes
    labels = np.arange(COUNT) % len(classes)
    drawn = [draw_figure(rng, classes[label], size_px) for label in labels]
    images, masks = (np.stack(part) for part in zip(*drawn, strict=True))
    return ImageSet(images, labels.astype(np.int64), classes, boxes=np.stack([box_of(mask) for mask in masks]), masks=masks)


def box_of(mask: np.ndarray) -> np.ndarray:
    """Return the bounding box of a mask, (x0, y0, x1, y1) in pixels, far edges exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros(4, dtype=np.float32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float32)
