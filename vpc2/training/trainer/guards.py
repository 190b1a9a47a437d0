"""What the loop keeps an eye on: bounds of the loss, what an epoch has gone through, the time that side work takes."""

from __future__ import annotations

import math
import time

from vpc2.text import Text

LOST_FACTOR = 1e4  # times the least bound, in a single step: no weights come back from there
RISEN_FACTOR, RISEN_STEPS = 10.0, 20  # so many times the bound for so many steps in a row: it will not come back

_NAN = Text("NaN")
_HUGE = Text("huge ({loss:.3g}, where guessing gives {guess:.2f})")


class DivergenceGuard:
    """Tells when a loss has left all bounds; a high learning rate often gives a huge but finite one.

    What is measured against is the first loss or that of guessing, whichever is larger. The first alone would not do: a net that
    was trained before begins at a hundredth, and any rate worth its name lifts that tenfold for a while. Guessing alone would
    not either: an untrained net without norms may begin far above it.
    """

    def __init__(self, classes: int):
        self.guess = math.log(max(classes, 2))
        self.first: float | None = None
        self.risen = 0

    def breach(self, loss: float) -> Text | None:
        """Return what a loss became, or None while it is within bounds."""
        if not math.isfinite(loss):
            return _NAN
        if self.first is None:
            self.first = loss
        bound = max(self.first, self.guess)
        self.risen = self.risen + 1 if loss > RISEN_FACTOR * bound else 0
        is_lost = loss > LOST_FACTOR * bound or self.risen >= RISEN_STEPS
        return _HUGE.fill(loss=loss, guess=self.guess) if is_lost else None


class EpochStatistics:
    """What an epoch has gone through so far; `pending` are the steps not yet reported."""

    def __init__(self) -> None:
        self.batches, self.loss, self.hits, self.seen, self.floor = 0, 0.0, 0, 0, 0.0
        self.pending: list[tuple[float, float]] = []

    def add(self, loss: float, hits: int, count: int, floor: float) -> None:
        """Add a batch of `count` pictures; `floor` is the least loss that its targets leave."""
        self.batches += 1
        self.floor += floor * count
        self.loss, self.hits, self.seen = self.loss + loss * count, self.hits + hits, self.seen + count
        self.pending.append((loss, hits / count))


class TimeShare:
    """Keeps something from taking more than its share of the time; used as a context, it measures."""

    def __init__(self, share: float, every_s: float = 0.0):
        self.share, self.every_s = share, every_s
        self.ended, self.took = -math.inf, 0.0

    def is_due(self) -> bool:
        return time.monotonic() - self.ended > max(self.took / self.share, self.every_s)

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.ended = time.monotonic()
        self.took = self.ended - self.started
