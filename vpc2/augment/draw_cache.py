"""What draws looked like after each step, so that a moved knob is computed from its own step on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vpc2.augment.spec import Step
from vpc2.lru_cache import LruCache
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


class DrawCache:
    """The draws of photographs after each step, at most `limit_bytes`; what was unused for longest gives way. Safe between threads.

    Pictures are kept as they are, in float: bytes would round them, and a draw must not depend on what was kept.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._stages = LruCache(limit_bytes, _bytes_of)

    @property
    def limit_bytes(self) -> int:
        return self._stages.limit

    @property
    def bytes(self) -> int:
        return self._stages.size

    def latest(self, names: Sequence[int]) -> tuple[int, Stage]:
        """Return how many of these steps the draws have behind them already, and the draws then; 0 and none where none is kept."""
        for done in range(len(names), 0, -1):
            if (stage := self._stages.get(names[done - 1])) is not None:
                return done, stage
        return 0, ()

    def add(self, name: int, stage: Stage) -> None:
        """Keep the draws after the step that `name` stands for; nobody may write to their pictures any more."""
        self._stages.setdefault(name, stage)

    def clear(self) -> None:
        """Drop everything."""
        self._stages.clear()


def _bytes_of(stage: Stage) -> int:
    return sum(images.nbytes for images, _outcomes in stage)
