"""When a loss has left all bounds."""

from __future__ import annotations

import math

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
