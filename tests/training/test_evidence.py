"""The interval of a gap: against scipy where there is one source of luck, against simulation where there are two."""

import numpy as np
import pytest
from scipy import stats

from vpc2.training.evidence import Side, measure_gap, sentences


def table(rng, seeds, pictures, accuracy, seed_sd, picture_sd):
    """Return right answers (seeds, pictures): each seed and each picture makes every answer a little likelier or not."""
    chance = accuracy + rng.normal(0, seed_sd, (seeds, 1)) + rng.normal(0, picture_sd, (1, pictures))
    return (rng.random((seeds, pictures)) < np.clip(chance, 0, 1)).astype(int)


def test_where_pictures_bring_no_luck_it_is_the_paired_t_interval():
    rng = np.random.default_rng(0)
    left = np.tile(rng.random((4, 1)) < 0.5, (1, 500)).astype(float)
    right = left + rng.normal(0.05, 0.02, (4, 1))
    gap = measure_gap(left, right)
    wanted = stats.ttest_1samp((right - left).mean(1), 0).confidence_interval(0.95)
    assert (gap.low, gap.high) == pytest.approx(tuple(wanted))


def test_with_one_seed_it_is_the_t_interval_over_pictures_and_says_so():
    rng = np.random.default_rng(1)
    left, right = rng.integers(0, 2, (1, 200)), rng.integers(0, 2, (1, 200))
    gap = measure_gap(left, right)
    wanted = stats.ttest_1samp((right - left)[0], 0).confidence_interval(0.95)
    assert (gap.low, gap.high) == pytest.approx(tuple(wanted))
    said = sentences(gap, Side("without", left.mean(), 20), Side("with", right.mean(), 25))
    assert len(said) == 2 and "single seed" in said[1].en


@pytest.mark.parametrize(("seeds", "true_gap"), [(3, 0.0), (3, 0.06), (5, 0.0)])
def test_it_holds_the_truth_about_95_times_of_100(seeds, true_gap):
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        left = table(rng, seeds, 150, 0.75, 0.02, 0.15)
        right = table(rng, seeds, 150, 0.75 + true_gap, 0.02, 0.15)
        gap = measure_gap(left, right)
        hits += gap.low <= true_gap <= gap.high
    assert 0.92 <= hits / 400 <= 1.0


def test_pictures_of_one_person_count_as_one_unit():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(20), 10)
    lucky = np.repeat(rng.random(20) < 0.3, 10).astype(int)  # whole people are won
    left = np.zeros((3, 200), int)
    right = np.tile(lucky, (3, 1))
    right[0, :5] ^= 1  # seeds differ a little
    blind, honest = measure_gap(left, right), measure_gap(left, right, groups.tolist())
    assert honest.units == 20 and honest.high - honest.low > 1.5 * (blind.high - blind.low)


def test_the_sentence_says_what_the_numbers_support():
    rng = np.random.default_rng(4)
    left, right = table(rng, 3, 400, 0.7, 0.0, 0.1), table(rng, 3, 400, 0.9, 0.0, 0.1)
    sides = Side("without", left.mean(), 20.0), Side("with", right.mean(), 26.0)
    better = sentences(measure_gap(left, right), *sides)[0]
    assert "points better" in better.en and "26 s instead of 20 s" in better.en and "puntos mejor" in better.es
    worse = sentences(measure_gap(right, left), *reversed(sides))[0]
    assert "points worse" in worse.en and " -" not in worse.en
    same = sentences(measure_gap(left, left[::-1]), *sides)[0]
    assert same.en.startswith("Not enough evidence") and same.es.startswith("No hay evidencia suficiente")
