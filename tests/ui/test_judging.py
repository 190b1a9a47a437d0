"""What a run is judged by: its own test pictures, of every class, also where the data lie sorted by class."""

from dataclasses import replace

import numpy as np

from vpc2.data import own
from vpc2.data.imageset import ImageSet
from vpc2.training.presets import RECIPES
from vpc2.ui import judging, runs


def test_some_test_pictures_are_of_all_classes_where_the_set_is_sorted_by_class():
    labels = np.repeat(np.arange(4), 50)
    pixels = np.random.default_rng(0).integers(0, 256, (200, own.SIZE_PX, own.SIZE_PX, 3), np.uint8)
    entry = own.keep(ImageSet(pixels, labels, ("a", "b", "c", "d")), "mine", "a" * 32)
    run = runs.store().create(replace(RECIPES["digits"].recipe, dataset=entry.key))
    some, again = (judging.test_pictures(f"run:{run.id}", 12) for _ in range(2))
    assert some.counts() == [3, 3, 3, 3]
    assert np.array_equal(some.images, again.images)
    assert len(judging.test_pictures(f"run:{run.id}")) == 40
