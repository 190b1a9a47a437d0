from dataclasses import replace

import numpy as np
import pytest

from vpc2.augment.spec import Pipeline, edit_mix
from vpc2.data.datasets import load_dataset
from vpc2.training.presets import RECIPES
from vpc2.training.runs.verdicts import has_lost_its_weights, verdicts
from vpc2.training.trainer.trainer import fit


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


def words_of(events):
    texts = verdicts(events)
    assert all(text.say("es") and text.say("es") != text.en for text in texts)
    return " ".join(text.en for text in texts)


def said(*args, start=None, floor=None, **kwargs):
    """Return the sentences of a record; `start` goes into its first event, `floor` into every epoch."""
    events = record(*args, **kwargs)
    events[0].update(start or {})
    for event in events if floor is not None else ():
        if event["type"] == "epoch":
            event["train_floor"] = floor
    return words_of(events)


def test_flat_loss_is_said_with_its_numbers():
    words = said([2.31, 2.30, 2.30, 2.31, 2.30, 2.30, 2.30], [2.3] * 7)
    assert "flat: 2.31 in the first epoch, 2.30 in the last, and guessing gives 2.30" in words and "0.002" in words


def test_overfitting_names_the_epoch_of_the_lowest_validation_loss():
    train, val = [2, 1, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02], [2, 1.2, 0.9, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4]
    for end in (True, False):
        words = said(train, val, end=end)
        assert "Overfitting since epoch 4: validation loss rose from 0.87 to 1.30 (means of 3 epochs)" in words and "to 0.06" in words


def test_a_validation_loss_that_rises_with_the_training_loss_is_no_overfitting():
    """What gets worse on what it learns from as well has not learned it by heart: something else went wrong."""
    val = [2, 1.2, 0.9, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4]
    assert "Overfitting" in said([2, 1, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02], val)
    assert "Overfitting" not in said([2, 1, 0.6, 0.5, 0.6, 0.8, 0.9, 1.0, 1.1], val)


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


def test_verdicts_that_need_the_end_are_not_given_before():
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
    assert "99.0\u00a0% in training, 60.0\u00a0% in validation" in words


def test_the_best_epoch_is_named_when_it_is_not_the_last():
    words = said([1.0] * 7, [1.0] * 7, accuracy=[0.1, 0.2, 0.9, 0.8, 0.8, 0.8, 0.8])
    assert "epoch 3" in words and "90.0\u00a0%" in words


@pytest.mark.parametrize("events", [[], record([2.0], [2.0]), record([2.0, 1.0], [None, None])])
def test_few_numbers_say_nothing(events):
    assert verdicts(events) == ()


def test_a_good_run_gets_no_warning():
    words = said([2, 1, 0.5, 0.3, 0.25, 0.24, 0.23], [2, 1.1, 0.5, 0.33, 0.31, 0.31, 0.31], accuracy=[0.2, 0.5, 0.8, 0.9, 0.91, 0.92, 0.93])
    assert words == ""


FLAT = [2.31, 2.30, 2.30, 2.31, 2.30, 2.30, 2.30]


def test_a_loss_at_its_floor_is_not_flat_and_one_at_guessing_is_whatever_the_floor():
    """Smoothing by a half over two classes: the floor is 0.56 and guessing gives 0.69."""
    half = {"guess_loss": 0.693, "seen_counts": [50, 50], "val_counts": [20, 20]}
    falling = [0.62, 0.59, 0.575, 0.57, 0.568, 0.567, 0.566]
    assert "flat" not in said(falling, falling, classes=2, accuracy=[0.5, 0.6, 0.7, 0.7, 0.7, 0.7, 0.7], start=half, floor=0.562)
    assert "flat" in said([0.7] * 7, [0.7] * 7, classes=2, start=half, floor=0.562)


def test_guessing_by_the_shares_of_the_classes_is_flat_though_it_beats_chance():
    """Nine of ten pictures show one class: to say so always has a loss of 0.33, less than half of even chance."""
    uneven = {"guess_loss": 0.325, "seen_counts": [90, 10], "val_counts": [18, 2]}
    loss, answers = [0.34, 0.33, 0.33, 0.32, 0.33, 0.33, 0.33], [0.9] * 7
    words = said(loss, loss, classes=2, accuracy=answers, start=uneven, floor=0.0)
    assert "flat: 0.34 in the first epoch, 0.33 in the last, and guessing gives 0.33" in words


@pytest.mark.parametrize("name", ["accuracy", "train_accuracy"])
def test_a_net_that_answers_rightly_is_not_flat_whatever_keeps_its_loss_up(name):
    """Dropout, mixing and attacks work on the training alone: validation knows; an old record knows of no floor."""
    right, wrong = [0.2, 0.5, 0.8, 0.9, 0.9, 0.9, 0.9], [0.1] * 7
    given = {"accuracy": right if name == "accuracy" else wrong, "train_accuracy": right if name == "train_accuracy" else wrong}
    assert "flat" not in said(FLAT, [1.0] * 7, **given)
    assert "flat" in said(FLAT, [1.0] * 7, accuracy=wrong, train_accuracy=wrong)


def test_a_loss_that_waits_for_its_rate_to_rise_is_not_called_flat_before_half_of_the_run():
    assert "flat" not in said(FLAT, FLAT, end=False, planned=40)
    assert "flat" in said(FLAT, FLAT, end=False, planned=12)


def test_under_attack_the_sentence_names_the_attack():
    assert "try a smaller epsilon first" in said(FLAT, FLAT, start={"adversary": "pgd"}) and "capacity" in said(FLAT, FLAT)


def test_a_run_cut_short_by_its_time_budget_is_advised_a_longer_one():
    assert "The seconds allow 12 of 40 epochs: give it more of them first" in said(FLAT, FLAT, planned=12)
    assert "The seconds" not in said(FLAT, FLAT, planned=40)


def test_a_gap_explained_by_class_shares_is_not_reported():
    """The common class is always right and the others never: 0.7 where it is common, 0.5 where it is not."""
    loss, given = [1.0] * 7, {"accuracy": [0.5] * 7, "train_accuracy": [0.7] * 7, "classes": 2}
    assert "knows its training" not in said(loss, loss, start={"seen_counts": [70, 30], "val_counts": [50, 50]}, **given)
    assert "knows its training" in said(loss, loss, start={"seen_counts": [50, 50], "val_counts": [50, 50]}, **given)


@pytest.mark.parametrize(("count", "is_said"), [(4, False), (6, False), (400, True)])
def test_a_gap_needs_enough_validation_pictures_and_says_how_many(count, is_said):
    loss = [1.0] * 7
    words = said(loss, loss, accuracy=[0.8] * 7, train_accuracy=[0.95] * 7, start={"counts": {"validation": count}})
    assert ("knows its training" in words) is is_said and (f"80.0\u00a0% in validation ({count} pictures)" in words) is is_said


def test_a_trend_of_a_few_validation_images_is_not_reported():
    train, val = [2, 1, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02], [2, 1.2, 0.9, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4]
    falling = [2.0, 1.7, 1.5, 1.3, 1.1, 0.95, 0.8, 0.68, 0.58]
    for count, is_said in ((8, False), (200, True)):
        start = {"counts": {"validation": count}}
        assert ("Overfitting" in said(train, val, start=start)) is is_said
        assert ("still improving" in said(falling, falling, start=start)) is is_said


def test_what_is_advised_is_not_what_is_done_already():
    train, val = [2, 1, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02], [2, 1.2, 0.9, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4]
    assert "More data, augmentation or" in said(train, val)
    assert "More data, stronger augmentation or" in said(train, val, start={"is_augmented": True})


def test_a_run_that_is_always_right_or_failed_is_not_told_to_go_on():
    falling = [0.9, 0.7, 0.5, 0.3, 0.2, 0.15, 0.1, 0.08, 0.05]
    assert "still improving" in said(falling, falling, accuracy=[0.9] * 9)
    assert "still improving" not in said(falling, falling, accuracy=[0.9] * 8 + [1.0])
    failed = [*record(falling, falling, accuracy=[0.9] * 9, end=False), {"type": "end", "state": "failed", "reason": None}]
    assert "still improving" not in words_of(failed)


def two_digits(side=8):
    whole = load_dataset("digits", side)
    return replace(whole.subset(np.flatnonzero(whole.labels < 2)), classes=whole.classes[:2])


@pytest.mark.parametrize(
    ("settings", "mix"),
    [({"label_smoothing": 0.5}, None), ({}, "RandomMixUpV2"), ({"label_smoothing": 0.3}, "RandomCutMixV2"), ({}, "RandomCutMixV2")],
    ids=str,
)
def test_no_real_run_that_is_always_right_is_called_flat(settings, mix):
    recipe, events = RECIPES["digits"].recipe, []
    settings = {**recipe.settings, "epochs": 8, "batch_size": 8, "learning_rate": 0.005, "budget_s": 600.0, **settings}
    recipe = replace(recipe, settings=settings, pipeline=mix and edit_mix(Pipeline(), mix, {}))
    fit(recipe, events.append, data=two_digits(16))
    assert events[-1]["test_accuracy"] > 0.95
    assert "flat" not in words_of(events), words_of(events)


@pytest.mark.parametrize(
    "settings", [{}, {"label_smoothing": 0.5}, {"balance": "weights"}, {"balance": "sampling"}, {"balance": "none"}], ids=str
)
def test_a_real_run_that_learns_nothing_is_called_flat(make_recipe, settings):
    """Labels that have nothing to do with the pictures, in uneven classes, at a rate at which nothing is learned by heart."""
    data = two_digits()
    data = replace(data, labels=(np.random.default_rng(0).random(len(data)) < 0.3).astype(data.labels.dtype))
    events = []
    fit(make_recipe(epochs=7, learning_rate=1e-6, schedule="constant", **settings), events.append, data=data)
    assert "flat" in words_of(events), [event["train_loss"] for event in events if event["type"] == "epoch"]


def test_real_uneven_classes_are_no_gap(make_recipe):
    """Twenty times as many pictures of the first class as of the last: the training accuracy is that of the common ones."""
    events = []
    fit(make_recipe(epochs=8, imbalance=20.0, learning_rate=0.003), events.append)
    last = [event for event in events if event["type"] == "epoch"][-1]
    assert "knows its training" not in words_of(events), (last["train_accuracy"], last["val_accuracy"])
