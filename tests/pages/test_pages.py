"""Every page with AppTest: it draws without errors in both languages, and edits are kept."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.nets.presets import NETS
from vpc2.nets.spec import edit_param
from vpc2.training.presets import RECIPES

ROOT = Path(__file__).parents[2]
PAGES = ("home", "augment", "build", "train", "judge")


def open_app(page="home", lang="en", **query):
    at = AppTest.from_file(str(ROOT / "vpc2" / "ui" / "app.py"), default_timeout=120)
    at.query_params["lang"] = lang
    at.run()
    for key, value in query.items():
        at.query_params[key] = value
    at.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    assert not at.exception, at.exception[0].stack_trace if at.exception else ""
    return at


def said(at):
    return " ".join(str(element.value) for kind in (at.markdown, at.caption, at.error, at.info, at.title, at.metric) for element in kind)


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_draws_in_both_languages(page, lang):
    at = open_app(page, lang)
    assert not at.error, at.error[0].value if at.error else ""
    assert len(said(at)) > 100


def test_a_link_brings_its_net_and_an_impossible_kernel_is_refused_in_words():
    net = NETS["alexnet"].net
    at = open_app("build", s=codec.to_token(edit_param(net, net.layers[0].id, "kernel_size", 300)))
    assert any("300" in error.value and "227" in error.value for error in at.error)


def test_a_junk_link_leaves_the_page_as_it_was():
    at = open_app("build", s="AAAA-not-a-link")
    assert len(at.error) == 1
    assert (
        at.metric[0].value == f"{__import__('vpc2.nets.summary.summarise', fromlist=['summarise']).summarise(NETS['small'].net).params:,}"
    )


def test_a_preset_can_be_undone():
    at = open_app("build")
    first = at.metric[0].value
    at.selectbox[0].select("alexnet").run()
    assert at.metric[0].value == "62,378,344"
    next(button for button in at.button if button.key == "undo/net").click().run()
    assert at.metric[0].value == first


@pytest.mark.parametrize(
    ("page", "table", "attribute", "first"),
    [("augment", PIPELINES, "pipeline", "basic"), ("build", NETS, "net", "small"), ("train", RECIPES, "recipe", "digits")],
)
def test_what_is_picked_is_taken_once_also_when_it_is_there_already(page, table, attribute, first):
    """A select box that kept its choice would apply it again at every rerun."""
    at = open_app(page)
    other = next(key for key in table if key != first)
    for wanted in (first, other, other, first, first):
        box = next(box for box in at.selectbox if box.key.startswith(f"{attribute}/preset/"))
        assert box.value is None
        box.select(wanted).run(timeout=60)
        slot = at.session_state[f"slot/{attribute}"]
        found = codec.from_document(slot["documents"][slot["at"]]).spec
        assert not at.exception and codec.digest(found) == codec.digest(getattr(table[wanted], attribute))


def test_the_same_step_can_be_added_twice_and_too_many_are_refused_once():
    at = open_app("augment")
    steps = lambda: at.session_state["slot/pipeline"]["documents"][-1]["steps"]  # noqa: E731
    there, most = len(steps()), 40
    while not at.error and most:
        next(box for box in at.selectbox if box.key.startswith("pipeline/add/")).select("RandomHorizontalFlip").run(timeout=60)
        most -= 1
    full = len(steps())
    assert full > there + 1 and len(at.error) == 1
    at.run(timeout=60)
    assert not at.error and len(steps()) == full


def test_draw_again_changes_the_seed_and_undo_brings_it_back():
    at = open_app("augment")
    before = at.session_state["slot/pipeline"]["documents"][-1]["seed"]
    at.button(key="redraw").click().run()
    slot = at.session_state["slot/pipeline"]
    assert slot["documents"][slot["at"]]["seed"] != before
    at.button(key="undo/pipeline").click().run()
    slot = at.session_state["slot/pipeline"]
    assert slot["documents"][slot["at"]]["seed"] == before


def test_a_recipe_link_brings_net_and_pipeline_along():
    recipe = RECIPES["hands-augmented"].recipe
    at = open_app("build", s=codec.to_token(recipe))
    slot = at.session_state["slot/net"]
    assert codec.from_document(slot["documents"][slot["at"]]).spec == recipe.net
    slot = at.session_state["slot/pipeline"]
    assert codec.from_document(slot["documents"][slot["at"]]).spec == recipe.pipeline


def test_a_pipeline_travels_from_augment_to_train():
    at = open_app("train", s=codec.to_token(PIPELINES["strong"].pipeline))
    source = next(box for box in at.selectbox if box.key and box.key.endswith("/pipeline"))
    source.select("augment").run()
    slot = at.session_state["slot/recipe"]
    assert codec.from_document(slot["documents"][slot["at"]]).spec.pipeline == PIPELINES["strong"].pipeline
