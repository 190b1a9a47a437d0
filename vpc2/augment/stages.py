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

Stage = tuple["Tensor", tuple[Any, ...]]  # a picture (1, 3, H, W), float, and the outcomes of the steps behind it


def stage_names(seed: int, image_key: str, shape: Sequence[int], device: str | None, steps: Sequence[Step]) -> list[int]:
    """Return what stands for this picture after each of the steps: it depends on all that comes before, and on nothing else."""
    names, name = [], seed_of(seed, image_key, tuple(shape), device)
    for step in steps:
        name = seed_of(name, repr(step))
        names.append(name)
    return names


class Stages:
    """Pictures after each step, at most `limit_bytes` of them; the ones unused for longest give way. Safe between threads.

    Pictures are kept as they are, in float: bytes would round them, and a draw must not depend on what was kept.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self._kept: OrderedDict[tuple[int, int], Stage] = OrderedDict()
        self._lock = threading.Lock()

    def latest(self, names: Sequence[int], number: int) -> tuple[int, Stage | None]:
        """Return how many of the steps draw `number` has behind it already, and that stage; 0 and None where it has none."""
        with self._lock:
            for done in range(len(names), 0, -1):
                if stage := self._kept.get((names[done - 1], number)):
                    self._kept.move_to_end((names[done - 1], number))
                    return done, stage
        return 0, None

    def add(self, name: int, number: int, images: Tensor, outcomes: tuple[Any, ...]) -> None:
        """Keep draw `number` after the step that `name` stands for; nobody may write to `images` any more."""
        with self._lock:
            if (name, number) not in self._kept:
                self._kept[name, number] = images, outcomes
                self.bytes += images.nbytes
            while self.bytes > self.limit_bytes:
                _key, (old, _outcomes) = self._kept.popitem(last=False)
                self.bytes -= old.nbytes
