"""Label survival under augmentation: how often a classifier's prediction stays the same over draws, with a confidence interval.

This module alone defines when draws are called harmless or unsafe, and when the prediction for the plain picture counts as a label. The
classifier is passed as a function, so that this module does not depend on nets.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from vpc2.augment.pipeline import draw_images
from vpc2.augment.spec import Pipeline, edit_solo
from vpc2.proportions import Z, wilson
from vpc2.text import Text

MAX_CHANGED_SHARE = 0.05  # largest share of draws with a changed prediction in a harmless pipeline
# Smallest probability of the prediction for the plain picture; below it there is no label to lose. Of hands, for which ImageNet has no
# class, its net predicts 7 of 100 with this probability, and 34 of 100 with a quarter.
SURE = 0.5
# Smallest number of draws, none of them changed, whose interval lies within MAX_CHANGED_SHARE.
MIN_DRAWS = math.floor(Z * Z * (1 - MAX_CHANGED_SHARE) / MAX_CHANGED_SHARE) + 1

RULE = Text(
    "Harmless: fewer than {most} % of the draws lose the answer, the whole 95 % interval included; that takes {fewest} draws or more. "
    "Unsafe: the whole interval lies above {most} %. Otherwise there is not enough evidence."
).fill(most=round(100 * MAX_CHANGED_SHARE), fewest=MIN_DRAWS)
NO_LABEL = Text(
    "The classifier is not sure of this photograph as it is: its first answer is “{answer}”, with {share}. Under {sure} there is no label "
    "to lose, so nothing is said about the pipeline."
)

Predict = Callable[[Sequence[Tensor]], np.ndarray]  # pictures, float (3, H, W) in [0, 1], to probabilities (N, K)


@dataclass(frozen=True)
class Survival:
    """How many of `n` draws keep their predicted class; `low` and `high` bound the true share with 95 % confidence.

    `answers` holds each draw's predicted class, `certainty` the probability of that class.
    """

    n: int
    survived: int
    answers: tuple[int, ...] = ()
    certainty: tuple[float, ...] = ()

    @property
    def share(self) -> float:
        return self.survived / max(self.n, 1)

    @property
    def low(self) -> float:
        return wilson(self.survived, self.n)[0]

    @property
    def high(self) -> float:
        return wilson(self.survived, self.n)[1]

    @property
    def verdict(self) -> str:
        """Return "harmless" where at most `MAX_CHANGED_SHARE` of the draws change the prediction, "unsafe" where more do, else "open".

        Both hold for the whole interval. One changed draw alone is never called unsafe: for a single draw Wilson's interval is too narrow.
        """
        line = 1 - MAX_CHANGED_SHARE
        return "harmless" if self.is_over(line) else "unsafe" if self.is_under(line) and self.n - self.survived > 1 else "open"

    def is_over(self, line: float) -> bool:
        """True where the whole interval of the share that keeps the prediction lies above a threshold (0 to 1)."""
        return self.low > line

    def is_under(self, line: float) -> bool:
        """True where the whole interval lies below a threshold."""
        return self.high < line

    def instead(self, label: int) -> tuple[int, int] | None:
        """Return the class predicted most often in place of `label`, and how often; None where no draw changed."""
        return next(iter(Counter(answer for answer in self.answers if answer != label).most_common(1)), None)


@dataclass(frozen=True)
class ClassSurvival(Survival):
    """The survival of one class, one draw per picture; `example` is the index of a picture that illustrates the verdict."""

    example: int = -1


@dataclass(frozen=True)
class SurvivalDrop:
    """Where survival falls below a threshold in a sweep, as indices.

    `sure` is the first strength whose whole interval lies below, `counted` the first whose share does, None where there is none. `stays` is
    True where every strength after `sure` has a share below too, `is_clear` where every interval of the sweep lies above.
    """

    sure: int | None
    counted: int | None
    stays: bool
    is_clear: bool


def find_drop(sweep: Sequence[Survival], line: float) -> SurvivalDrop:
    """Return where the survival over rising strengths falls below `line` (0 to 1); only tested strengths are named."""
    sure = next((i for i, point in enumerate(sweep) if point.is_under(line)), None)
    counted = next((i for i, point in enumerate(sweep) if point.share < line), None)
    stays = sure is not None and all(point.share < line for point in sweep[sure:])
    return SurvivalDrop(sure, counted, stays, all(point.is_over(line) for point in sweep))


def is_sure(certainty: float | np.ndarray) -> bool | np.ndarray:
    """True where the probability of the prediction for a plain picture (or an array of them) is high enough for a label."""
    return certainty >= SURE


def survival(pipeline: Pipeline, image: Tensor, label: int, predict: Predict, draws: int, image_key: str = "") -> Survival:
    """Return how often a picture, float (3, H, W) in [0, 1], is still predicted as `label` over `draws` draws."""
    probabilities = predict([draw.image for draw in draw_images(pipeline, image, draws, image_key=image_key)])
    classes = probabilities.argmax(1)
    return Survival(draws, int((classes == label).sum()), tuple(classes.tolist()), tuple(probabilities.max(1).tolist()))


def survival_by_step(
    pipeline: Pipeline, image: Tensor, label: int, predict: Predict, draws: int, image_key: str = ""
) -> dict[str, Survival]:
    """Return the survival under each step alone, by step id: the lowest is the step that breaks the label."""
    return {step.id: survival(edit_solo(pipeline, step.id), image, label, predict, draws, image_key) for step in pipeline.steps if step.on}


def survival_by_class(pipeline: Pipeline, images: Sequence[Tensor], labels: np.ndarray, predict: Predict) -> dict[int, ClassSurvival]:
    """Return, per class, how many pictures that are predicted correctly and confidently stay correct after one draw each.

    A class without such pictures is left out: there is no label to lose.
    """
    plain = predict(images)
    right = np.flatnonzero((plain.argmax(1) == labels) & is_sure(plain.max(1)))
    if not len(right):
        return {}
    probabilities = predict([draw_images(pipeline, images[i], 1, image_key=str(i))[0].image for i in right.tolist()])
    classes, certainty = probabilities.argmax(1), probabilities.max(1)
    survivals = {}
    for label in np.unique(labels[right]).tolist():
        in_class = labels[right] == label
        result = Survival(
            int(in_class.sum()),
            int((classes[in_class] == label).sum()),
            tuple(classes[in_class].tolist()),
            tuple(certainty[in_class].tolist()),
        )
        replacement = result.instead(label)
        shown_answer = label if replacement is None or (result.verdict != "unsafe" and result.survived) else replacement[0]
        survivals[label] = ClassSurvival(**vars(result), example=int(right[in_class][result.answers.index(shown_answer)]))
    return survivals
