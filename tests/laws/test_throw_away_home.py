"""Throw-away entries of the tables of home."""

from tests.laws.throw_away import HELP, TITLE, WORDS, add, throws_away
from tests.pages.test_pages import open_app, said
from vpc2.nets.presets import NETS
from vpc2.nets.summary.summarise import summarise
from vpc2.ui.home.lecture_map import LectureCard, StartButton, link_parameters


@throws_away(CARDS=LectureCard)
def test_a_card(offer):
    card = add(offer, "CARDS", LectureCard(key="thrown", page="build", example="tiny", pair="5x5-3x3", **WORDS))
    at = open_app("home")
    assert f"**{TITLE.en}**" in said(at) and HELP.en in said(at)
    at = open_app("build", **link_parameters(card))
    assert not at.error and at.metric[0].value == f"{summarise(NETS['tiny'].net).params:,}"


@throws_away(FIRST=StartButton)
def test_a_start(offer):
    first = add(offer, "FIRST", StartButton(key="thrown", page="build", title=TITLE, example="tiny", icon=":material/bolt:"))
    at = open_app("home")
    assert TITLE.en in [one.label for one in at.button]
    at = open_app("build", **link_parameters(first))
    assert not at.error and not at.info and at.metric[0].value == f"{summarise(NETS['tiny'].net).params:,}"
