from dataclasses import replace
from statistics import fmean

import pytest

from vpc2 import codec
from vpc2.data.datasets import DATASETS
from vpc2.training.checks import check_recipe, fit_to_data
from vpc2.training.presets import RECIPES
from vpc2.training.settings import SETTINGS
from vpc2.training.trainer.trainer import fit


@pytest.mark.parametrize("key", RECIPES)
def test_every_recipe_can_be_trained_as_it_stands(key):
    recipe = RECIPES[key].recipe
    assert check_recipe(recipe) is None
    fitted, notes = fit_to_data(recipe)
    assert fitted == recipe or len(notes) == 1  # at most the number of outputs follows the data
    assert recipe.dataset in DATASETS
    assert SETTINGS.clean(recipe.settings) == recipe.settings


@pytest.mark.parametrize("key", RECIPES)
def test_every_recipe_survives_travel(key):
    recipe = RECIPES[key].recipe
    assert codec.from_json(codec.to_json(recipe)).spec == recipe
    assert codec.from_token(codec.to_token(recipe), "recipe").spec == recipe


def test_hands_with_and_without_differ_in_the_pipeline_alone():
    plain, augmented = RECIPES["hands"].recipe, RECIPES["hands-augmented"].recipe
    assert plain.pipeline is None and augmented.pipeline is not None
    assert (plain.net, plain.settings, plain.dataset) == (augmented.net, augmented.settings, augmented.dataset)


@pytest.mark.slow
@pytest.mark.parametrize(("key", "least"), [("hands", 0.86), ("hands-augmented", 0.92)])
def test_hands_of_people_never_seen_are_told_apart(key, least, hands_folder):
    """The mean of two seeds: one alone is 5 points of luck. The epochs end these runs, so a slow machine trains as far as a quick one."""
    recipe, accuracies = RECIPES[key].recipe, []
    for seed in (1, 2):
        events = []
        fit(replace(recipe, settings={**recipe.settings, "budget_s": 600.0, "seed": seed}), events.append)
        accuracies.append(events[-1]["test_accuracy"])
        assert len(set(events[0]["classes"])) == 10
    assert fmean(accuracies) >= least, accuracies


@pytest.mark.parametrize(("key", "least"), [("digits", 0.97), ("shapes", 0.88)])
def test_what_needs_no_download_is_learned(key, least):
    """As soon as the validation pictures are known so well that the test pictures must be, the run has shown it and is stopped."""
    recipe = RECIPES[key].recipe
    events = []

    def is_learned() -> bool:
        return any(event["type"] == "epoch" and event["val_accuracy"] >= least + 0.06 for event in events)

    fit(replace(recipe, settings={**recipe.settings, "budget_s": 600.0}), events.append, should_stop=is_learned)
    assert events[-1]["test_accuracy"] >= least
