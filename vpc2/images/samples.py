"""`SAMPLES`: the sample photographs of the app; licences and authors are in `assets/samples/CREDITS.md`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from vpc2.bundled_files import resource
from vpc2.catalog import Catalog, Entry
from vpc2.images.decode import Photo, decode_photo
from vpc2.labels import Label, box, mask, point
from vpc2.text import Text

FOLDER = resource("assets", "samples")


@dataclass(frozen=True, kw_only=True)
class SampleEntry(Entry):
    """A photograph in `assets/samples`, with author and licence.

    `labels` are pairs of name and label; the outlines were drawn by hand.
    """

    file: str
    credit: str
    licence: str
    labels: tuple[tuple[Text, Label], ...] = ()


def _sample(key: str, title: Text, credit: str, licence: str, *labels: tuple[Text, Label]) -> SampleEntry:
    return SampleEntry(key=key, title=title, help=Text(""), file=f"{key}.jpg", credit=credit, licence=licence, labels=labels)


_CAT, _EYE, _NOSE = Text("cat"), Text("eye"), Text("nose")
_CUP, _COFFEE, _HANDLE, _SPOON = Text("cup"), Text("coffee"), Text("handle"), Text("spoon")
_FACE, _HELMET, _MOUTH = Text("face"), Text("helmet"), Text("mouth")
_ROCKET, _TIP, _FOOT = Text("rocket"), Text("tip"), Text("foot")


def _mask_of(corners: str) -> Label:
    """Return the mask with the corners "x,y x,y …", in per cent of the sides."""
    return mask(*(float(place) / 100 for corner in corners.split() for place in corner.split(",")))


SAMPLES: Catalog[SampleEntry] = Catalog(
    Text("sample photograph"),
    _sample(
        "chelsea",
        Text("Cat"),
        "Stéfan van der Walt",
        "CC0",
        (_CAT, box(0.07, 0.0, 0.89, 0.99)),
        (_EYE, point(0.378, 0.385)),
        (_EYE, point(0.703, 0.455)),
        (_NOSE, point(0.575, 0.815)),
        (
            _CAT,
            _mask_of(
                "8.5,0 7.5,8 7,18 6.8,28 7.5,38 9,48 10.5,57 14,66 20,74 26,82 33,89 42,94 52,97 60,95 "
                "65.5,89 69,80 72,71 76,62 79.5,52 80.2,43 79.2,33 78.3,26 81,21 83,14 84.5,8 89,0"
            ),
        ),
    ),
    _sample(
        "coffee",
        Text("Coffee"),
        "Rachel Michetti, Pikolo Espresso Bar",
        "CC0",
        (_CUP, box(0.288, 0.04, 0.69, 0.6)),
        (_SPOON, box(0.54, 0.17, 0.71, 0.815)),
        (_COFFEE, point(0.49, 0.375)),
        (_HANDLE, point(0.37, 0.69)),
        (
            _CUP,
            _mask_of(
                "28.9,27 30,19 33,13 37,8.5 42,5.5 47,4.5 52,5 57,7 62,11 66,16.5 68,23 68.2,30 67.5,38 66,46 "
                "64,52.5 61,57 55,59.5 49,60 43,59.5 38,57.5 34,53.5 31,47 29.5,38"
            ),
        ),
        (
            _SPOON,
            _mask_of(
                "66.2,18 68,16.8 70.2,17 70.7,20 69.7,25 68.7,31 67.7,38 66.3,46 64.6,54 64.3,58.5 66,61 67.5,66 67.6,71 66.5,76 "
                "64,80 60.5,81.3 57,79.5 55,75 54.4,70 55.5,66 58,62.5 61.5,60 62.3,56 64,50.5 65.5,45 67,38 68.2,31 68.2,24"
            ),
        ),
    ),
    _sample(
        "astronaut",
        Text("Astronaut"),
        "NASA (Eileen Collins)",
        "public domain",
        (_FACE, box(0.3, 0.03, 0.595, 0.385)),
        (_HELMET, box(0.545, 0.67, 0.995, 0.995)),
        (_EYE, point(0.392, 0.195)),
        (_EYE, point(0.487, 0.195)),
        (_MOUTH, point(0.437, 0.283)),
    ),
    _sample(
        "rocket",
        Text("Rocket"),
        "SpaceX",
        "public domain",
        (_ROCKET, box(0.478, 0.3, 0.53, 0.96)),
        (_TIP, point(0.503, 0.31)),
        (_FOOT, point(0.503, 0.95)),
        (
            _ROCKET,
            _mask_of("50.2,30.2 51.3,31.5 52,34 52.2,36 52.2,41 51.7,42.5 51.6,95 48.9,95 49,42.5 48.7,41 48.6,36 48.8,34 49.3,31.8"),
        ),
    ),
)


@cache
def load_sample(key: str) -> Photo:
    """Return a sample photograph."""
    entry = SAMPLES.find(key)
    return decode_photo((FOLDER / entry.file).read_bytes(), entry.file)
