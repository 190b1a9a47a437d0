"""What two recipes' answers to the same test pictures say about which is better: the gap, its interval, and the sentence.

Every seed trains both sides, and both answer the same pictures, so the differences form a table: a row a seed, a column a
picture. Seeds and pictures are both samples: another draw of either would give another gap. The interval is that of a
two-way crossed design, as in multi-reader multi-case studies (Dorfman, Berbaum and Metz 1992; degrees of freedom of Hillis,
Berbaum and Metz 2008): Var = (MS_seeds + max(MS_pictures - MS_error, 0)) / (seeds x pictures).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vpc2.words import Text

CONFIDENCE = 0.95

_BETTER = Text(
    "{right}: test accuracy {b:.1%} instead of {a:.1%} ({left}): {gap:.1f} points better (95 % interval {low:.1f} to {high:.1f}), "
    "for {b_s:.0f} s instead of {a_s:.0f} s a run.",
    "{right}: exactitud de prueba {b:.1%} en lugar de {a:.1%} ({left}): {gap:.1f} puntos mejor (intervalo del 95 %: {low:.1f} a "
    "{high:.1f}), por {b_s:.0f} s en lugar de {a_s:.0f} s por entrenamiento.",
)
_WORSE = Text(
    "{right}: test accuracy {b:.1%} instead of {a:.1%} ({left}): {gap:.1f} points worse (95 % interval {low:.1f} to {high:.1f}), "
    "for {b_s:.0f} s instead of {a_s:.0f} s a run.",
    "{right}: exactitud de prueba {b:.1%} en lugar de {a:.1%} ({left}): {gap:.1f} puntos peor (intervalo del 95 %: {low:.1f} a "
    "{high:.1f}), por {b_s:.0f} s en lugar de {a_s:.0f} s por entrenamiento.",
)
_UNCLEAR = Text(
    "Not enough evidence: {right} has {b:.1%} and {left} {a:.1%}, but the 95 % interval of the gap, {low:.1f} to {high:.1f} points, "
    "contains zero. More seeds or more test pictures would tell.",
    "No hay evidencia suficiente: {right} tiene {b:.1%} y {left} {a:.1%}, pero el intervalo del 95 % de la diferencia, de {low:.1f} a "
    "{high:.1f} puntos, contiene el cero. Más semillas o más imágenes de prueba lo dirían.",
)
_ONE_SEED = Text(
    "With a single seed, luck in the first weights and in the order of the pictures is not in this interval.",
    "Con una sola semilla, este intervalo no incluye la suerte de los primeros pesos ni del orden de las imágenes.",
)


@dataclass(frozen=True)
class Gap:
    """The mean difference in accuracy (right minus left, 0 to 1) with its interval; `seeds` and `units` it rests on."""

    mean: float
    low: float
    high: float
    seeds: int
    units: int

    @property
    def is_clear(self) -> bool:
        """True where the interval does not contain zero."""
        return self.low > 0 or self.high < 0


def measure_gap(left: np.ndarray, right: np.ndarray, groups: Sequence[int] | None = None) -> Gap:
    """Return the gap between two tables of right answers, (seeds, pictures) of 0 and 1, paired by seed and picture.

    With `groups`, pictures of one person count as one unit: they are not independent.
    """
    table = right.astype(float) - left.astype(float)
    mean = float(table.mean())
    if groups is not None:
        members = np.asarray(groups)
        table = np.stack([table[:, members == group].mean(1) for group in np.unique(members)], axis=1)
    seeds, units = table.shape
    by_unit, by_seed = table.mean(0), table.mean(1)
    if seeds == 1:
        error, freedom = float(by_unit.std(ddof=1) / np.sqrt(units)) if units > 1 else float("inf"), units - 1
    else:
        residual = table - by_unit[None] - by_seed[:, None] + table.mean()
        ms_seeds = units * by_seed.var(ddof=1)
        ms_units = seeds * by_unit.var(ddof=1) if units > 1 else 0.0
        ms_error = (residual**2).sum() / max((seeds - 1) * (units - 1), 1)
        spread = ms_seeds + max(ms_units - ms_error, 0.0)
        error = float(np.sqrt(spread / (seeds * units)))
        freedom = spread**2 / (ms_seeds**2 / (seeds - 1)) if ms_seeds > 0 else float("inf")
    half = _quantile(freedom) * error
    return Gap(mean, mean - half, mean + half, seeds, units)


def _quantile(freedom: float) -> float:
    from scipy.stats import norm, t

    share = (1 + CONFIDENCE) / 2
    return float(t.ppf(share, freedom)) if np.isfinite(freedom) else float(norm.ppf(share))


@dataclass(frozen=True)
class Side:
    """One side of an experiment: its name, the mean test accuracy and the mean seconds a run."""

    name: str
    accuracy: float
    seconds: float


def sentences(gap: Gap, left: Side, right: Side) -> tuple[Text, ...]:
    """Return what the numbers support, in words."""
    text = _UNCLEAR if not gap.is_clear else _BETTER if gap.mean > 0 else _WORSE
    low, high = 100 * gap.low, 100 * gap.high
    if text is _WORSE:
        low, high = -high, -low
    filled = text.fill(
        right=right.name,
        left=left.name,
        a=left.accuracy,
        b=right.accuracy,
        gap=abs(100 * gap.mean),
        low=low,
        high=high,
        a_s=left.seconds,
        b_s=right.seconds,
    )
    return (filled, _ONE_SEED) if gap.seeds == 1 else (filled,)
