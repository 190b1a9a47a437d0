"""Labels on a photograph: boxes, points and masks, in shares of its sides, so that they are independent of the size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vpc2.text import clean_name

BOX, POINT, MASK = "box", "point", "mask"
KINDS = (BOX, POINT, MASK)
MAX_LABELS = 60  # labels on one photograph
MAX_CORNERS = 400  # corners of one mask
NAME_CHARS = 40
MIN_SIDE = 1e-9  # minimum side of a box


@dataclass(frozen=True)
class Label:
    """One label. `places` are coordinates in shares of the sides, 0 to 1, from the upper left corner.

    A box has x0, y0, x1, y1, a point x, y, and a mask the corners x1, y1, x2, y2, … of a polygon. `name` is the class in the visitor's
    words; it may be empty.
    """

    kind: str
    places: tuple[float, ...]
    name: str = ""

    def scaled(self, width: float, height: float) -> tuple[float, ...]:
        """Return the coordinates on a picture of this size, in pixels from its upper left corner."""
        return tuple(value * (height if i % 2 else width) for i, value in enumerate(self.places))

    def to_doc(self) -> dict[str, Any]:
        return {"kind": self.kind, "places": list(self.places), "name": self.name}


def box(*places: float) -> Label:
    return Label(BOX, places)


def point(*places: float) -> Label:
    return Label(POINT, places)


def mask(*places: float) -> Label:
    return Label(MASK, places)


def read_label(kind: object, places: object, name: object = "") -> Label | None:
    """Return the label of untrusted values, its name cleaned; None for invalid ones.

    Coordinates outside the picture are invalid: readers of files in which they may lie slightly outside clip them first.
    """
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(places, list | tuple) or not isinstance(name, str):
        return None
    count = len(places)
    if not (count == {BOX: 4, POINT: 2}.get(kind) or kind == MASK and count % 2 == 0 and 6 <= count <= 2 * MAX_CORNERS):
        return None
    if not all(isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1 for value in places):
        return None
    numbers = tuple(float(value) for value in places)
    if kind == BOX and not (numbers[2] - numbers[0] > MIN_SIDE and numbers[3] - numbers[1] > MIN_SIDE):
        return None
    if kind == MASK and area_of(numbers) <= MIN_SIDE**2:
        return None
    return Label(kind, numbers, clean_name(name, NAME_CHARS))


def from_docs(docs: Iterable[dict[str, Any]]) -> tuple[Label, ...]:
    """Return the labels stored in a session as plain documents."""
    return tuple(Label(doc["kind"], tuple(doc["places"]), doc["name"]) for doc in docs)


def area_of(polygon: Sequence[float]) -> float:
    """Return the area inside a polygon x1, y1, x2, y2, … (the shoelace formula)."""
    xs, ys = polygon[::2], polygon[1::2]
    return abs(math.fsum(xs[i - 1] * ys[i] - xs[i] * ys[i - 1] for i in range(len(xs)))) / 2


def bounds_of(places: Sequence[float]) -> tuple[float, float, float, float]:
    """Return the upright bounding box x0, y0, x1, y1 of points x1, y1, x2, y2, …"""
    return min(places[::2]), min(places[1::2]), max(places[::2]), max(places[1::2])
