"""Build page, tab Compare, with AppTest."""

import pytest

from tests.pages.test_pages import open_app, said
from vpc2 import codec
from vpc2.nets.presets import NETS
from vpc2.nets.spec import edit_param
from vpc2.nets.summary.lessons import PAIRS
from vpc2.ui.home import lecture_map


def tables(at):
    return " ".join(table.value.to_csv() for table in at.table).replace("\u00a0", " ")


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("key", list(PAIRS))
def test_a_link_opens_each_pair_in_both_languages(key, lang):
    at = open_app("build", lang, pair=key)
    assert not at.error
    assert at.selectbox(key="compare/pair").value == key
    pair = PAIRS[key]
    assert all(preset.title.say(lang) in said(at).replace("\\", "") for preset in (pair.left, pair.right))
    assert pair.title.say(lang) in at.info[0].value.replace("\\", "")
    assert ("solo en B" if lang == "es" else "only in B") in said(at)
    assert ("66, 33, 16, 8" in said(at).replace("\\", "")) == (key == "vggs")


def test_a_pair_that_does_not_exist_is_refused_in_a_sentence():
    at = open_app("build", pair="5x5-2x2")
    assert len(at.error) == 1 and "5x5" in at.error[0].value.replace("\\", "")


def test_cards_of_the_lecture_name_pairs_that_exist_and_hold_the_cards_net():
    named = [card for card in lecture_map.CARDS.values() if card.pair]
    assert len(named) == 3
    for card in named:
        pair = PAIRS[card.pair]
        assert lecture_map.link_parameters(card)["pair"] == card.pair
        assert NETS[card.example] in (pair.left, pair.right)


def test_the_note_stands_on_build_too():
    assert "66, 33, 16, 8" in said(open_app("build", s=codec.to_token(NETS["vgg19"].net))).replace("\\", "")
    assert "66, 33, 16, 8" not in said(open_app("build")).replace("\\", "")


def test_a_net_is_opened_in_build_and_undone():
    at = open_app("build", pair="alexnets")
    before = at.metric[0].value
    at.button(key="compare/open/B").click().run()
    assert not at.exception and at.metric[0].value == "61,100,840"
    at.button(key="undo/net").click().run()
    assert at.metric[0].value == before


def test_my_net_against_what_i_kept():
    at = open_app("build", pair="5x5-3x3")
    at.selectbox(key="compare/pair").select("mine").run()
    at.button(key="compare/keep").click().run()
    assert not at.exception and "changed" not in tables(at) and "only in" not in tables(at)
    at.selectbox[0].select("tiny").run()
    assert at.selectbox(key="compare/other").value == "kept" and ("changed" in tables(at) or "only in" in tables(at))


def test_a_net_that_does_not_fit_is_compared_as_far_as_it_goes():
    net = NETS["alexnet"].net
    at = open_app("build", pair="alexnets", s=codec.to_token(edit_param(net, net.layers[3].id, "kernel_size", 300)))
    errors = len(at.error)
    at.selectbox(key="compare/pair").select("mine").run()
    at.selectbox(key="compare/other").select("alexnet").run()
    assert not at.exception and len(at.error) == errors + 1 and "300" in at.error[-1].value
    assert "≠ changed" in tables(at) and "55 × 55 × 96" in tables(at)


@pytest.mark.parametrize("key", ["vgg16", "resnet18"])
def test_the_headline_and_the_comparison_show_one_receptive_field(key):
    at = open_app("build", pair="alexnets", s=codec.to_token(NETS[key].net))
    at.selectbox(key="compare/pair").select("mine").run()
    title = "Receptive field"
    (headline,) = [metric.value for metric in at.metric if metric.label == title]
    (row,) = [table.value.to_dict("records")[3] for table in at.table if title in map(str, table.value.iloc[:, 0])]
    assert not at.exception and headline == row["A"].replace("\u00a0", " ")
    if key == "vgg16":
        assert headline == "212 px"


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_totals_say_how_multiply_adds_are_counted(lang):
    at = open_app("build", lang)
    (metric,) = [one for one in at.metric if one.label == {"en": "Multiply-adds", "es": "Multiplicaciones-sumas"}[lang] and one.help]
    assert all(word in metric.help for word in ("torchinfo", "fvcore", "48"))
