"""Helpers of the training loop: divergence guard, statistics of the current epoch, limit on the time share of side work."""

from __future__ import annotations

import math
import time

from vpc2.text import Text

LOST_FACTOR = 1e4  # times the reference loss in a single step: training cannot recover
RISEN_FACTOR, RISEN_STEPS = 10.0, 20  # this many times the reference loss for this many steps in a row: training will not recover

_NAN = Text("NaN")
_HUGE = Text("huge ({loss:.3g}, where guessing gives {guess:.2f})")


class DivergenceGuard:
    """Detects a diverging loss: NaN, infinite, or huge (a high learning rate often gives a huge but finite loss).

    The reference is the first loss or the loss of uniform guessing, whichever is larger. The first loss alone is not enough: a
    pretrained net starts at about 0.01, and any reasonable learning rate raises that tenfold for a while. Guessing alone is not
    enough either: an untrained net without normalisation may start far above it.

    Checkpoints store the attributes under their names (`guess`, `first`, `risen`).
    """

    def __init__(self, classes: int):
        self.guess = math.log(max(classes, 2))
        self.first: float | None = None
        self.risen = 0

    def check(self, loss: float) -> Text | None:
        """Return a description of a diverged loss, or None while the loss is in its normal range."""
        if not math.isfinite(loss):
            return _NAN
        if self.first is None:
            self.first = loss
        bound = max(self.first, self.guess)
        self.risen = self.risen + 1 if loss > RISEN_FACTOR * bound else 0
        is_lost = loss > LOST_FACTOR * bound or self.risen >= RISEN_STEPS
        return _HUGE.fill(loss=loss, guess=self.guess) if is_lost else None


class EpochStatistics:
    """Sums over the steps of the current epoch.

    `batches` steps, `loss`, `hits` and `floor` summed over `seen` images; `pending` holds (loss, accuracy) of the steps not yet
    reported. Checkpoints store the attributes under these names.
    """

    def __init__(self) -> None:
        self.batches, self.loss, self.hits, self.seen, self.floor = 0, 0.0, 0, 0, 0.0
        self.pending: list[tuple[float, float]] = []

    def add(self, loss: float, hits: int, count: int, floor: float) -> None:
        """Add a batch of `count` images; `floor` is the lowest loss that its targets allow."""
        self.batches += 1
        self.floor += floor * count
        self.loss, self.hits, self.seen = self.loss + loss * count, self.hits + hits, self.seen + count
        self.pending.append((loss, hits / count))


class TimeShare:
    """Limits side work to a share of the time: `is_due` tells whether it may run again; as a context manager it times the work.

    `share` is the largest share (0 to 1), `every_s` the shortest interval in seconds.
    """

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
