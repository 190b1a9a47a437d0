"""What the loop keeps an eye on: bounds of the loss, what an epoch has gone through, the time that side work takes."""

from __future__ import annotations

import math
import time

from vpc2.words import Text

HUGE_LOSS = 1e4
RISEN_FACTOR, RISEN_STEPS = 10.0, 20  # ten times the first loss for so many steps in a row: it will not come back

_NAN = Text("NaN", "NaN")
_HUGE = Text("huge", "enorme")


class Bounds:
    """Tells when a loss has left all bounds; a high learning rate often gives a huge but finite one."""

    def __init__(self):
        self.first: float | None = None
        self.risen = 0

    def breach(self, loss: float) -> Text | None:
        """Return what a loss became, or None while it is within bounds."""
        if not math.isfinite(loss):
            return _NAN
        if self.first is None:
            self.first = max(loss, 1e-3)
        self.risen = self.risen + 1 if loss > RISEN_FACTOR * self.first else 0
        return _HUGE if loss > HUGE_LOSS or self.risen >= RISEN_STEPS else None


class Passed:
    """What an epoch has gone through so far; `pending` are the steps not yet reported."""

    def __init__(self):
        self.batches, self.loss, self.hits, self.seen = 0, 0.0, 0, 0
        self.pending: list[tuple[float, float]] = []

    def add(self, loss: float, hits: int, count: int) -> None:
        self.batches += 1
        self.loss, self.hits, self.seen = self.loss + loss * count, self.hits + hits, self.seen + count
        self.pending.append((loss, hits / count))


class Share:
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
