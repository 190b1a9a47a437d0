"""The table of corruptions with their rising strengths: one literal each. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from vpc2.catalog import Catalog, Entry
from vpc2.text import Text


@dataclass(frozen=True, kw_only=True)
class Corruption(Entry):
    """A corruption. `target` is a function (images, strength, seed) -> images of `predict.robustness.corrupt`.

    The first of `strengths` changes nothing; `unit` is the unit they are shown with.
    """

    strengths: tuple[float, ...]
    unit: str = ""


def _corruption(key: str, title: Text, help_text: Text, family: str, strengths: tuple[float, ...], unit: str = "") -> Corruption:
    return Corruption(
        key=key, title=title, help=help_text, family=family, target=f"vpc2.predict.robustness.corrupt.{key}", strengths=strengths, unit=unit
    )


CORRUPTIONS: Catalog[Corruption] = Catalog(
    Text("corruption"),
    _corruption(
        "rotation",
        Text("Rotation", context="a corruption"),
        Text("Turned around its centre."),
        "viewpoint",
        (0, 10, 20, 30, 45, 60, 90, 180),
        "°",
    ),
    _corruption(
        "shift",
        Text("Shift", context="a corruption"),
        Text("Moved right by a share of its side; the border is repeated."),
        "viewpoint",
        (0, 5, 10, 15, 20, 30, 40),
        " %",
    ),
    _corruption(
        "scale",
        Text("Scale"),
        Text("Made smaller; the border is repeated."),
        "scale",
        (100, 90, 80, 70, 60, 50, 40),
        " %",
    ),
    _corruption(
        "perspective",
        Text("Perspective"),
        Text("Seen from the side: the left edge gets shorter."),
        "viewpoint",
        (0, 10, 20, 30, 40, 60),
        " %",
    ),
    _corruption(
        "brightness",
        Text("Less light"),
        Text("Every value multiplied, down to the night."),
        "light",
        (100, 75, 50, 35, 20, 10, 5),
        " %",
    ),
    _corruption(
        "contrast",
        Text("Less contrast"),
        Text("Values drawn towards the mean grey, as in fog."),
        "light",
        (100, 75, 50, 35, 20, 10, 5),
        " %",
    ),
    _corruption(
        "hue",
        Text("Hue"),
        Text("Colours turned around the circle: 180° is the opposite colour."),
        "light",
        (0, 15, 30, 60, 90, 135, 180),
        "°",
    ),
    _corruption(
        "blur",
        Text("Blur"),
        Text("Gaussian; sigma as a share of the side."),
        "deformation",
        (0, 0.5, 1, 2, 3, 5, 8),
        " %",
    ),
    _corruption(
        "noise",
        Text("Noise"),
        Text("Gaussian noise on every value; its deviation in steps of 1/255."),
        "deformation",
        (0, 5, 10, 20, 40, 60, 90),
        "/255",
    ),
    _corruption(
        "jpeg",
        Text("JPEG"),
        Text("Saved as JPEG of lower and lower quality; 100 here is the picture itself."),
        "deformation",
        (100, 60, 40, 20, 10, 5, 2),
    ),
    _corruption(
        "occlusion",
        Text("Occlusion"),
        Text("A grey square over a share of the area, at a place drawn once."),
        "occlusion",
        (0, 5, 10, 20, 30, 40, 60),
        " %",
    ),
    _corruption(
        "clutter",
        Text("Clutter"),
        Text("Small pieces of the picture itself strewn over it."),
        "clutter",
        (0, 2, 4, 8, 16, 32),
    ),
)
