"""Labels drawn on pictures, so that they are seen on any colour: bright over a dark edge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

COLOUR, EDGE = (230, 159, 0), (20, 20, 20)


def draw_labels(pixels: np.ndarray, boxes: Sequence[Sequence[float]], points: Sequence[Sequence[float]]) -> np.ndarray:
    """Return pixels, uint8 (H, W, 3), with boxes (x0, y0, x1, y1; far edges exclusive) and points (x, y) drawn on them, in pixels."""
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    width = max(2, round(max(pixels.shape[:2]) / 160))
    for x0, y0, x1, y1 in boxes:
        place = (x0, y0, max(x1 - 1, x0), max(y1 - 1, y0))
        pen.rectangle(place, outline=EDGE, width=width + 2)
        pen.rectangle(place, outline=COLOUR, width=width)
    radius = 2.5 * width
    for x, y in points:
        pen.ellipse((x - radius - 1, y - radius - 1, x + radius + 1, y + radius + 1), outline=EDGE, width=width + 2)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=COLOUR, width=width)
    return np.asarray(image)
