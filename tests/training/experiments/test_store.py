"""An experiment from its two recipes to its numbers, with the real loop."""

from dataclasses import replace

import pytest

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.text import Refusal
from vpc2.training.checks import check_recipe
from vpc2.training.experiments.comparison import share_of_test
from vpc2.training.experiments.store import ExperimentStore, is_still_rising, more_epochs, read_experiment_status, validation_curves
from vpc2.training.presets import EXPERIMENTS
from vpc2.training.queue.worker import train
from vpc2.training.runs.events import EventWriter
from vpc2.training.spec import Experiment, without


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


def test_experiments_survive_a_round_trip_as_document_and_link(spec):
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
    stored = experiments.create(spec, "me")
    assert read_experiment_status(stored, store).going == 4
    for run_id in stored.runs[:3]:
        assert train(store.get(run_id)) == "finished"
    store.request_stop(stored.runs[3], by="me")
    again = ExperimentStore(store).get(stored.id)  # as after a restart
    assert again == stored
    status = read_experiment_status(again, store)
    assert status.is_over and len(status.accuracies) == 1 and status.lost == (store.get(stored.runs[3]).name,)
    left, right = status.accuracies[0]
    assert not status.gap.is_clear, "one pair is one seed"
    side = status.side(1, "with")
    assert 0 <= side.low <= right <= side.high <= 1 and status.pictures > 20
    assert [len(curve) for side in validation_curves(again, store) for curve in side] == [2, 2, 2]
    assert status.gap.mean == pytest.approx(right - left) and status.gap.low <= status.gap.mean <= status.gap.high
    with pytest.raises(Refusal):
        experiments.delete(stored.id, by="somebody")
    experiments.delete(stored.id, by="me")
    assert experiments.list("me") == [] and store.get(stored.runs[0])


def test_the_copies_of_a_side_are_on_the_bill_of_that_side(store, spec):
    """Offline augmentation draws before the first step: what that took is added to the seconds of the run that did it."""
    stored = ExperimentStore(store).create(spec, "me")
    took = {}
    for i, run_id in enumerate(stored.runs):
        took[run_id] = (10.0 + i, 0.0 if run_id in [left for left, _right in stored.pairs] else 7.0 + i)
        writer = EventWriter(store.get(run_id).folder)
        writer.write({"type": "start", "classes": ["a", "b"], "copies_s": took[run_id][1]})
        writer.write({"type": "end", "state": "finished", "test_accuracy": 0.5, "test_hits": "1100", "elapsed_s": took[run_id][0]})
        writer.close()
    status = read_experiment_status(stored, store)
    assert status.seconds == tuple((sum(took[left]), sum(took[right])) for left, right in stored.pairs)
    assert status.side(0, "l").seconds == sum(took[left][0] for left, _right in stored.pairs) / 2


@pytest.mark.parametrize("name", ["", "../x", "nothing", None, 7])
def test_junk_is_no_experiment(store, name):
    with pytest.raises(Refusal):
        ExperimentStore(store).get(name)


def test_twice_the_epochs_take_twice_the_time_and_no_more_than_there_may_be(spec):
    longer = more_epochs(spec)
    assert longer.left.settings["epochs"] == 2 * spec.left.settings["epochs"]
    assert longer.right.settings["budget_s"] == min(2 * spec.right.settings["budget_s"], 600)
    assert replace(longer.left, settings=spec.left.settings) == spec.left
    for _time in range(20):
        longer = more_epochs(longer)
    assert (longer.left.settings["epochs"], longer.left.settings["budget_s"]) == (10_000, 600)


@pytest.mark.parametrize(
    ("ends", "is_rising"),
    [
        ([0.4, 0.9], True),  # two epochs, and most is still to come
        ([0.2, 0.4, 0.6, 0.7, 0.78, 0.84, 0.88, 0.92], True),
        ([0.2, 0.6, 0.8, 0.9, 0.905, 0.903, 0.906, 0.904], False),
        ([0.2, 0.6, 0.8, 0.9, 0.84, 0.93, 0.86, 0.95], False),  # jumps more than it rises
        ([0.9, 0.8, 0.7, 0.6], False),
        ([0.5], False),
        ([], False),
    ],
)
def test_curves_that_still_rise_are_told_from_those_that_jump(ends, is_rising):
    assert is_still_rising([ends, [value + 0.01 for value in ends]]) is is_rising
    assert is_still_rising([]) is False


def test_the_test_of_a_run_carries_its_counts_and_an_old_record_none():
    from scipy.stats import binomtest

    wanted = binomtest(3, 4).proportion_ci(method="wilson")
    singly = share_of_test({"test_accuracy": 0.75, "test_hits": "1101"})
    counted = share_of_test({"test_accuracy": 0.75, "test_hits": None, "confusion": [[1, 1], [0, 2]]})
    assert singly == counted and (singly.hits, singly.n, singly.low, singly.high) == (
        3,
        4,
        pytest.approx(wanted.low),
        pytest.approx(wanted.high),
    )
    grouped = share_of_test({"test_accuracy": 0.5, "test_hits": "1" * 8 + "0" * 8, "test_groups": [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4})
    assert grouped.people == 4 and grouped.high - grouped.low > 0.7, "four people who are right or wrong whole"
    assert share_of_test({"test_accuracy": None}) is None and share_of_test({"test_accuracy": 0.9}) is None


def test_what_with_was_is_told_by_name_and_steps(spec, monkeypatch):
    import streamlit as st

    from vpc2.ui.train.experiment_texts import describe_augmentation

    for lang, name, step, nothing in (
        ("en", PIPELINES["gentle"].title.en, "Affine", "no augmentation"),
        ("es", PIPELINES["gentle"].title.say("es"), "", "sin aumento de datos"),
    ):
        monkeypatch.setattr(st, "session_state", {"lang": lang})
        said = describe_augmentation(spec.right)
        assert said.startswith(f"{name} (") and step in said
        assert describe_augmentation(spec.left) == nothing
    own = replace(spec.right, pipeline=replace(spec.right.pipeline, name="", seed=7))
    assert describe_augmentation(own) == said.removeprefix(f"{name} (").removesuffix(")")
