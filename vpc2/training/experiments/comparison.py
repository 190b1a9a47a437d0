"""Comparison of two recipes on the same test images: accuracy gap, confidence interval, and the verdict as text.

Both sides are trained with every seed and tested on the same images, so the differences form a table with one row per seed and one
column per image. Both seeds and people (or images) are random samples: another sample of either would give another gap. The interval
is that of two crossed samples, `predict.statistics.crossed_interval`; the tests simulate how often it contains the true value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpc2.predict.statistics import accuracy_of, crossed_interval
from vpc2.proportions import Share, share_of
from vpc2.text import Text

MIN_SEEDS = 2  # with fewer there is no verdict: the effect of the initial weights cannot be separated from the recipe's
MIN_UNITS = 3  # people, or images

_BETTER = Text(
    "{right}: test accuracy {b:.1f} % instead of {a:.1f} % ({left}): {gap:.1f} points better (95 % interval {low:.1f} to {high:.1f}), "
    "for {b_s:.0f} s instead of {a_s:.0f} s a run."
)
_WORSE = Text(
    "{right}: test accuracy {b:.1f} % instead of {a:.1f} % ({left}): {gap:.1f} points worse (95 % interval {low:.1f} to {high:.1f}), "
    "for {b_s:.0f} s instead of {a_s:.0f} s a run."
)
_UNCLEAR = Text(
    "Not enough evidence: {right} has {b:.1f} % and {left} {a:.1f} %, but the 95 % interval of the gap, {low:.1f} to {high:.1f} points, "
    "contains zero. More seeds or more test pictures would tell."
)
_NO_VERDICT = Text("No verdict: {right} has {b:.1f} % and {left} {a:.1f} %, from one seed each.")
_ONE_SEED = Text(
    "With a single seed, luck in the first weights and in the order of the pictures looks like a difference between the recipes. Three "
    "seeds or more would tell."
)
_TWO_SEEDS = Text(
    "With two seeds the spread from seed to seed is known from one difference only, so the interval is wide; a third seed narrows it most."
)
_FEW_PEOPLE = Text(
    "No verdict: {right} has {b:.1f} % and {left} {a:.1f} %, but too few people ({units:,}) are in the test pictures to speak of others."
)


@dataclass(frozen=True)
class AccuracyGap:
    """The mean difference in accuracy (right minus left, -1 to 1), its 95 % interval, and the number of `seeds` and `units` (people)."""

    mean: float
    low: float
    high: float
    seeds: int
    units: int

    @property
    def is_clear(self) -> bool:
        """True if the interval does not contain zero and there are enough seeds and people for a verdict."""
        return self.seeds >= MIN_SEEDS and self.units >= MIN_UNITS and (self.low > 0 or self.high < 0)


def hits_of(end: Mapping[str, Any]) -> np.ndarray | None:
    """Return whether each test image was classified correctly, bool (N,), from a run's `end` event; None if not recorded per image."""
    return np.frombuffer(end["test_hits"].encode(), np.uint8) == ord("1") if end.get("test_hits") else None


def share_of_test(end: Mapping[str, Any]) -> Share | None:
    """Return the test accuracy in a run's `end` event with n and interval; None without a test, or if an old record has no counts."""
    if end.get("test_accuracy") is None:
        return None
    hits = hits_of(end)
    if hits is not None:
        return accuracy_of(hits, end.get("test_groups"))
    if end.get("confusion"):
        return share_of(int(np.trace(end["confusion"])), int(np.sum(end["confusion"])))
    return None


def measure_gap(left: np.ndarray, right: np.ndarray, groups: Sequence[int] | None = None) -> AccuracyGap:
    """Return the accuracy gap of two tables of correct predictions, (seeds, images) of 0 and 1, paired by seed and image.

    With `groups` (the person in each image), images of one person count as one unit, because they are not independent. Both the mean
    and the width of the interval weight every image equally.
    """
    interval = crossed_interval(right.astype(float) - left.astype(float), groups)
    return AccuracyGap(interval.mean, max(interval.low, -1.0), min(interval.high, 1.0), interval.seeds, interval.units)


@dataclass(frozen=True)
class Side:
    """One side of an experiment: its name, the mean test accuracy with its 95 % interval, and the mean training time in seconds."""

    name: str
    accuracy: float
    seconds: float
    low: float = 0.0
    high: float = 1.0


def sentences(gap: AccuracyGap, left: Side, right: Side) -> tuple[Text, ...]:
    """Return the verdict and remarks on the number of seeds, as texts."""
    text = _UNCLEAR if not gap.is_clear else _BETTER if gap.mean > 0 else _WORSE
    if gap.units < MIN_UNITS:
        text = _FEW_PEOPLE
    elif gap.seeds < MIN_SEEDS:
        text = _NO_VERDICT
    low, high = 100 * gap.low, 100 * gap.high
    if text is _WORSE:
        low, high = -high, -low
    filled = text.fill(
        right=right.name,
        left=left.name,
        a=100 * left.accuracy,
        b=100 * right.accuracy,
        gap=abs(100 * gap.mean),
        low=low,
        high=high,
        a_s=left.seconds,
        b_s=right.seconds,
        units=gap.units,
    )
    more = {1: (_ONE_SEED,), 2: (_TWO_SEEDS,)}.get(gap.seeds, ())
    return (filled, *more)
