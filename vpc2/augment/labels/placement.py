"""Placing labels of a file on the photograph as shown, where the file may refer to the stored one: unrotated, or at another size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vpc2.labels import BOX, Label, bounds_of
from vpc2.text import Text

SAME_SHAPE = 0.02  # tolerance of the aspect ratio: a downscaled picture has its sides rounded to whole pixels
UPRIGHT = 1
# EXIF's eight orientations: position in the upright picture of a position in the stored one, in shares of the sides.
_TURNS = {
    1: lambda x, y: (x, y),
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}

_TURNED = Text("The file knows this photograph unturned, {there}; its labels were turned with it, as its EXIF orientation says.")
_UNCERTAIN = Text(
    "This photograph is stored turned (EXIF orientation {orientation}), and the file does not tell whether its labels are of the stored "
    "picture or of the upright one: they were taken for the upright one. Check their places."
)
_SCALED = Text("The file knows this photograph at {there}, here it has {here}: the labels were scaled.")
_OTHER_SHAPE = Text(
    "The file speaks of a picture of {there}, this photograph has {here}: it was cut or turned, or it is another one. "
    "The labels were stretched onto it; check their places, or remove them."
)


def place_upright(
    labels: Sequence[Label], there: tuple[float, float], here: tuple[float, float] | None, orientation: int = UPRIGHT
) -> tuple[list[Label], list[Text]]:
    """Return labels, in shares of the file's picture, at their positions on the photograph, and notes on what differs.

    `there` is the (width, height) given by the file, `here` the photograph's as shown, None where unknown, `orientation` the EXIF
    orientation (1 to 8) that it was stored with.
    """
    if here is None:
        return list(labels), []
    sizes = {"there": _size_text(there), "here": _size_text(here)}
    is_swapping = orientation in (5, 6, 7, 8)
    is_alike, is_alike_stored = _is_alike(there, here), _is_alike(there, here[::-1])
    if is_swapping and is_alike_stored and not is_alike:
        return [turn_label(label, orientation) for label in labels], [_TURNED.fill(**sizes)]
    if not is_alike:
        return list(labels), [_OTHER_SHAPE.fill(**sizes)]
    notes = [] if tuple(map(round, there)) == tuple(map(round, here)) else [_SCALED.fill(**sizes)]
    if orientation != UPRIGHT and (not is_swapping or is_alike_stored):
        notes += uncertain_notes(orientation)
    return list(labels), notes


def uncertain_notes(orientation: int) -> list[Text]:
    """Return the notes where a file gives no size and the photograph is stored rotated."""
    return [] if orientation == UPRIGHT else [_UNCERTAIN.fill(orientation=orientation)]


def turn_label(label: Label, orientation: int) -> Label:
    """Return a label of the stored picture at its position on the upright one."""
    turn = _TURNS[orientation]
    coordinates = [share for x, y in zip(label.places[::2], label.places[1::2], strict=True) for share in turn(x, y)]
    return replace(label, places=tuple(bounds_of(coordinates) if label.kind == BOX else coordinates))


def _is_alike(size: tuple[float, float], other: tuple[float, float]) -> bool:
    ratio = size[0] / size[1] * other[1] / other[0]
    return abs(ratio - 1) <= SAME_SHAPE


def _size_text(size: tuple[float, float]) -> str:
    return f"{size[0]:g} × {size[1]:g} px"
