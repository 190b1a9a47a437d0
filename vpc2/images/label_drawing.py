"""Drawing of labels on images, visible on any colour: bright lines over dark edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from vpc2.labels import BOX, MASK, POINT, Label

COLOUR, EDGE = (230, 159, 0), (20, 20, 20)
MASK_ALPHA = 90  # opacity of a mask, of 255


def draw_labels(pixels: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """Return pixels, uint8 (H, W, 3), with labels drawn on them: boxes and points as lines, masks as a translucent area with an outline."""
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image, "RGBA")
    width = max(2, round(max(pixels.shape[:2]) / 160))
    for label in sorted(labels, key=lambda label: label.kind != MASK):  # masks first: they would cover the others
        places = label.scaled(image.width, image.height)
        if label.kind == BOX:
            x0, y0, x1, y1 = (round(place) for place in places)  # right and bottom edges exclusive
            frame = (x0, y0, max(x1 - 1, x0), max(y1 - 1, y0))
            pen.rectangle(frame, outline=EDGE, width=width + 2)
            pen.rectangle(frame, outline=COLOUR, width=width)
        elif label.kind == POINT:
            x, y, radius = places[0] - 0.5, places[1] - 0.5, 2.5 * width
            pen.ellipse((x - radius - 1, y - radius - 1, x + radius + 1, y + radius + 1), outline=EDGE, width=width + 2)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=COLOUR, width=width)
        else:
            corners = [(x - 0.5, y - 0.5) for x, y in zip(places[::2], places[1::2], strict=True)]
            pen.polygon(corners, fill=(*COLOUR, MASK_ALPHA))
            for colour, thickness in ((EDGE, width + 2), (COLOUR, width)):
                pen.line([*corners, corners[0]], fill=colour, width=thickness, joint="curve")
    return np.asarray(image)
