"""The lecture's example, trained and counted: a mirror takes 2, 3 and 5 away, and leaves 0 and 8."""

import numpy as np
import pytest

from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import split_images
from vpc2.predict.evaluation import TestPredictions, gains_by_view, predict_set
from vpc2.training.presets import RECIPES
from vpc2.training.trainer.trainer import fit


@pytest.mark.slow
def test_a_mirror_hurts_2_3_5_and_not_0_8():
    recipe = RECIPES["digits"].recipe
    data = load_dataset("digits", recipe.settings["size_px"])
    classifier = fit(recipe, lambda event: None)
    test = data.subset(split_images(data, recipe.settings["seed"], recipe.settings["train_share"]).test)
    found = predict_set(TestPredictions, classifier, test, ("flip_horizontal",))
    gains = dict(zip(found.classes, np.round(gains_by_view(found)[1], 2).tolist(), strict=True))
    assert all(gains[digit] < -0.4 for digit in "235"), gains
    assert all(gains[digit] > -0.25 for digit in "08"), gains
