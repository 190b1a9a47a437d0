"""What was made on Build and Augment is what Train takes up, in words and with a way back; a reload keeps all of it."""

from dataclasses import replace

from tests.ui.pages import checked, open_page, slot, words
from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.nets.presets import NETS
from vpc2.nets.spec import edit_add
from vpc2.training.presets import RECIPES
from vpc2.ui.session import recipes

NET = replace(edit_add(NETS["hands48"].net, "ReLU"), name="mine")
PIPELINE = replace(PIPELINES["gentle"].pipeline, seed=99)


def made(spec):
    return {**slot(spec), "is_made": True}


def recipe_of(at):
    kept = at.session_state["slot/recipe"]
    return codec.from_document(kept["documents"][kept["at"]], "recipe").spec


def test_what_was_changed_elsewhere_is_chosen_and_its_pictures_have_its_side():
    at = open_page("train", slot__net=made(NET), slot__pipeline=made(PIPELINE))
    recipe = recipe_of(at)
    assert (recipe.net, recipe.pipeline, recipe.settings["size_px"]) == (NET, PIPELINE, 48)
    assert words(at, "caption").count("Chosen because you changed it") == 2
    assert "48 × 48 px, as the net was made for" in words(at) and "8 × 8 px: they are enlarged" in words(at)


def test_there_is_a_way_back_and_what_comes_back_stays():
    at = open_page("train", slot__net=made(NET))
    at = checked(at.button(key="back/net").click().run())
    digits = RECIPES["digits"].recipe
    assert recipe_of(at).net == digits.net and recipe_of(at).settings["size_px"] == digits.net.input[1]
    assert "Chosen because" not in words(checked(at.run()))
    assert recipe_of(at).net == digits.net


def test_another_choice_ends_the_offer():
    at = open_page("train", slot__net=made(NET))
    box = next(box for box in at.selectbox if box.label == "Net")
    at = checked(box.set_value("lenet5").run())
    assert recipe_of(at).net == NETS["lenet5"].net and recipe_of(at).settings["size_px"] == 32
    assert "Chosen because" not in words(at)


def test_what_was_not_changed_is_not_taken_up():
    at = open_page("train", slot__net=slot(NET), slot__pipeline=slot(PIPELINE))
    assert recipe_of(at) == RECIPES["digits"].recipe and "Chosen because" not in words(at)


def reloaded(work, **query):
    """Return Train as a reload makes it: drawn once as for a newcomer, then again with what the browser had kept."""
    at = open_page("train", query=query)
    session = at.session_state["visitor/word"]
    at.session_state["visitor"] = {"id": "1" * 32, "stored": {"session": session, "work": work, "earlier": {}, "opened": ""}}
    return checked(checked(at.run()).run())


def test_a_reload_keeps_data_net_augmentation_and_settings():
    recipe = replace(RECIPES["shapes"].recipe, net=NET, pipeline=PIPELINE)
    recipe = replace(recipe, settings={**recipe.settings, "size_px": 40, "epochs": 7})
    work = {kind: codec.to_token(spec) for kind, spec in (("recipe", recipe), ("net", NET), ("pipeline", PIPELINE))}
    at = reloaded({**work, "train/net": recipes.FROM_BUILD, "train/pipeline": recipes.FROM_AUGMENT})
    assert recipe_of(at) == recipe
    assert (at.session_state["train/net"], at.session_state["train/pipeline"]) == (recipes.FROM_BUILD, recipes.FROM_AUGMENT)


def test_a_reload_keeps_ready_made_choices_and_a_work_stored_by_an_older_version():
    recipe = replace(RECIPES["shapes"].recipe, net=NETS["lenet5"].net, pipeline=PIPELINES["basic"].pipeline)
    for kept in ({"train/net": "lenet5", "train/pipeline": "basic"}, {}):
        at = reloaded({"recipe": codec.to_token(recipe), **kept})
        assert recipe_of(at) == recipe
        assert (at.session_state["train/net"], at.session_state["train/pipeline"]) == ("lenet5", "basic")


def test_names_that_no_page_wrote_are_not_restored():
    recipe = RECIPES["shapes"].recipe
    at = reloaded({"recipe": codec.to_token(recipe), "train/net": "<b>x</b>", "train/pipeline": ["none"], "judge/classifier": {"a": 1}})
    assert recipe_of(at) == recipe and "judge/classifier" not in at.session_state
