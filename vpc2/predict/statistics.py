"""Statistics of evaluation: confidence intervals over people and seeds, exact paired tests, and calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vpc2.proportions import CONFIDENCE, Share, Z, share_of, wilson

BINS = 10
SURE = 0.05  # significance level of the exact tests

# Set by simulation (see `crossed_interval`): with these the interval covers the true value in 93 to 98 of 100 experiments.
_NOISE_Z = 1.6449  # noise of single predictions is also in the variances over seeds and units: its own term takes the 90 % quantile
_CHANCE_AT = 0.22  # quantile of the variance over seeds under noise alone, which is not attributed to the seeds


def accuracy_of(is_right: Sequence[bool] | np.ndarray, groups: Sequence[int] | np.ndarray | None = None) -> Share:
    """Return the accuracy over predictions, bool (N,), with Wilson's interval.

    With `groups`, the person of each picture, n is the effective sample size: n divided by the design effect (Kish 1965), with the t
    quantile for the number of people in place of the normal one (Korn and Graubard 1998).
    """
    right = np.asarray(is_right, dtype=float)
    hits, n = int(right.sum()), len(right)
    if groups is None or not n:
        return share_of(hits, n)
    units = SamplingUnits(groups, n)
    people = len(units.weights)
    if people < 2:
        return Share(hits, n, 0.0, 1.0, people)  # one person gives no information about others
    share, worth = hits / n, float(n)
    variance = float(units.variance(units.means(right[None])[0] - share))
    if variance > 0:
        worth = min(n, share * (1 - share) / variance * (Z / _t(units.freedom)) ** 2)
    return Share(hits, n, *wilson(share * worth, worth), people)


class SamplingUnits:
    """The units of sampling, people or single pictures: `weights` (G,) are their shares of the N pictures."""

    def __init__(self, groups: Sequence[int] | np.ndarray | None, n: int):
        self._members = None
        counts = np.ones(n)
        if groups is not None:
            _names, self._members = np.unique(np.asarray(groups), return_inverse=True)
            counts = np.bincount(self._members).astype(float)
        self._counts = counts
        self.weights = counts / n
        squares = float((self.weights**2).sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            # Bias correction: squared deviations from the weighted mean are too small by this factor; (G - 1) / G for units of one size.
            self._factors = self.weights**2 / (1 - 2 * self.weights + squares)

    def means(self, table: np.ndarray) -> np.ndarray:
        """Return the means by unit (S, G) of a table (S, N)."""
        if self._members is None:
            return table
        return np.stack([np.bincount(self._members, row, len(self._counts)) for row in table]) / self._counts

    def variance(self, deviations: np.ndarray) -> np.ndarray:
        """Return the variance of the weighted mean from the deviations (..., G) of the units, unbiased if units have equal variance."""
        return (deviations**2) @ self._factors

    @property
    def freedom(self) -> float:
        """Satterthwaite's degrees of freedom of that variance: G - 1 for units of one size, fewer for unequal ones."""
        w, k = self.weights, self._factors
        squares, cross, whole = float((w**2).sum()), float((k * w).sum()), float(k.sum())
        # The trace and the squared entries of P'KP, with K = diag(k) and P = I - 1w'.
        entries = float((k**2).sum()) * (1 + 2 * squares) + 2 * cross**2 + (whole * squares) ** 2 - 4 * whole * cross * squares
        entries -= 2 * float((k * (2 * k * w - whole * w**2)).sum())
        return max(squares**2 / entries, 1.0)


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % confidence interval, from `seeds` runs over `units` people or pictures."""

    mean: float
    low: float
    high: float
    seeds: int
    units: int


def crossed_interval(table: np.ndarray, groups: Sequence[int] | np.ndarray | None = None) -> Interval:
    """Return the mean of a table (seeds, pictures) with its confidence interval for other seeds and other people (or pictures).

    Seeds and units are two crossed random effects: the variance of the mean is a + b + c, of seeds, of units, and the residual (seed by
    unit interaction, and the noise of single predictions). Observed are A, the variance over seeds, with expectation a + c; B over units, b
    + c; and C, the residual, c. Each part takes the quantile of its own degrees of freedom, and the squares are added (the MOVER of Zou and
    Donner 2008): half² = t²(S - 1) (A - qC)+ + t²(G - 1) (B - C S/(S - 1))+ + z² C. So two seeds with equal totals leave the width of the
    pictures, and two that differ leave t = 12.7 times their standard error. A variance that is contained in both is counted once: z is the
    90 % quantile, q the 22 % quantile of chi²(S - 1) / (S - 1), which keep simulated coverage between 93 and 98 % for 2 to 10 seeds and 3
    to 360 units, equal and unequal.

    Mean and width weight pictures equally; a person with more pictures has more weight in both. One seed gives the interval over units
    alone. With a single unit the interval is infinite.
    """
    from scipy.special import chdtri

    table = table.astype(float)
    seeds, pictures = table.shape
    units = SamplingUnits(groups, pictures)
    count = len(units.weights)
    mean = float(table.mean())
    if count < 2:
        return Interval(mean, -1.0, 1.0, seeds, count)
    unit_means = units.means(table)
    by_seed, by_unit = table.mean(1), unit_means.mean(0)
    t_units = _t(units.freedom)
    over_units = float(units.variance(by_unit - mean))
    if seeds == 1:
        squared = t_units**2 * over_units
    else:
        over_seeds = float(by_seed.var(ddof=1)) / seeds
        residual = float(units.variance(unit_means - by_seed[:, None] - by_unit + mean).sum()) / (seeds - 1) / seeds
        chance = float(chdtri(seeds - 1, 1 - _CHANCE_AT)) / (seeds - 1)
        squared = _t(seeds - 1) ** 2 * max(over_seeds - chance * residual, 0.0) + _NOISE_Z**2 * residual
        squared += t_units**2 * max(over_units - residual * seeds / (seeds - 1), 0.0)
    # Zero variance: one prediction of one seed might still have been different.
    half = max(math.sqrt(squared), 1 / (pictures * math.sqrt(seeds)))
    return Interval(mean, mean - half, mean + half, seeds, count)


def _t(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


@dataclass(frozen=True)
class PairedCounts:
    """Paired comparison of two methods on the same `n` pictures: `fixed` wrong only by the first, `broken` wrong only by the second.

    `p` is the two-sided p-value of an exact test; `low` and `high` bound the gain in accuracy with 95 % confidence. `people` is the number
    of people in the pictures, None where each picture counts alone.
    """

    n: int
    fixed: int
    broken: int
    p: float
    low: float
    high: float
    people: int | None = None

    @property
    def gain(self) -> float:
        return (self.fixed - self.broken) / self.n

    @property
    def verdict(self) -> str:
        """Return "helps" or "hurts" where both the exact test and the interval are significant, else "open"."""
        return self.verdict_at(self.p)

    def verdict_at(self, p: float) -> str:
        """Return the verdict with another p-value, such as one adjusted for several tests on the same pictures."""
        is_open = p >= SURE or self.low <= 0 <= self.high
        return "open" if is_open else "helps" if self.fixed > self.broken else "hurts"


def compare_paired(is_right: np.ndarray, is_right_too: np.ndarray, groups: Sequence[int] | np.ndarray | None = None) -> PairedCounts:
    """Return the paired comparison of two arrays of correctness, bool (N,).

    McNemar's exact test (1947): among the pictures on which the two methods differ, under the null hypothesis either is equally likely to
    be the right one. The interval is Clopper and Pearson's (1934) of that share, converted to the gain.

    With `groups`, the person of each picture, the test flips the sign of whole people's gains. The p-value is the exact one over all 2^G
    sign flips (with one picture each it is McNemar's); the interval is the t interval over people, centred on the mean over pictures.
    """
    from scipy.stats import binomtest

    n, fixed, broken = len(is_right), int((~is_right & is_right_too).sum()), int((is_right & ~is_right_too).sum())
    differ = fixed + broken
    people = None if groups is None else len(np.unique(np.asarray(groups)))
    if not differ:
        # No difference in n pictures: one of up to 3.7/n is compatible with that (the exact bound at zero).
        limit = 1 - (SURE / 2) ** (1 / (people or n))
        return PairedCounts(n, 0, 0, 1.0, -limit, limit, people)
    if groups is not None:
        gains = is_right_too.astype(int) - is_right.astype(int)
        _names, members = np.unique(np.asarray(groups), return_inverse=True)
        interval = crossed_interval(gains[None], groups)
        totals = np.bincount(members, gains).round().astype(int)
        return PairedCounts(n, fixed, broken, flip_test(totals), max(interval.low, -1.0), min(interval.high, 1.0), people)
    test = binomtest(fixed, differ)
    low, high = test.proportion_ci(1 - SURE, "exact")
    return PairedCounts(n, fixed, broken, float(test.pvalue), (2 * low - 1) * differ / n, (2 * high - 1) * differ / n)


def flip_test(totals: np.ndarray) -> float:
    """Return the two-sided p-value of a sum of integers (G,) among all 2^G choices of their signs.

    The choices are not enumerated: the distribution of the sum is convolved number by number.
    """
    sizes = np.abs(totals[totals != 0])
    reach = int(sizes.sum())
    chances = np.zeros(2 * reach + 1)
    chances[reach] = 1.0
    for size in sizes:
        chances = 0.5 * (
            np.roll(chances, size) + np.roll(chances, -size)
        )  # np.roll never wraps non-zero values: no sum lies beyond `reach`
    sums = np.abs(np.arange(-reach, reach + 1))
    return min(1.0, float(chances[sums >= abs(int(totals.sum()))].sum()))


@dataclass(frozen=True, eq=False)
class Calibration:
    """Reliability diagram: ten equal bins of confidence with `counts`, mean `confidence` and `accuracy` (10,), NaN for an empty bin.

    `error` is the expected calibration error: the mean gap between confidence and accuracy, weighted by the counts.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    error: float


def calibrate(probabilities: np.ndarray, labels: np.ndarray) -> Calibration:
    """Return the calibration of probabilities (N, K) (Guo and others, ICML 2017, arXiv:1706.04599)."""
    best, is_right = probabilities.max(1), probabilities.argmax(1) == labels
    # Bins are open below and closed above, as in the paper; the edges are rounded as the confidences are, so that 0.3 lies in one bin.
    bin_indices = np.searchsorted(np.linspace(0, 1, BINS + 1).astype(best.dtype)[1:-1], best)
    counts = np.bincount(bin_indices, minlength=BINS)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(bin_indices, best, BINS) / counts
        accuracy = np.bincount(bin_indices, is_right, BINS) / counts
    full = counts > 0
    error = float((counts[full] * np.abs(confidence - accuracy)[full]).sum() / len(labels))
    return Calibration(counts, confidence, accuracy, error)


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of -log of the probability (N, K) of the true class.

    As in scikit-learn, probabilities are clipped at the machine epsilon of their own precision: 1.2e-07 for float32, a loss of 15.9.
    """
    true_probabilities = probabilities[np.arange(len(labels)), labels]
    epsilon = np.finfo(probabilities.dtype).eps
    return float(-np.log(np.clip(true_probabilities, epsilon, 1 - epsilon).astype(np.float64)).mean())


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities (N, K) raised to 1 / temperature and normalised: above 1 the confidence falls, below 1 it rises."""
    logs = np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny)) / temperature
    raised = np.exp(logs - logs.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature, 0.05 to 20, with the lowest log-loss on these predictions; the predicted classes do not change."""
    from scipy.optimize import minimize_scalar

    result = minimize_scalar(
        lambda power: log_loss(temper(probabilities, float(np.exp(power))), labels), bounds=(np.log(0.05), np.log(20)), method="bounded"
    )
    return float(np.exp(result.x))
