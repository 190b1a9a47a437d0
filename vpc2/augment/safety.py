"""Does a label survive augmentation? What a classifier answers to the draws, counted, with how sure the count is.

The classifier comes as a function, so that this room needs to know nothing of nets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from vpc2.augment.pipeline import draw_images
from vpc2.augment.spec import Pipeline, edit_solo

Ask = Callable[[Sequence[Tensor]], np.ndarray]  # pictures, float (3, H, W) in [0, 1], to probabilities (N, K)


@dataclass(frozen=True)
class Survival:
    """How many of `n` draws keep their answer; `low` and `high` bound the true share with 95 % confidence.

    `answers` holds each draw's class, `certainty` the probability it gives to that class.
    """

    n: int
    kept: int
    answers: tuple[int, ...] = ()
    certainty: tuple[float, ...] = ()

    @property
    def share(self) -> float:
        return self.kept / self.n

    @property
    def low(self) -> float:
        return wilson(self.kept, self.n)[0]

    @property
    def high(self) -> float:
        return wilson(self.kept, self.n)[1]


def wilson(kept: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return the interval of Wilson's score for a share of `kept` in `n` (1927), 95 % unless `z` says otherwise.

    Unlike the usual one it is not empty at 0 and 1, where a handful of draws would seem to prove something.
    """
    share, weight = kept / n, z * z / n
    middle, half = share + weight / 2, z * math.sqrt(share * (1 - share) / n + weight / (4 * n))
    low, high = (middle - half) / (1 + weight), (middle + half) / (1 + weight)
    return (0.0 if kept == 0 else low), (1.0 if kept == n else high)


def survival(pipeline: Pipeline, image: Tensor, label: int, ask: Ask, draws: int, image_key: str = "") -> Survival:
    """Return how often a picture, float (3, H, W) in [0, 1], is still answered `label` over `draws` draws."""
    answers = ask([draw.image for draw in draw_images(pipeline, image, draws, image_key=image_key)])
    classes = answers.argmax(1)
    return Survival(draws, int((classes == label).sum()), tuple(classes.tolist()), tuple(answers.max(1).tolist()))


def survival_by_step(pipeline: Pipeline, image: Tensor, label: int, ask: Ask, draws: int, image_key: str = "") -> dict[str, Survival]:
    """Return the survival under each step alone, by the step's id: the lowest is the step that breaks the label."""
    return {step.id: survival(edit_solo(pipeline, step.id), image, label, ask, draws, image_key) for step in pipeline.steps if step.on}


def survival_by_class(pipeline: Pipeline, images: Sequence[Tensor], labels: np.ndarray, ask: Ask) -> dict[int, Survival]:
    """Return, for each class, how many pictures that are answered rightly as they are stay right after one draw of each.

    A class of which nothing is answered rightly is left out: there is no label to lose.
    """
    plain = ask(images).argmax(1)
    right = np.flatnonzero(plain == labels)
    if not len(right):
        return {}
    drawn = [draw_images(pipeline, images[i], 1, image_key=str(i))[0].image for i in right]
    kept = ask(drawn).argmax(1) == labels[right]
    of_class = labels[right]
    return {int(label): Survival(int((of_class == label).sum()), int(kept[of_class == label].sum())) for label in np.unique(of_class)}
