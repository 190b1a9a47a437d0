"""A share with its n and its interval, against scipy and counted by hand."""

import math

import pytest
from scipy.stats import binomtest

from vpc2.proportions import holm, share_of, wilson


@pytest.mark.parametrize("n", [1, 2, 8, 31, 360])
def test_wilsons_interval_is_scipys(n):
    for hits in range(n + 1):
        wanted = binomtest(hits, n).proportion_ci(method="wilson")
        assert wilson(hits, n) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_a_share_of_no_images_has_the_full_interval():
    assert wilson(0, 0) == (0.0, 1.0)
    nothing = share_of(0, 0)
    assert math.isnan(nothing.share) and nothing.text.en == "no pictures" and nothing.bounds.say("es") == "sin imágenes"


@pytest.mark.parametrize(
    ("hits", "n", "en", "es"),
    [
        (8, 8, "100 % (68 to 100) of 8", "100 % (68 a 100) de 8"),
        (338, 360, "93.9 % (91 to 96) of 360", "93,9 % (91 a 96) de 360"),
        (9_412, 10_000, "94.1 % (93.6 to 94.6) of 10,000", "94,1 % (93,6 a 94,6) de 10.000"),
        (9_999, 10_000, "99.99 % (99.94 to 100.00) of 10,000", "99,99 % (99,94 a 100,00) de 10.000"),
        (0, 5, "0 % (0 to 43) of 5", "0 % (0 a 43) de 5"),
        (99, 99, "100 % (96 to 100) of 99", "100 % (96 a 100) de 99"),
        (100, 100, "100.0 % (96.3 to 100.0) of 100", "100,0 % (96,3 a 100,0) de 100"),
    ],
)
def test_a_share_is_written_with_its_interval_in_short(hits, n, en, es):
    said = share_of(hits, n).text
    assert (said.en, said.say("es")) == (en, es)


def test_below_the_share_stand_its_interval_and_n():
    said = share_of(338, 360).bounds
    assert said.en == "91 to 96 % of 360" and said.say("es") == "91 a 96 % de 360"


def test_holm_adjusts_as_in_the_paper():
    """Four hypotheses: the smallest counts four times, the next three times, and none is below the one before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.002]) == [0.002] and holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]
