"""Survival of labels: the interval is scipy's, a harmless pipeline keeps everything, and a six turned over is a nine."""

import numpy as np
import pytest
from scipy.stats import binomtest

from vpc2.augment.safety import survival, survival_by_class, survival_by_step, wilson
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import split_images
from vpc2.images.encode import to_pixels, to_tensor
from vpc2.training.loop import fit
from vpc2.training.presets import RECIPES


@pytest.mark.parametrize(("kept", "n"), [(0, 1), (1, 1), (0, 20), (7, 20), (20, 20), (499, 1000)])
def test_the_interval_is_scipys(kept, n):
    wanted = binomtest(kept, n).proportion_ci(method="wilson")
    assert wilson(kept, n) == pytest.approx((wanted.low, wanted.high))


@pytest.fixture(scope="module")
def digits():
    """A net trained on upright digits, as a function of pictures, and its test pictures."""
    recipe = RECIPES["digits"].recipe
    classifier = fit(recipe, lambda event: None)
    data = load_dataset("digits", recipe.settings["size_px"])
    test = data.subset(split_images(data, recipe.settings["seed"], recipe.settings["train_share"]).test)
    images = [to_tensor(pixels) for pixels in test.images]
    return lambda images: classifier.probabilities(classifier.prepare([to_pixels(i) for i in images])).numpy(), images, test.labels


HALF_TURN = edit_add(Pipeline(), "RandomRotation90", {"times": [2, 2], "p": 1.0})


def test_half_a_turn_is_unsafe_for_six_and_nine_and_harmless_for_zero_and_eight(digits):
    ask, images, labels = digits
    found = survival_by_class(HALF_TURN, images, labels, ask)
    assert found[0].low > 0.6 and found[8].low > 0.6
    assert found[6].high < 0.4 and found[9].high < 0.4


def test_what_changes_nothing_breaks_nothing_and_the_breaking_step_is_found(digits):
    ask, images, labels = digits
    six = images[np.flatnonzero(labels == 6)[0]]
    assert ask([six]).argmax() == 6
    plain = survival(Pipeline(), six, 6, ask, 10)
    assert (plain.kept, plain.n, plain.high) == (10, 10, 1.0)
    both = edit_add(edit_add(Pipeline(), "RandomGrayscale", {"p": 1.0}), "RandomRotation90", {"times": [2, 2], "p": 1.0})
    by_step = survival_by_step(both, six, 6, ask, 10)
    assert by_step[both.steps[0].id].share == 1.0
    assert by_step[both.steps[1].id].share == 0.0
    assert survival(both, six, 6, ask, 10).answers == (9,) * 10
