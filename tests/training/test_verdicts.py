from dataclasses import replace

import numpy as np
import pytest

from vpc2.training.loop import fit
from vpc2.training.presets import RECIPES
from vpc2.training.verdicts import has_lost_its_weights, verdicts


def record(train, val, accuracy=None, classes=10, train_accuracy=None, end=True, planned=40):
    events = [{"n": 0, "t": 0, "type": "start", "classes": [str(i) for i in range(classes)], "epochs": 40, "budget_s": 25.0}]
    events.append({"type": "step", "step": 1, "epoch": 1, "loss": train[0], "accuracy": 0.1, "learning_rate": 0.002, "t": 0})
    best = -1
    for i, (a, b) in enumerate(zip(train, val, strict=True)):
        score = accuracy[i] if accuracy else 0.5
        events.append(
            {
                "type": "epoch",
                "epoch": i + 1,
                "step": i + 1,
                "t": i,
                "train_loss": a,
                "train_accuracy": train_accuracy[i] if train_accuracy else score,
                "val_loss": b,
                "val_accuracy": score,
                "is_best": score > best,
                "planned_epochs": planned,
                "images_per_s": 1234.5,
            }
        )
        best = max(best, score)
    if end:
        events.append({"type": "end", "state": "finished", "reason": None, "elapsed_s": 9.0, "t": 9})
    return events


def said(*args, **kwargs):
    texts = verdicts(record(*args, **kwargs))
    assert all(text.es and text.es != text.en for text in texts)
    return " ".join(text.en for text in texts)


def test_flat_loss_is_said_with_its_numbers():
    words = said([2.31, 2.30, 2.30, 2.31, 2.30, 2.30, 2.30], [2.3] * 7)
    assert "flat: 2.31 in the first epoch, 2.30 in the last, and guessing gives 2.30" in words and "0.002" in words


def test_overfitting_names_the_epoch_of_the_lowest_validation_loss():
    train, val = [2, 1, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02], [2, 1.2, 0.9, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4]
    for end in (True, False):
        words = said(train, val, end=end)
        assert "Overfitting since epoch 4: validation loss rose from 0.87 to 1.30 (means of 3 epochs)" in words and "to 0.06" in words


def noisy(seed, shape, size):
    """A curve with noise of its own, epoch by epoch."""
    draw = np.random.default_rng(seed)
    return (shape * np.exp(draw.normal(0, size, len(shape)))).tolist()


@pytest.mark.parametrize("size", [0.03, 0.1, 0.2, 0.35])
@pytest.mark.parametrize("epochs", [6, 12, 40, 150])
def test_noise_on_a_falling_curve_is_never_called_overfitting(size, epochs):
    """Five hundred runs a cell: validation falls, fast or slowly, to a floor, and jumps; training falls below it."""
    at = np.arange(epochs) / epochs
    wrong = []
    for seed in range(500):
        pace = 1 + 9 * np.random.default_rng(seed).random()
        train, val = 2.2 * np.exp(-pace * at) + 0.02, 2 * np.exp(-pace * at) + 0.3
        words = said(noisy(seed, train, size / 3), noisy(seed + 10**6, val, size), end=False)
        wrong += [seed] if "Overfitting" in words or "flat" in words else []
    assert wrong == []


@pytest.mark.parametrize("size", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("epochs", [24, 60, 150])
def test_a_real_rise_is_found_through_the_noise(size, epochs):
    at = np.arange(epochs) / epochs
    train, val = 2.2 * np.exp(-8 * at) + 0.01, 2 * np.exp(-12 * at) + 0.4 + 1.2 * np.maximum(at - 0.3, 0)
    found = [said(noisy(seed, train, size), noisy(seed + 10**6, val, size), end=False) for seed in range(100)]
    assert sum("Overfitting since epoch" in words for words in found) >= 97


def test_what_only_the_end_can_tell_waits_for_it():
    val = [2.0, 1.7, 1.5, 1.3, 1.1, 0.95, 0.8, 0.68, 0.58]
    assert said(val, val, end=False) == ""
    assert said([1.0] * 7, [1.0] * 7, accuracy=[0.1, 0.2, 0.9, 0.8, 0.8, 0.8, 0.8], end=False) == ""


def test_few_epochs_in_the_budget_are_said_at_once_with_their_reason():
    words = said([2.0], [2.0], planned=2.5, end=False)
    assert "at 1,234 pictures a second the budget of 25 s ends after 2.5 epochs" in words
    assert said([2.0], [2.0], planned=40, end=False) == ""


@pytest.mark.parametrize(
    ("end", "lost"),
    [
        ({"state": "failed", "elapsed_s": 3.0}, True),
        ({"state": "failed", "reason": {"en": "The disk is full.", "es": "x"}}, False),
        ({"state": "finished", "elapsed_s": 3.0}, False),
    ],
)
def test_only_a_loss_out_of_bounds_asks_for_a_smaller_rate(end, lost):
    assert has_lost_its_weights([*record([2.0], [2.0], end=False), {"type": "end", **end}]) is lost
    assert not has_lost_its_weights([])


def test_a_loss_out_of_bounds_is_what_the_loop_itself_ends_with():
    events, digits = [], RECIPES["digits"].recipe
    fit(replace(digits, settings={**digits.settings, "learning_rate": 1e9, "optimiser": "sgd"}), events.append)  # past the form
    assert "smaller learning rate" in events[-1]["reason"]["en"] and has_lost_its_weights(events)


def test_still_improving():
    val = [2.0, 1.7, 1.5, 1.3, 1.1, 0.95, 0.8, 0.68, 0.58]
    words = said(val, val)
    assert "still improving" in words and "Overfitting" not in words


def test_the_gap_between_known_and_new_pictures():
    words = said([2, 1, 0.5, 0.2, 0.1, 0.1, 0.1], [2, 1.5, 1.3, 1.2, 1.2, 1.2, 1.2], accuracy=[0.6] * 7, train_accuracy=[0.99] * 7)
    assert "99.0% in training, 60.0% in validation" in words


def test_the_best_epoch_is_named_when_it_is_not_the_last():
    words = said([1.0] * 7, [1.0] * 7, accuracy=[0.1, 0.2, 0.9, 0.8, 0.8, 0.8, 0.8])
    assert "epoch 3" in words and "90.0%" in words


@pytest.mark.parametrize("events", [[], record([2.0], [2.0]), record([2.0, 1.0], [None, None])])
def test_few_numbers_say_nothing(events):
    assert verdicts(events) == ()


def test_a_run_that_went_well_is_not_scolded():
    words = said([2, 1, 0.5, 0.3, 0.25, 0.24, 0.23], [2, 1.1, 0.5, 0.33, 0.31, 0.31, 0.31], accuracy=[0.2, 0.5, 0.8, 0.9, 0.91, 0.92, 0.93])
    assert words == ""
