"""The photographs that come with the app; licences and authors are in `assets/samples/CREDITS.md`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vpc2.catalog import Catalog, Entry
from vpc2.images.decode import Photo, decode_photo
from vpc2.words import Text

FOLDER = Path(__file__).parents[2] / "assets" / "samples"


@dataclass(frozen=True, kw_only=True)
class SampleEntry(Entry):
    """A photograph in `assets/samples`, with who made it and under which licence.

    `boxes` (x0, y0, x1, y1) and `points` (x, y) mark what is on it, in shares of its sides.
    """

    file: str
    credit: str
    licence: str
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    points: tuple[tuple[float, float], ...] = ()


def _sample(key: str, en: str, es: str, credit: str, licence: str, **labels: tuple) -> SampleEntry:
    return SampleEntry(key=key, title=Text(en, es), help=Text("", ""), file=f"{key}.jpg", credit=credit, licence=licence, **labels)


SAMPLES: Catalog[SampleEntry] = Catalog(
    Text("sample photograph", "foto de ejemplo"),
    _sample(
        "chelsea",
        "Cat",
        "Gato",
        "Stéfan van der Walt",
        "CC0",
        boxes=((0.07, 0.01, 0.84, 0.99),),
        points=((0.378, 0.385), (0.703, 0.455), (0.575, 0.815)),
    ),
    _sample(
        "coffee",
        "Coffee",
        "Café",
        "Rachel Michetti, Pikolo Espresso Bar",
        "CC0",
        boxes=((0.288, 0.04, 0.69, 0.6), (0.54, 0.17, 0.71, 0.815)),
        points=((0.49, 0.375), (0.37, 0.69)),
    ),
    _sample(
        "astronaut",
        "Astronaut",
        "Astronauta",
        "NASA (Eileen Collins)",
        "public domain",
        boxes=((0.3, 0.03, 0.595, 0.385), (0.545, 0.67, 0.995, 0.995)),
        points=((0.392, 0.195), (0.487, 0.195), (0.437, 0.283)),
    ),
    _sample(
        "rocket",
        "Rocket",
        "Cohete",
        "SpaceX",
        "public domain",
        boxes=((0.478, 0.3, 0.53, 0.96),),
        points=((0.503, 0.31), (0.503, 0.95)),
    ),
)


@cache
def load_sample(key: str) -> Photo:
    """Return a sample photograph."""
    entry = SAMPLES.find(key)
    return decode_photo((FOLDER / entry.file).read_bytes(), entry.file)
