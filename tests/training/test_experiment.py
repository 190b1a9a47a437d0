"""An experiment from its two recipes to its numbers, with the real loop."""

from dataclasses import replace

import pytest

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.training.checks import check_recipe
from vpc2.training.experiment import ExperimentStore, read_outcome
from vpc2.training.presets import EXPERIMENTS
from vpc2.training.spec import Experiment, without
from vpc2.training.worker import train
from vpc2.words import Refusal


@pytest.fixture
def spec(make_recipe):
    recipe = replace(make_recipe(epochs=2), pipeline=PIPELINES["gentle"].pipeline)
    return Experiment(without(recipe), recipe, "without", "with", 2)


def test_pairs_share_everything_but_what_is_compared(spec):
    seeds = set()
    for left, right in spec.recipes():
        assert left.settings == right.settings and left.net == right.net and left.pipeline is None and right.pipeline is not None
        seeds.add(left.settings["seed"])
    assert len(seeds) == 2 and spec.left.settings["seed"] in seeds


def test_it_travels(spec):
    assert codec.from_token(codec.to_token(spec)).spec == spec


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_the_questions_of_the_lecture_can_be_asked(key):
    spec = EXPERIMENTS[key].experiment
    assert spec.left != spec.right and len(codec.to_token(spec)) < codec.MAX_TOKEN_CHARS
    for recipe in (spec.left, spec.right):
        assert check_recipe(recipe) is None


def test_two_equal_sides_are_refused(store, spec):
    with pytest.raises(Refusal, match="same recipe"):
        ExperimentStore(store).create(replace(spec, left=spec.right), "me")
    with pytest.raises(Refusal, match="same pictures"):
        ExperimentStore(store).create(replace(spec, left=replace(spec.left, dataset="shapes")), "me")
    assert store.list() == [], "nothing is left behind"


def test_from_two_recipes_to_a_gap_and_what_was_lost_is_named(store, spec):
    experiments = ExperimentStore(store)
    filed = experiments.create(spec, "me")
    assert read_outcome(filed, store).going == 4
    for run_id in filed.runs[:3]:
        assert train(store.get(run_id)) == "finished"
    store.request_stop(filed.runs[3], by="me")
    again = ExperimentStore(store).get(filed.id)  # as after a restart
    assert again == filed
    outcome = read_outcome(again, store)
    assert outcome.is_over and len(outcome.accuracies) == 1 and outcome.lost == (store.get(filed.runs[3]).name,)
    left, right = outcome.accuracies[0]
    assert outcome.gap.mean == pytest.approx(right - left) and outcome.gap.low <= outcome.gap.mean <= outcome.gap.high
    with pytest.raises(Refusal):
        experiments.delete(filed.id, by="somebody")
    experiments.delete(filed.id, by="me")
    assert experiments.list("me") == [] and store.get(filed.runs[0])


@pytest.mark.parametrize("name", ["", "../x", "nothing", None, 7])
def test_junk_is_no_experiment(store, name):
    with pytest.raises(Refusal):
        ExperimentStore(store).get(name)
