"""Matched operations: every library makes the same picture, up to what its arithmetic rounds."""

import numpy as np
import pytest

from vpc2.augment.libraries import MATCHES, apply_match, installed, time_match
from vpc2.augment.ops import OPS
from vpc2.images.samples import load_sample

PIXELS = load_sample("chelsea").pixels[40:232, 60:316]
# Where libraries are known to differ, by how much of 255 on average: borders and rounding of warps, other JPEG tables, other
# definitions of the mean in contrast.
LOOSE = {"RandomJPEG": 8.0, "RandomPerspective": 3.0, "RandomEqualize": 6.0, "RandomHue": 4.0, "RandomRotation": 2.5, "RandomAffine": 2.5}


def test_there_are_enough_and_each_is_an_operation_of_the_app():
    assert len(MATCHES) >= 15
    assert set(MATCHES) <= set(OPS)


@pytest.mark.parametrize("key", MATCHES)
def test_the_libraries_agree(key):
    made = apply_match(key, PIXELS)
    assert tuple(made) == installed(key) and len(made) >= 2
    for library, picture in made.items():
        assert picture.shape == PIXELS.shape and picture.dtype == np.uint8
        gap = np.abs(picture.astype(int) - made["kornia"].astype(int)).mean()
        assert gap <= LOOSE.get(key, 1.2), (library, gap)
    assert np.abs(made["kornia"].astype(int) - PIXELS.astype(int)).mean() > 1  # it does something


def test_flips_and_inversion_agree_to_the_pixel():
    for key in ("RandomHorizontalFlip", "RandomVerticalFlip", "RandomInvert", "RandomPosterize"):
        made = list(apply_match(key, PIXELS).values())
        assert all(np.array_equal(made[0], other) for other in made[1:]), key


def test_times_are_told_for_every_library():
    times = time_match("RandomGrayscale", PIXELS[:32, :32], 2, turns=2)
    assert tuple(times) == installed("RandomGrayscale") and min(times.values()) > 0
