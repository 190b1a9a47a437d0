"""The interval of an accuracy gap: against scipy for one source of randomness, against simulation for several."""

import numpy as np
import pytest
from scipy import stats

from vpc2.training.experiments.comparison import Side, measure_gap, sentences

PEOPLE = {
    "no people": None,
    "even": np.full(16, 10),
    "uneven": np.array([35, 28, 20, 12, 11, 10, 10, 9, 8, 7, 7, 5, 4, 3, 2, 1]),
    "few": np.array([20, 20, 20, 20, 20]),
}
# Standard deviations, in logits, of what makes a side better: seed, person, person within one seed; and the accuracy.
STRENGTHS = {
    "nothing": (0.0, 0.0, 0.0, 0.8),
    "seeds": (0.25, 0.0, 0.0, 0.8),
    "strong seeds": (0.8, 0.0, 0.0, 0.7),
    "people": (0.0, 0.4, 0.0, 0.8),
    "all": (0.2, 0.3, 0.3, 0.8),
    "nearly always right": (0.2, 0.2, 0.2, 0.94),
    "people within seeds": (0.0, 0.0, 0.6, 0.8),
}
REPEATS = {2: 1000, 3: 1000, 5: 600, 10: 400}


def answers(rng, repeats, seeds, sizes, strength, gap=0.0):
    """Return right answers of both sides, bool (repeats, seeds, pictures) each, and whose pictures they are.

    A picture's difficulty is shared by both sides and all seeds; a side is better or worse by its seed, by the person, and by the
    person in that seed; every answer is drawn for itself. `gap` is added to the right side's logits.
    """
    seed_sd, person_sd, both_sd, accuracy = strength
    groups = np.arange(150) if sizes is None else np.repeat(np.arange(len(sizes)), sizes)
    people = groups[-1] + 1
    hard = rng.normal(0, 0.7, (repeats, 1, len(groups))) + rng.normal(0, 0.3, (repeats, 1, people))[:, :, groups]
    sides = []
    for side in range(2):
        logits = np.log(accuracy / (1 - accuracy)) + gap * side + hard
        logits = logits + rng.normal(0, seed_sd, (repeats, seeds, 1)) + rng.normal(0, person_sd, (repeats, 1, people))[:, :, groups]
        logits = logits + rng.normal(0, both_sd, (repeats, seeds, people))[:, :, groups]
        sides.append(rng.random(logits.shape) < 1 / (1 + np.exp(-logits)))
    return *sides, None if sizes is None else groups


def misses(rng, repeats, seeds, people, strength, logit_gap=0.0, true_gap=0.0):
    """Return in how many of so many experiments the interval does not hold the true gap, as a share."""
    left, right, groups = answers(rng, repeats, seeds, PEOPLE[people], strength, logit_gap)
    gaps = [measure_gap(a, b, groups) for a, b in zip(left, right, strict=True)]
    return float(np.mean([not gap.low <= true_gap <= gap.high for gap in gaps]))


@pytest.mark.parametrize("seeds", REPEATS)
@pytest.mark.parametrize("people", PEOPLE)
def test_a_recipe_against_itself_is_called_better_five_times_of_100(seeds, people):
    """The truth is no gap, so every interval without zero is a false claim; a bound of eight allows for the simulation's own noise."""
    rng = np.random.default_rng(seeds)
    claims = {name: misses(rng, REPEATS[seeds], seeds, people, strength) for name, strength in STRENGTHS.items()}
    assert max(claims.values()) <= 0.08, claims
    assert min(claims.values()) >= 0.01, claims  # an interval that is never wrong is too wide
    assert 0.02 <= np.mean(list(claims.values())) <= 0.06, claims


@pytest.mark.parametrize("seeds", REPEATS)
@pytest.mark.parametrize("people", ["even", "uneven"])
def test_a_true_gap_is_held_about_95_times_of_100(seeds, people):
    rng = np.random.default_rng(100 + seeds)
    strength = STRENGTHS["all"]
    many = answers(rng, 4000, 2, PEOPLE[people], strength, 0.5)
    truth = float(many[1].mean() - many[0].mean())
    assert truth > 0.05
    assert 0.02 <= misses(rng, REPEATS[seeds], seeds, people, strength, 0.5, truth) <= 0.08


def test_without_image_variance_the_interval_is_the_paired_t_interval():
    rng = np.random.default_rng(0)
    left = np.tile(rng.random((4, 1)) < 0.5, (1, 500)).astype(float)
    right = left + rng.normal(0.05, 0.02, (4, 1))
    gap = measure_gap(left, right)
    wanted = stats.ttest_1samp((right - left).mean(1), 0).confidence_interval(0.95)
    assert (gap.low, gap.high) == pytest.approx(tuple(wanted))


def test_without_seed_variance_the_interval_is_the_t_interval_over_people():
    rng = np.random.default_rng(5)
    people = rng.normal(0.05, 0.1, 12)
    right = np.tile(np.repeat(people, 8), (5, 1))
    gap = measure_gap(np.zeros_like(right), right, np.repeat(np.arange(12), 8))
    wanted = stats.ttest_1samp(people, 0).confidence_interval(0.95)
    assert (gap.low, gap.high) == pytest.approx(tuple(wanted))


def test_the_degrees_of_freedom_of_uneven_people_are_those_of_the_quadratic_form():
    from vpc2.predict.statistics import SamplingUnits

    sizes = PEOPLE["uneven"]
    weights = sizes / sizes.sum()
    units = SamplingUnits(np.repeat(np.arange(len(sizes)), sizes), int(sizes.sum()))
    centred = np.eye(len(sizes)) - np.outer(np.ones(len(sizes)), weights)
    form = centred.T @ np.diag(weights**2 / (1 - 2 * weights + (weights**2).sum())) @ centred
    assert units.freedom == pytest.approx(np.trace(form) ** 2 / np.trace(form @ form))
    effects = np.random.default_rng(6).normal(0, 1, (200_000, len(sizes)))
    means = effects @ weights
    assert units.variance(effects - means[:, None]).mean() == pytest.approx(means.var(), rel=0.02)


def test_one_seed_gives_no_verdict_and_says_why():
    rng = np.random.default_rng(1)
    left, right = rng.integers(0, 2, (1, 200)), np.ones((1, 200), int)
    gap = measure_gap(left, right)
    wanted = stats.ttest_1samp((right - left)[0], 0).confidence_interval(0.95)
    assert (gap.low, gap.high) == pytest.approx(tuple(wanted)) and gap.low > 0
    said = sentences(gap, Side("without", left.mean(), 20), Side("with", right.mean(), 25))
    assert not gap.is_clear and said[0].en.startswith("No verdict") and "single seed" in said[1].en
    assert not any("better" in text.en or "mejor" in text.say("es") for text in said)


def test_two_seeds_whose_totals_agree_prove_nothing():
    """Three pictures of forty are won and none lost, in both seeds alike: that is luck one time in four."""
    left = np.ones((2, 40), int)
    right = left.copy()
    left[:, :3] = 0
    gap = measure_gap(left, right)
    assert gap.mean == pytest.approx(3 / 40) and gap.high - gap.low > 0.05 and not gap.is_clear
    same = measure_gap(right, right)
    assert same.low < 0 < same.high and not same.is_clear


def test_the_interval_lies_around_the_gap_of_the_pictures_and_a_large_person_weighs_as_much_in_its_width():
    groups = np.repeat([0, 1, 2, 3], [60, 6, 6, 6])
    left, right = np.zeros((3, 78), int), np.zeros((3, 78), int)
    right[:, :60] = 1  # one person, who has most of the pictures, is won whole
    gap = measure_gap(left, right, groups)
    assert gap.mean == pytest.approx(60 / 78) and (gap.low + gap.high) / 2 <= gap.mean
    assert gap.units == 4 and not gap.is_clear


def test_pictures_of_one_person_count_as_one_unit():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(20), 10)
    lucky = np.repeat(rng.random(20) < 0.3, 10).astype(int)  # whole people are won
    left = np.zeros((3, 200), int)
    right = np.tile(lucky, (3, 1))
    right[0, :5] ^= 1  # seeds differ a little
    blind, honest = measure_gap(left, right), measure_gap(left, right, groups.tolist())
    assert honest.units == 20 and honest.high - honest.low > 1.5 * (blind.high - blind.low)


def test_one_person_says_nothing_of_others():
    left, right = np.zeros((3, 30), int), np.ones((3, 30), int)
    gap = measure_gap(left, right, [7] * 30)
    assert (gap.low, gap.high) == (-1, 1) and not gap.is_clear
    assert "too few people (1)" in sentences(gap, Side("without", 0.0, 1), Side("with", 1.0, 1))[0].en


def test_the_sentence_says_what_the_numbers_support():
    rng = np.random.default_rng(4)
    left, right = (rng.random((3, 400)) < chance for chance in (0.7, 0.9))
    sides = Side("without", left.mean(), 20.0), Side("with", right.mean(), 26.0)
    better = sentences(measure_gap(left, right), *sides)[0]
    assert "points better" in better.en and "26 s instead of 20 s" in better.en and "puntos mejor" in better.say("es")
    worse = sentences(measure_gap(right, left), *reversed(sides))[0]
    assert "points worse" in worse.en and " -" not in worse.en
    same = sentences(measure_gap(left, left[::-1]), *sides)[0]
    assert same.en.startswith("Not enough evidence") and same.say("es").startswith("No hay evidencia suficiente")
