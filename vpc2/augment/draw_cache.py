"""What draws looked like after each step, so that a moved knob is computed from its own step on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vpc2.augment.spec import Step
from vpc2.rng import seed_of

if TYPE_CHECKING:
    from torch import Tensor

Stage = tuple[tuple["Tensor", tuple[Any, ...]], ...]  # of each draw: the picture (1, 3, H, W), float, and the outcomes behind it


def stage_names(seed: int, image_key: str, shape: Sequence[int], device: str | None, numbers: range, steps: Sequence[Step]) -> list[int]:
    """Return what stands for these draws after each of the steps: it depends on all that comes before, and on nothing else."""
    names, name = [], seed_of(seed, image_key, tuple(shape), device, numbers)
    for step in steps:
        name = seed_of(name, repr(step))
        names.append(name)
    return names


class Stages:
    """The draws of photographs after each step, at most `limit_bytes`; what was unused for longest gives way. Safe between threads.

    Pictures are kept as they are, in float: bytes would round them, and a draw must not depend on what was kept.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self._kept: OrderedDict[int, Stage] = OrderedDict()
        self._lock = threading.Lock()

    def latest(self, names: Sequence[int]) -> tuple[int, Stage]:
        """Return how many of these steps the draws have behind them already, and the draws then; 0 and none where none is kept."""
        with self._lock:
            for done in range(len(names), 0, -1):
                if names[done - 1] in self._kept:
                    self._kept.move_to_end(names[done - 1])
                    return done, self._kept[names[done - 1]]
        return 0, ()

    def add(self, name: int, stage: Stage) -> None:
        """Keep the draws after the step that `name` stands for; nobody may write to their pictures any more."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = stage
                self.bytes += _bytes_of(stage)
            while self.bytes > self.limit_bytes:
                self.bytes -= _bytes_of(self._kept.popitem(last=False)[1])

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()
            self.bytes = 0


def _bytes_of(stage: Stage) -> int:
    return sum(images.nbytes for images, _outcomes in stage)
