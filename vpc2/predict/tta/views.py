"""The table of views for test-time augmentation, the sets of views, and parsing their names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from vpc2.catalog import Catalog, Entry
from vpc2.text import Refusal, Text

MAX_VIEWS = 64
IDENTITY = "identity"

_TOO_MANY = Text("At most {most} views are asked at once; these are {count:,}.")

_MIRRORS = Text("A mirrored picture may mean something else: letters, digits, a left hand.")
_TURNS = Text("A turned picture may mean something else: a 6 becomes a 9; trained nets rarely saw one.")
_CUTS = Text("What lies outside the crop is not seen.")
_COLOUR = Text("Where colour tells the classes apart, this view does not know them.")


@dataclass(frozen=True, kw_only=True)
class View(Entry):
    """A transform of a picture for test-time augmentation.

    `target` names a function: for a geometric view `(height, width, **params) -> matrix`, the 3 x 3 matrix from pixels of the picture to
    pixels of the view; for any other `(images, **params) -> images`. `caution` says when the view may change the class of the picture; None
    where it is assumed not to.
    """

    params: dict[str, Any] = field(default_factory=dict)
    is_geometric: bool = True
    caution: Text | None = None


@dataclass(frozen=True, kw_only=True)
class ViewSet(Entry):
    """A named set of views.

    `default_for` says for which classifiers it is chosen unless the visitor chooses another: "pretrained" ones, or those "trained" here.
    """

    views: tuple[str, ...]
    default_for: tuple[Literal["pretrained", "trained"], ...] = ()


_GEOMETRY = "vpc2.predict.tta.transforms"
_STEP, _ZOOM, _ANGLE, _CROP = 0.06, 1.12, 8.0, 0.875


def _shift(key: str, title: Text, dx: float, dy: float) -> View:
    help_text = Text("Moved by 6 % of its side; the border is repeated.")
    return View(key=key, title=title, help=help_text, family="shift", target=f"{_GEOMETRY}.shift", params={"dx": dx, "dy": dy})


def _crop(key: str, title: Text, x: float, y: float, is_mirrored: bool = False) -> View:
    return View(
        key=key,
        title=title,
        help=Text("A part of 87.5 % of the side, enlarged to the whole."),
        family="crop",
        target=f"{_GEOMETRY}.crop",
        params={"x": x, "y": y, "share": _CROP, "is_mirrored": is_mirrored},
        caution=_MIRRORS if is_mirrored else _CUTS,
    )


def _light(key: str, title: Text, help_text: Text, function: str, params: dict[str, Any], caution: Text | None = None) -> View:
    return View(
        key=key,
        title=title,
        help=help_text,
        family="light",
        target=f"{_GEOMETRY}.{function}",
        params=params,
        is_geometric=False,
        caution=caution,
    )


VIEWS: Catalog[View] = Catalog(
    Text("view"),
    View(
        key=IDENTITY,
        title=Text("As it is"),
        help=Text("The picture as the classifier gets it."),
        family="plain",
        target=f"{_GEOMETRY}.identity",
        aliases=("plain",),
    ),
    View(
        key="flip_horizontal",
        title=Text("Mirrored"),
        help=Text("Left and right exchanged."),
        family="flip",
        target=f"{_GEOMETRY}.flip",
        params={"axis": "horizontal"},
        aliases=("hflip",),
        caution=_MIRRORS,
    ),
    View(
        key="flip_vertical",
        title=Text("Upside down"),
        help=Text("Top and bottom exchanged."),
        family="flip",
        target=f"{_GEOMETRY}.flip",
        params={"axis": "vertical"},
        aliases=("vflip",),
        caution=_TURNS,
    ),
    _shift("shift_left", Text("Shifted left"), -_STEP, 0.0),
    _shift("shift_right", Text("Shifted right"), _STEP, 0.0),
    _shift("shift_up", Text("Shifted up"), 0.0, -_STEP),
    _shift("shift_down", Text("Shifted down"), 0.0, _STEP),
    View(
        key="zoom_in",
        title=Text("Larger"),
        help=Text("Enlarged by 12 % around its centre."),
        family="scale",
        target=f"{_GEOMETRY}.scale",
        params={"factor": _ZOOM},
    ),
    View(
        key="zoom_out",
        title=Text("Smaller", context="a view"),
        help=Text("Reduced by 11 % around its centre; the border is repeated."),
        family="scale",
        target=f"{_GEOMETRY}.scale",
        params={"factor": 1 / _ZOOM},
    ),
    View(
        key="rotate_left",
        title=Text("Turned left by 8°"),
        help=Text("Turned counter-clockwise around its centre."),
        family="rotation",
        target=f"{_GEOMETRY}.rotate",
        params={"degrees": _ANGLE},
    ),
    View(
        key="rotate_right",
        title=Text("Turned right by 8°"),
        help=Text("Turned clockwise around its centre."),
        family="rotation",
        target=f"{_GEOMETRY}.rotate",
        params={"degrees": -_ANGLE},
    ),
    *(
        View(
            key=f"turn_{90 * turns}",
            title=Text("Turned by {angle}°").fill(angle=90 * turns),
            help=Text("Quarter turns counter-clockwise; no pixel changes."),
            family="rotation",
            target=f"{_GEOMETRY}.turn",
            params={"quarters": turns},
            caution=_TURNS,
        )
        for turns in (1, 2, 3)
    ),
    _light(
        "brighter",
        Text("Brighter"),
        Text("Every value multiplied by 1.2."),
        "brightness",
        {"factor": 1.2},
    ),
    _light(
        "darker",
        Text("Darker"),
        Text("Every value multiplied by 0.8."),
        "brightness",
        {"factor": 0.8},
    ),
    _light(
        "more_contrast",
        Text("More contrast"),
        Text("Values pulled away from the mean grey by 1.3."),
        "contrast",
        {"factor": 1.3},
    ),
    _light(
        "less_contrast",
        Text("Less contrast"),
        Text("Values drawn towards the mean grey by 0.7."),
        "contrast",
        {"factor": 0.7},
    ),
    _light(
        "more_colour",
        Text("More colour"),
        Text("Colours pulled away from grey by 1.4."),
        "colour",
        {"factor": 1.4},
        caution=_COLOUR,
    ),
    _light(
        "less_colour",
        Text("Less colour"),
        Text("Colours drawn towards grey by 0.6."),
        "colour",
        {"factor": 0.6},
        caution=_COLOUR,
    ),
    _light(
        "grey",
        Text("Without colour"),
        Text("Only its lightness."),
        "grey",
        {},
        caution=_COLOUR,
    ),
    _crop("crop_centre", Text("Crop: centre"), 0.5, 0.5),
    _crop("crop_top_left", Text("Crop: top left"), 0.0, 0.0),
    _crop("crop_top_right", Text("Crop: top right"), 1.0, 0.0),
    _crop("crop_bottom_left", Text("Crop: bottom left"), 0.0, 1.0),
    _crop("crop_bottom_right", Text("Crop: bottom right"), 1.0, 1.0),
    _crop("mirrored_centre", Text("Mirrored crop: centre"), 0.5, 0.5, True),
    _crop("mirrored_top_left", Text("Mirrored crop: top left"), 0.0, 0.0, True),
    _crop("mirrored_top_right", Text("Mirrored crop: top right"), 1.0, 0.0, True),
    _crop("mirrored_bottom_left", Text("Mirrored crop: bottom left"), 0.0, 1.0, True),
    _crop("mirrored_bottom_right", Text("Mirrored crop: bottom right"), 1.0, 1.0, True),
)

_CROPS = ("crop_centre", "crop_top_left", "crop_top_right", "crop_bottom_left", "crop_bottom_right")

VIEW_SETS: Catalog[ViewSet] = Catalog(
    Text("set of views"),
    ViewSet(
        key="standard",
        title=Text("Standard: eight views"),
        help=Text("A little of everything that rarely changes what is seen."),
        views=(IDENTITY, "flip_horizontal", "shift_left", "shift_right", "zoom_in", "rotate_left", "rotate_right", "brighter"),
        default_for=("pretrained",),
    ),
    ViewSet(
        key="no_mirror",
        title=Text("Without mirroring: eight views"),
        help=Text("For letters, digits and hands, where a mirror image means something else."),
        views=(IDENTITY, "shift_left", "shift_right", "zoom_in", "zoom_out", "rotate_left", "rotate_right", "brighter"),
        default_for=("trained",),  # classes of a net trained here may change when mirrored
    ),
    ViewSet(
        key="flip",
        title=Text("Mirrored"),
        help=Text("The picture and its mirror image: the cheapest set."),
        views=(IDENTITY, "flip_horizontal"),
    ),
    ViewSet(
        key="light",
        title=Text("Other light"),
        help=Text("Brighter, darker, more and less contrast; nothing moves."),
        views=(IDENTITY, "brighter", "darker", "more_contrast", "less_contrast"),
    ),
    ViewSet(
        key="five_crops",
        title=Text("Five crops"),
        help=Text("Centre and corners, as in the first ImageNet papers."),
        views=_CROPS,
    ),
    ViewSet(
        key="ten_crops",
        title=Text("Ten crops"),
        help=Text("Five crops and their mirror images."),
        views=(*_CROPS, *(key.replace("crop", "mirrored") for key in _CROPS)),
    ),
    ViewSet(
        key="none",
        title=Text("None", context="views"),
        help=Text("Only the picture as it is."),
        views=(IDENTITY,),
    ),
)


def default_set(*, is_pretrained: bool) -> ViewSet:
    """Return the set of views that a classifier is asked in unless the visitor chooses another."""
    kind = "pretrained" if is_pretrained else "trained"
    return next(entry for entry in VIEW_SETS.values() if kind in entry.default_for)


def parse_views(text: str) -> tuple[str, ...]:
    """Return the keys of the views in a string: a set, or views and sets separated by commas, without duplicates.

    An empty string is the identity. Raises `Refusal` for an unknown name, and for more than 64 names.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) > MAX_VIEWS:
        raise Refusal(_TOO_MANY.fill(most=MAX_VIEWS, count=len(names)))
    keys: dict[str, None] = {}
    for name in names:
        keys.update(dict.fromkeys(VIEW_SETS[name].views if name in VIEW_SETS else (VIEWS.find(name).key,)))
    return tuple(keys) or (IDENTITY,)


def clean_views(views: str | Iterable[object]) -> tuple[str, ...]:
    """Return keys of views, validated: no views means the identity, more than 64 are refused."""
    if isinstance(views, str):
        return parse_views(views)
    keys = tuple(VIEWS.find(view).key for view in views)
    if len(keys) > MAX_VIEWS:
        raise Refusal(_TOO_MANY.fill(most=MAX_VIEWS, count=len(keys)))
    return keys or (IDENTITY,)
