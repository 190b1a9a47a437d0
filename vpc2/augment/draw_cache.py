"""Cache of draws after each step of a pipeline, so that after a change of one step only it and later steps are computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vpc2.augment.spec import Step
from vpc2.rng import seed_of
from vpc2.system.lru_cache import LruCache

if TYPE_CHECKING:
    from torch import Tensor

Stage = tuple[tuple["Tensor", tuple[Any, ...]], ...]  # for each draw: the picture (1, 3, H, W), float, and the outcomes of the steps so far


def stage_names(seed: int, image_key: str, shape: Sequence[int], device: str | None, numbers: range, steps: Sequence[Step]) -> list[int]:
    """Return the cache keys of these draws after each of the steps: a hash of everything the result depends on."""
    names, name = [], seed_of(seed, image_key, tuple(shape), device, numbers)
    for step in steps:
        name = seed_of(name, repr(step))
        names.append(name)
    return names


class DrawCache:
    """An LRU cache of the draws of photographs after each step, at most `limit_bytes`. Thread-safe.

    Pictures are stored as floats: bytes would round them, and a draw must not depend on what was cached.
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
        """Return the number of leading steps whose result is cached, and the draws after them; 0 and an empty stage if none is."""
        for done in range(len(names), 0, -1):
            if (stage := self._stages.get(names[done - 1])) is not None:
                return done, stage
        return 0, ()

    def add(self, name: int, stage: Stage) -> None:
        """Store the draws after the step with the key `name`; their pictures must not be written to any more."""
        self._stages.setdefault(name, stage)

    def clear(self) -> None:
        """Remove everything."""
        self._stages.clear()


def _bytes_of(stage: Stage) -> int:
    return sum(images.nbytes for images, _outcomes in stage)
