"""How few pixels hold most of a gradient's energy: the fewest, found by trying."""

import numpy as np

from vpc2.nets.inspection.effective_field import EffectiveField
from vpc2.nets.summary.receptive_field import Rectangle


def test_the_fewest_pixels_that_hold_nineteen_twentieths():
    draw = np.random.default_rng(0)
    for _ in range(20):
        energy = draw.exponential(1, (6, 7)) ** 3
        energy /= energy.sum()
        largest = sorted(energy.ravel(), reverse=True)
        fewest = next(n for n in range(1, 43) if sum(largest[:n]) >= 0.95)
        assert EffectiveField(energy, 1).energy_pixels == fewest
    assert EffectiveField(np.eye(4) / 4, 1).energy_pixels == 4 and EffectiveField(np.zeros((4, 4)), 1).energy_pixels == 0


def test_the_share_inside_a_rectangle_and_the_heat_are_numpys():
    energy = np.random.default_rng(1).random((6, 8))
    energy /= energy.sum()
    found = EffectiveField(energy, 2)
    assert np.isclose(found.share_inside(Rectangle(-2, 3, 4, 99)), energy[:4, 3:].sum())
    np.testing.assert_allclose(found.heat, np.sqrt(energy / energy.max()))
    assert not found.is_dead and EffectiveField(np.zeros((2, 2)), 1).is_dead
