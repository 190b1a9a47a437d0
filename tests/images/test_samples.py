"""The sample photographs of the app."""

import pytest

from vpc2.images.samples import FOLDER, SAMPLES, load_sample
from vpc2.text import Refusal


@pytest.mark.parametrize("key", SAMPLES)
def test_every_sample_is_small_credited_and_readable(key):
    entry, photo = SAMPLES[key], load_sample(key)
    assert (FOLDER / entry.file).stat().st_size < 120_000 and max(photo.size) <= 768 and photo.notes == ()
    (row,) = [line for line in (FOLDER / "CREDITS.md").read_text().splitlines() if f"`{entry.file}`" in line]
    assert f"| {entry.licence} |" in row and entry.credit.split(",")[0].split(" (")[0] in row and entry.licence in ("CC0", "public domain")


def test_the_table_is_the_folder():
    assert {entry.file for entry in SAMPLES.values()} == {path.name for path in FOLDER.glob("*.jpg")}
    assert {"chelsea", "coffee"} <= set(SAMPLES) and len(SAMPLES) >= 4


def test_an_unknown_sample_is_refused():
    with pytest.raises(Refusal, match="chelsea"):
        load_sample("chelsee")
