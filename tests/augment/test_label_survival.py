"""Survival of labels: the interval is scipy's, a harmless pipeline keeps everything, and a six turned over is a nine."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from vpc2.augment.label_survival import (
    MAX_CHANGED_SHARE,
    MIN_DRAWS,
    RULE,
    SURE,
    Survival,
    find_drop,
    survival,
    survival_by_class,
    survival_by_step,
    wilson,
)
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.augment.strength import edit_strengths
from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import split_images
from vpc2.images.encode import to_pixels, to_tensor
from vpc2.training.presets import RECIPES
from vpc2.training.trainer.trainer import fit


@pytest.mark.parametrize(("kept", "n"), [(0, 1), (1, 1), (0, 20), (7, 20), (20, 20), (499, 1000)])
def test_the_interval_is_scipys(kept, n):
    wanted = binomtest(kept, n).proportion_ci(method="wilson")
    assert wilson(kept, n) == pytest.approx((wanted.low, wanted.high))


def test_survival_without_draws_has_the_full_interval():
    assert wilson(0, 0) == (0.0, 1.0)
    assert (Survival(0, 0).low, Survival(0, 0).high, Survival(0, 0).verdict) == (0.0, 1.0, "open")


@pytest.fixture(scope="module")
def digits():
    """A net trained on upright digits, as a function of pictures, and its test pictures."""
    recipe = RECIPES["digits"].recipe
    classifier = fit(recipe, lambda event: None)
    data = load_dataset("digits", recipe.settings["size_px"])
    test = data.subset(split_images(data, recipe.settings["seed"], recipe.settings["train_share"]).test)
    images = [to_tensor(pixels) for pixels in test.images]
    return lambda images: classifier.probabilities(classifier.prepare([to_pixels(i) for i in images])).numpy(), images, test.labels


def test_half_a_turn_is_unsafe_for_six_and_nine_and_keeps_most_of_zero_and_eight(digits):
    ask, images, labels = digits
    found = survival_by_class(PIPELINES["half_turn"].pipeline, images, labels, ask)
    # Some 36 pictures a class are too few to call anything harmless, whatever they answer.
    assert max(one.n for one in found.values()) < MIN_DRAWS and {found[0].verdict, found[8].verdict} == {"open"}
    assert {found[6].verdict, found[9].verdict} == {"unsafe"}
    assert found[0].low > 0.6 and found[8].low > 0.6
    assert found[6].high < 0.4 and found[9].high < 0.4
    # A six turned over is a nine, and the other way round.
    assert found[6].instead(6)[0] == 9 and found[6].instead(6)[1] > 0.5 * found[6].n
    assert found[9].instead(9)[0] == 6


def test_the_example_of_a_class_shows_what_is_usual(digits):
    ask, images, labels = digits
    found = survival_by_class(PIPELINES["half_turn"].pipeline, images, labels, ask)
    for label, wanted in ((0, 0), (8, 8), (6, 9), (9, 6)):
        example = images[found[label].example]
        assert labels[found[label].example] == label == ask([example]).argmax()
        assert ask([example.flip(1, 2)]).argmax() == wanted


def test_digits_may_be_turned_a_little_but_not_by_any_angle(digits):
    ask, images, labels = digits
    pipeline = edit_add(Pipeline(), "RandomRotation")
    found = []
    for _value, stronger in edit_strengths(pipeline, "s1", "degrees"):
        every = survival_by_class(stronger, images[::3], labels[::3], ask).values()
        found.append(Survival(sum(one.n for one in every), sum(one.survived for one in every)))
    fall = find_drop(found, 0.8)
    assert fall.stays and 1 < fall.sure < 5
    assert found[1].share > 0.8


def test_where_survival_falls_is_named_only_as_far_as_the_count_carries():
    def fall(*kept, n=24, line=0.8):
        found = find_drop([Survival(n, k) for k in kept], line)
        return found.sure, found.counted, found.stays, found.is_clear

    assert fall(24, 24, 24) == (None, None, False, True)  # never
    assert fall(24, 22, 24) == (None, None, False, False)  # no count under the line, but not enough draws
    assert fall(24, 18, 17) == (None, 1, False, False)  # a count is under it, its interval is not
    assert fall(24, 18, 6, 2) == (2, 1, True, False)
    assert fall(24, 6, 24) == (1, 1, False, False)  # it recovers
    assert fall(3, 3) == (0, 0, True, False)  # something else breaks it


@pytest.mark.parametrize("n", [1, 2, 3, 24, 36, MIN_DRAWS - 1, MIN_DRAWS, 96, 120, 400, 3000])
def test_the_verdict_goes_by_the_share_lost_with_its_interval(n):
    """Harmless and unsafe are what scipy's interval of the lost share says; one lost draw alone proves nothing."""
    for lost in range(n + 1):
        bounds = binomtest(lost, n).proportion_ci(method="wilson")
        wanted = "harmless" if bounds.high < 0.05 else "unsafe" if bounds.low > 0.05 and lost > 1 else "open"
        assert Survival(n, n - lost).verdict == wanted, (n, lost)


def test_a_pipeline_losing_a_fifth_is_never_harmless_and_few_draws_stay_open():
    assert {Survival(n, round(0.8 * n)).verdict for n in (5, 10, 24, 48, 96, 400)} == {"open", "unsafe"}
    assert [Survival(n, n).verdict for n in (1, 24, MIN_DRAWS - 1, MIN_DRAWS)] == ["open", "open", "open", "harmless"]
    assert MAX_CHANGED_SHARE == 0.05
    for rule in (RULE.en, RULE.say("es")):
        assert str(MIN_DRAWS) in rule and "5 %" in rule


def test_an_uncertain_prediction_gives_no_survival_verdict():
    """A net that is right about all, but sure of every other picture only: the others do not count."""
    images = [np.full((3, 8, 8), i / 10, np.float32) for i in range(10)]
    labels = np.zeros(10, np.int64)

    def ask(asked):
        sure = [SURE if round(float(one.mean()) * 10) % 2 else SURE - 0.01 for one in asked]
        return np.array([[share, *[(1 - share) / 2] * 2] for share in sure])

    found = survival_by_class(Pipeline(), [torch.from_numpy(one) for one in images], labels, ask)
    assert (found[0].n, found[0].survived) == (5, 5)
    assert survival_by_class(Pipeline(), [torch.zeros(3, 8, 8)], labels[:1], ask) == {}


def test_a_falling_strength_and_a_verdict_are_one_rule():
    for n in (24, 96, 400):
        for kept in range(n + 1):
            one, fall = Survival(n, kept), find_drop([Survival(n, kept)], 1 - MAX_CHANGED_SHARE)
            assert fall.is_clear == (one.verdict == "harmless") and (fall.sure == 0) == (one.verdict == "unsafe")


def test_what_changes_nothing_breaks_nothing_and_the_breaking_step_is_found(digits):
    ask, images, labels = digits
    six = images[np.flatnonzero(labels == 6)[0]]
    assert ask([six]).argmax() == 6
    plain = survival(Pipeline(), six, 6, ask, 10)
    assert (plain.survived, plain.n, plain.high) == (10, 10, 1.0)
    both = edit_add(edit_add(Pipeline(), "RandomGrayscale", {"p": 1.0}), "RandomRotation90", {"times": [2, 2], "p": 1.0})
    by_step = survival_by_step(both, six, 6, ask, 10)
    assert by_step[both.steps[0].id].share == 1.0
    assert by_step[both.steps[1].id].share == 0.0
    assert survival(both, six, 6, ask, 10).answers == (9,) * 10
