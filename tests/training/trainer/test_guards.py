"""The divergence guard: a loss is compared with that of guessing and with the first loss."""

import math
import shutil
from dataclasses import replace

import pytest

from vpc2.predict.classifier import save_classifier
from vpc2.training.presets import RECIPES
from vpc2.training.runs.file_names import START_NAME
from vpc2.training.trainer.guards import RISEN_STEPS, DivergenceGuard
from vpc2.training.trainer.trainer import fit


def breach_at(losses, classes=10):
    """Return the index of the first loss that counts as diverged, and its description."""
    guard = DivergenceGuard(classes)
    for at, loss in enumerate(losses):
        description = guard.check(loss)
        if description is not None:
            return at, description
    return None, None


def test_a_trained_net_may_rise_far_above_where_it_began():
    assert breach_at([0.004] + [0.17] * 200 + [2.3] * 200)[0] is None
    assert breach_at([1e-9] + [5.0] * 200, classes=2)[0] is None


def test_an_untrained_net_may_begin_far_above_guessing():
    assert breach_at([40_000.0, 30_000.0, 9_000.0] + [100.0] * 50)[0] is None


def test_a_loss_that_stays_far_above_both_is_huge_and_said_with_numbers():
    at, words = breach_at([2.4] + [30.0] * 100)
    assert (
        at == RISEN_STEPS
        and words.en == "huge (30, where guessing gives 2.30)"
        and words.say("es") == "enorme (30, cuando adivinar da 2,30)"
    )
    assert breach_at([2.4] + ([30.0] * (RISEN_STEPS - 1) + [3.0]) * 9)[0] is None, "it came back every time"


def test_a_huge_loss_of_nineteen_steps_is_tolerated_and_of_twenty_ends_the_run():
    """A warm-up or a bad batch lifts a loss for a few steps; what stays ten times too high for twenty does not come back."""
    assert breach_at([2.4] + ([30.0] * 19 + [3.0]) * 4)[0] is None
    assert breach_at([2.4] + [30.0] * 60)[0] == 20
    assert breach_at([2.4] + [23.9] * 60)[0] is None and breach_at([2.4] + [24.1] * 60)[0] == 20, "ten times the first loss"
    assert breach_at([2.4, 2.3e4])[0] is None and breach_at([2.4, 2.5e4])[0] == 1, "ten thousand times in one step"


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_of_nan_ends_the_run_at_once(loss):
    assert breach_at([2.3, loss])[0] == 1 and breach_at([loss])[0] == 0


def test_a_single_absurdly_large_loss_ends_the_run_at_once():
    assert breach_at([2.3, 1e9])[0] == 1


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The file of a net that is always right on what it learned, and sure of it."""
    path = tmp_path_factory.mktemp("trained") / START_NAME
    save_classifier(fit(digits(epochs=40), lambda event: None), path)
    return path


def digits(**settings):
    recipe = RECIPES["digits"].recipe
    return replace(recipe, settings={**recipe.settings, "budget_s": 600.0, **settings})


@pytest.mark.parametrize("change", [{}, {"label_smoothing": 0.2}, {"adversary": "fgsm"}, {"imbalance": 5.0, "balance": "weights"}])
def test_a_trained_net_is_trained_on_with_the_recipe_that_trained_it(trained, tmp_path, change):
    shutil.copyfile(trained, tmp_path / START_NAME)
    events = []
    fit(digits(epochs=6 if change else 12, **change), events.append, folder=tmp_path)
    assert events[-1]["state"] == "finished" and events[-1]["test_accuracy"] > 0.8, events[-1]["reason"]
    first = next(event for event in events if event["type"] == "step")
    assert change or first["loss"] < 0.02, "it began as a trained net"


@pytest.mark.parametrize("is_trained", [True, False])
def test_a_rate_far_too_high_still_ends_in_the_sentence(trained, tmp_path, is_trained):
    recipe, events = digits(epochs=4, optimiser="sgd"), []
    if is_trained:
        shutil.copyfile(trained, tmp_path / START_NAME)
    fit(
        replace(recipe, settings={**recipe.settings, "learning_rate": 1e4}), events.append, folder=tmp_path
    )  # beyond the limits of the form
    assert events[-1]["state"] == "failed" and events[-1]["reason"]["en"].startswith("Loss became ")
