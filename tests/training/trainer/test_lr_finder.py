"""The learning rate finder: on curves with a known answer, and on real recipes by training with its suggestion."""

import math
from dataclasses import replace

import pytest

from vpc2.training.trainer.lr_finder import HIGHEST, LOWEST, STEPS, find_rate, suggest
from vpc2.training.trainer.trainer import fit

RATES = [LOWEST * (HIGHEST / LOWEST) ** (i / (STEPS - 1)) for i in range(STEPS)]


@pytest.mark.parametrize("centre", [1e-4, 1e-3, 1e-2, 0.1])
def test_the_steepest_place_of_a_known_curve_is_found(centre):
    losses = [2.3 - 1.5 / (1 + math.exp(-3 * (math.log(rate) - math.log(centre)))) for rate in RATES]
    assert math.log10(suggest(RATES, losses)) == pytest.approx(math.log10(centre), abs=0.15)


def test_a_curve_that_never_falls_has_no_suggestion():
    assert suggest(RATES, [2.3] * STEPS) is None
    assert suggest(RATES, [2.3 + i / 10 for i in range(STEPS)]) is None
    assert suggest(RATES[:5], [5, 4, 3, 2, 1]) is None


def test_training_with_the_suggestion_beats_rates_far_from_it(make_recipe):
    recipe, events = make_recipe(epochs=3, schedule="constant", optimiser="sgd"), []
    found = find_rate(recipe, events.append)
    assert events[0]["type"] == "start" and events[-1]["suggestion"] == found and f"{found:.2g}" in events[-1]["reason"]["en"]
    rates = [event["learning_rate"] for event in events if event["type"] == "rate"]
    assert rates == sorted(rates) and len(rates) > 50

    def loss_with(rate):
        heard = []
        fit(replace(recipe, settings={**recipe.settings, "learning_rate": rate}), heard.append)
        return [event["val_loss"] for event in heard if event["type"] == "epoch"][-1]

    assert loss_with(found) < loss_with(found / 100)
    assert find_rate(recipe, lambda event: None) == found, "the same recipe gives the same answer"


def test_it_can_be_stopped(recipe):
    events = []
    find_rate(recipe, events.append, should_stop=lambda: sum(event["type"] == "rate" for event in events) >= 5)
    assert events[-1]["state"] == "stopped" and events[-1]["suggestion"] is None
