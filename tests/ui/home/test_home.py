"""Home: every card opens what it names, and the limits told are the server's own."""

import re
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from tests.ui.pages import ROOT, open_page, words
from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.nets.presets import NETS
from vpc2.system.host import LIMITS, UNITS
from vpc2.training.presets import RECIPES
from vpc2.ui.home import lecture_map

TABLES = {"augment": (PIPELINES, "pipeline"), "build": (NETS, "net"), "train": (RECIPES, "recipe")}


@pytest.mark.parametrize("card", [*lecture_map.FIRST.values(), *lecture_map.CARDS.values()], ids=lambda card: card.key)
def test_a_card_opens_the_example_it_names(card):
    query = lecture_map.link_parameters(card)
    assert bool(card.example) == ("s" in query)
    if card.example:
        table, attribute = TABLES[card.page]
        wanted = getattr(table[card.example], attribute)
        assert codec.digest(codec.from_token(query["s"]).spec) == codec.digest(wanted)
        assert query["s"] in lecture_map.example_tokens()


@pytest.mark.parametrize("card", [card for card in lecture_map.CARDS.values() if card.page == "build"][:2], ids=lambda card: card.key)
def test_who_comes_from_a_card_is_not_told_that_a_link_was_opened(card):
    at = open_page(card.page, query=lecture_map.link_parameters(card))
    assert not at.error and not any("Opened from the link" in one.value for one in at.info)


def test_a_photograph_and_its_draws_stand_at_the_top(media):
    at = open_page("home")
    shown = media.pictures(at)
    assert [alt for alt, _one in shown] == ["The original photograph", *["The same photograph, augmented"] * 5]
    assert len({one.tobytes() for _alt, one in shown}) == 6


def test_the_original_at_the_top_is_the_photograph_itself(media):
    """Pillow opens the sample and makes it as small: it is the first picture, and none of the augmented ones."""
    shown = [one.astype(float) for _alt, one in media.pictures(open_page("home"))]
    with Image.open(ROOT / "assets" / "samples" / f"{lecture_map.HERO}.jpg") as sample:
        wanted = np.asarray(sample.convert("RGB").resize(shown[0].shape[1::-1], Image.Resampling.BOX), float)
    gaps = [np.abs(one - wanted).mean() if one.shape == wanted.shape else np.inf for one in shown]
    assert gaps[0] < 5 and min(gaps[1:]) > 2 * gaps[0], gaps


def test_the_limits_are_those_of_the_host():
    rows = re.findall(r"\| ([^|]+?) \| ([\d,.]+) ?([^|]*?) \| `(\w+)` \|", words(open_page("home"), "markdown"))
    told = {name: (float(value.replace(",", "")), unit) for _title, value, unit, name in rows}
    assert set(told) == {one.name for one in fields(LIMITS)}
    for name, (value, unit) in told.items():
        assert value == pytest.approx(getattr(LIMITS, name) / UNITS.get(unit, 1), abs=0.5), name
