"""How a classifier holds out as a challenge grows: for one photograph, and counted over a test set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vpc2.data.imageset import ImageSet
from vpc2.predict.classifier import Classifier
from vpc2.predict.metrics import match_classes
from vpc2.predict.robustness.corrupt import disturb
from vpc2.predict.robustness.corruptions import CHALLENGES
from vpc2.predict.statistics import accuracy_of
from vpc2.predict.tta.predict import images_at_once


@dataclass(frozen=True)
class Endurance:
    """Accuracy and mean confidence at each strength over `n` pictures, with the 95 % interval of the accuracy over pictures, or people."""

    challenge: str
    strengths: tuple[float, ...]
    accuracy: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    confidence: tuple[float, ...]
    n: int
    people: int | None = None

    @property
    def kept(self) -> float:
        """The mean accuracy over the strengths, the first left out, as a share of the plain one; 0 where that is 0."""
        return float(np.mean(self.accuracy[1:])) / self.accuracy[0] if self.accuracy[0] else 0.0


def answers_over(classifier: Classifier, images: torch.Tensor, challenge: str, seed: int = 0) -> torch.Tensor:
    """Return the probabilities (strengths, K) of one image (1, 3, S, S) under every strength of a challenge."""
    disturbed = torch.cat([disturb(images, challenge, strength, seed) for strength in CHALLENGES.find(challenge).strengths])
    return classifier.probabilities(disturbed)


def accuracy_over(
    classifier: Classifier, data: ImageSet, challenge: str, report: Callable[[float], None] = lambda share: None
) -> Endurance:
    """Return how often a classifier is right on a set under every strength. Raises `Refusal` for classes it does not know."""
    entry = CHALLENGES.find(challenge)
    labels = torch.from_numpy(match_classes(data.classes, classifier.classes)[np.asarray(data.labels)])
    chunk, total = images_at_once(classifier), len(data) * len(entry.strengths)
    right, sure = np.zeros((len(entry.strengths), len(data)), bool), np.zeros(len(entry.strengths))
    for start in range(0, len(data), chunk):
        images = classifier.prepare(list(data.images[start : start + chunk]))
        for s, strength in enumerate(entry.strengths):
            shares = classifier.probabilities(disturb(images, challenge, strength, start))
            right[s, start : start + chunk] = (shares.argmax(1) == labels[start : start + chunk]).numpy()
            sure[s] += float(shares.amax(1).sum())
            report((start * len(entry.strengths) + (s + 1) * len(images)) / total)
    found = [accuracy_of(row, data.groups) for row in right]
    return Endurance(
        entry.key,
        entry.strengths,
        tuple(share.share for share in found),
        tuple(share.low for share in found),
        tuple(share.high for share in found),
        tuple((sure / len(data)).tolist()),
        len(data),
        found[0].people,
    )
