"""Shares: an accuracy with its n and confidence interval, as shown on every page, report and the command line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vpc2.text import Text

CONFIDENCE = 0.95
Z = 1.959963984540054  # the quantile of the normal distribution for 95 % confidence

_NONE = Text("no pictures")
_SHARE = Text("{share:.{digits}f} % ({low:.{fine}f} to {high:.{fine}f}) of {n:,}")
_BOUNDS = Text("{low:.{fine}f} to {high:.{fine}f} % of {n:,}")


@dataclass(frozen=True)
class Share:
    """`hits` of `n` with the 95 % interval `low` to `high`, 0 to 1; `people` is the number of people where pictures are grouped by them."""

    hits: int
    n: int
    low: float
    high: float
    people: int | None = None

    @property
    def share(self) -> float:
        return self.hits / self.n if self.n else math.nan

    @property
    def text(self) -> Text:
        """The share with its interval and n: "94.2 % (91 to 96) of 360"."""
        return _SHARE.fill(**self._numbers()) if self.n else _NONE

    @property
    def bounds(self) -> Text:
        """The interval and n alone: "91 to 96 % of 360"."""
        return _BOUNDS.fill(**self._numbers()) if self.n else _NONE

    def _numbers(self) -> dict[str, object]:
        width = self.high - self.low
        fine = 0 if self.n < 100 or width >= 0.05 else 1 if width >= 0.005 else 2
        return {
            "share": 100 * self.share,
            "digits": 0 if self.n < 100 else max(fine, 1),
            "low": 100 * self.low,
            "high": 100 * self.high,
            "fine": fine,
            "n": self.n,
        }


def wilson(hits: float, n: float, z: float = Z) -> tuple[float, float]:
    """Return Wilson's score interval (1927) for a share of `hits` in `n`, 95 % unless `z` is given; 0 to 1 for n = 0.

    Unlike the normal approximation it has a positive width at 0 and 1, where a few pictures prove little. Written out: scipy's
    `binomtest(hits, n).proportion_ci(method="wilson")` gives the same, but accepts integers only (the effective sample size of pictures of
    a few people is a fraction) and computes an exact test first: milliseconds per call, where a page shows hundreds of intervals.
    """
    if not n:
        return 0.0, 1.0
    share, weight = hits / n, z * z / n
    middle, half = share + weight / 2, z * math.sqrt(share * (1 - share) / n + weight / (4 * n))
    low, high = (middle - half) / (1 + weight), (middle + half) / (1 + weight)
    return (0.0 if hits == 0 else low), (1.0 if hits == n else high)


def share_of(hits: int, n: int) -> Share:
    """Return the share of `hits` in `n` with Wilson's interval."""
    return Share(int(hits), int(n), *wilson(hits, n))


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for multiple tests (Holm 1979): below 0.05, each is significant among all."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, worst = [0.0] * len(values), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(values) - rank) * values[i]))
        adjusted[i] = worst
    return adjusted
