"""What counts and probabilities support: exact tests of two classifiers on the same pictures, and how far confidence can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 10
SURE = 0.05  # below this an exact test speaks of evidence


@dataclass(frozen=True)
class Paired:
    """Two ways of asking on the same `n` pictures: `fixed` wrong only the first way, `broken` wrong only the second.

    `p` is McNemar's exact two-sided p-value; `low` and `high` bound the gain in accuracy with 95 % confidence.
    """

    n: int
    fixed: int
    broken: int
    p: float
    low: float
    high: float

    @property
    def gain(self) -> float:
        return (self.fixed - self.broken) / self.n

    @property
    def verdict(self) -> str:
        """Return "helps" or "hurts" where the exact test speaks, else "open"."""
        return "open" if self.p >= SURE else "helps" if self.fixed > self.broken else "hurts"


def compare_paired(is_right: np.ndarray, is_right_too: np.ndarray) -> Paired:
    """Return what two rows of right and wrong, bool (N,), support.

    McNemar's exact test (1947): among the pictures on which both ways differ, either is as likely to be the right one. The
    interval is Clopper and Pearson's (1934) of that share, carried over to the gain.
    """
    from scipy.stats import binomtest

    n, fixed, broken = len(is_right), int((~is_right & is_right_too).sum()), int((is_right & ~is_right_too).sum())
    differ = fixed + broken
    if not differ:
        # Nothing differed in n pictures: a difference of up to 3.7/n may have been missed (the exact bound at zero).
        most = 1 - (SURE / 2) ** (1 / n)
        return Paired(n, 0, 0, 1.0, -most, most)
    test = binomtest(fixed, differ)
    low, high = test.proportion_ci(1 - SURE, "exact")
    return Paired(n, fixed, broken, float(test.pvalue), (2 * low - 1) * differ / n, (2 * high - 1) * differ / n)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Confidence against accuracy in ten equal bins: `counts`, `confidence` and `accuracy` (10,), NaN where a bin is empty.

    `error` is the expected calibration error: the mean gap between both, weighted by the counts.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    error: float


def calibrate(probabilities: np.ndarray, labels: np.ndarray) -> Calibration:
    """Return how far the confidence of probabilities (N, K) is the accuracy (Guo and others, ICML 2017, arXiv:1706.04599)."""
    best, is_right = probabilities.max(1), probabilities.argmax(1) == labels
    # Bins are open below and closed above, as in the paper; a confidence of 0 cannot be.
    places = np.clip(np.ceil(best * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(places, best, BINS) / counts
        accuracy = np.bincount(places, is_right, BINS) / counts
    full = counts > 0
    error = float((counts[full] * np.abs(confidence - accuracy)[full]).sum() / len(labels))
    return Calibration(counts, confidence, accuracy, error)


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of -log of the probability (N, K) given to the true class; a zero counts as the smallest float."""
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(given, np.finfo(np.float32).tiny)).mean())


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities (N, K) raised to 1 / temperature and made to sum to 1: above 1 less sure, below 1 more."""
    logs = np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny)) / temperature
    raised = np.exp(logs - logs.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature, 0.05 to 20, with the lowest log-loss on these answers; the answers themselves do not change."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda power: log_loss(temper(probabilities, float(np.exp(power))), labels), bounds=(np.log(0.05), np.log(20)), method="bounded"
    )
    return float(np.exp(found.x))
