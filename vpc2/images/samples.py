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
    """A photograph in `assets/samples`, with who made it and under which licence."""

    file: str
    credit: str
    licence: str


def _sample(key: str, en: str, es: str, credit: str, licence: str) -> SampleEntry:
    return SampleEntry(key=key, title=Text(en, es), help=Text("", ""), file=f"{key}.jpg", credit=credit, licence=licence)


SAMPLES: Catalog[SampleEntry] = Catalog(
    Text("sample photograph", "foto de ejemplo"),
    _sample("chelsea", "Cat", "Gato", "Stéfan van der Walt", "CC0"),
    _sample("coffee", "Coffee", "Café", "Rachel Michetti, Pikolo Espresso Bar", "CC0"),
    _sample("astronaut", "Astronaut", "Astronauta", "NASA (Eileen Collins)", "public domain"),
    _sample("rocket", "Rocket", "Cohete", "SpaceX", "public domain"),
)


@cache
def load_sample(key: str) -> Photo:
    """Return a sample photograph."""
    entry = SAMPLES.find(key)
    return decode_photo((FOLDER / entry.file).read_bytes(), entry.file)
