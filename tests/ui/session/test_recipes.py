"""A recipe taken into the form: what it names is chosen there, and what the visitor made stays unless the recipe brings its own."""

from dataclasses import replace

import pytest

from vpc2.augment.presets import PIPELINES
from vpc2.nets.presets import NETS
from vpc2.predict.spec import Backbone
from vpc2.training.presets import RECIPES
from vpc2.ui.session import recipes, workspace

OWN_PIPELINE, OWN_NET = replace(PIPELINES["strong"].pipeline, seed=77), replace(NETS["lenet5"].net, name="mine", input=(3, 40, 40))
DIGITS = replace(RECIPES["digits"].recipe, net=NETS["small"].net)


@pytest.fixture
def session(monkeypatch):
    kept = {}
    monkeypatch.setattr(workspace.st, "session_state", kept)
    workspace.save(OWN_PIPELINE)
    workspace.save(OWN_NET)
    return kept


@pytest.mark.parametrize(("pipeline", "chosen"), [(PIPELINES["gentle"].pipeline, "gentle"), (None, "none")])
def test_a_recipe_of_presets_leaves_the_visitors_net_and_pipeline_as_they_are(session, pipeline, chosen):
    recipe = replace(DIGITS, pipeline=pipeline)
    recipes.load_recipe(recipe)
    assert workspace.load("recipe") == recipe
    assert (workspace.load("pipeline"), workspace.load("net")) == (OWN_PIPELINE, OWN_NET)
    assert (session["train/net"], session["train/pipeline"]) == ("small", chosen)


def test_a_recipe_with_a_net_and_a_pipeline_of_its_own_brings_them_and_undo_takes_them_back(session):
    net, pipeline = replace(OWN_NET, name="theirs"), replace(OWN_PIPELINE, seed=5)
    recipes.load_recipe(replace(DIGITS, net=net, pipeline=pipeline))
    assert (workspace.load("pipeline"), workspace.load("net")) == (pipeline, net)
    assert (session["train/net"], session["train/pipeline"]) == (recipes.FROM_BUILD, recipes.FROM_AUGMENT)
    for kind, own in (("pipeline", OWN_PIPELINE), ("net", OWN_NET)):
        workspace.step_back(kind)
        assert workspace.load(kind) == own


def test_a_pretrained_net_is_chosen_by_its_name(session):
    recipes.load_recipe(replace(DIGITS, net=Backbone()))
    assert session["train/net"] == recipes.BACKBONE_PREFIX + Backbone().ready and workspace.load("net") == OWN_NET
