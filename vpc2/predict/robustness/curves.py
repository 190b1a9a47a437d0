"""Robustness curves: predictions under rising strengths of a corruption, for one photograph and over a test set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vpc2.data.imageset import ImageSet
from vpc2.predict.classifier import Classifier
from vpc2.predict.evaluation import true_labels
from vpc2.predict.robustness.corrupt import corrupt_images
from vpc2.predict.robustness.corruptions import CORRUPTIONS
from vpc2.predict.statistics import accuracy_of
from vpc2.predict.tta.predict import images_at_once
from vpc2.proportions import Share


@dataclass(frozen=True)
class RobustnessCurve:
    """The accuracy on a set of pictures with its interval, and the mean confidence (0 to 1), at each strength, starting with none."""

    corruption: str
    strengths: tuple[float, ...]
    shares: tuple[Share, ...]
    confidence: tuple[float, ...]

    @property
    def accuracy(self) -> tuple[float, ...]:
        """The accuracies alone, 0 to 1."""
        return tuple(share.share for share in self.shares)

    @property
    def relative_accuracy(self) -> float:
        """The mean accuracy over all strengths but the first, as a share of the plain accuracy; 0 where that is 0."""
        plain, *corrupted = self.accuracy
        return float(np.mean(corrupted)) / plain if plain else 0.0


def probabilities_over(classifier: Classifier, images: torch.Tensor, corruption: str, seed: int = 0) -> torch.Tensor:
    """Return the probabilities (strengths, K) of one image (1, 3, S, S) at every strength of a corruption."""
    corrupted_images = torch.cat(
        [corrupt_images(images, corruption, strength, seed) for strength in CORRUPTIONS.find(corruption).strengths]
    )
    return classifier.probabilities(corrupted_images)


def accuracy_over(
    classifier: Classifier, data: ImageSet, corruption: str, report: Callable[[float], None] = lambda share: None
) -> RobustnessCurve:
    """Return the accuracy and confidence on a set at every strength. Raises `Refusal` for classes the classifier does not know."""
    entry = CORRUPTIONS.find(corruption)
    labels = torch.from_numpy(true_labels(data, classifier.classes))
    chunk, total = images_at_once(classifier), len(data) * len(entry.strengths)
    right, sure = np.zeros((len(entry.strengths), len(data)), bool), np.zeros(len(entry.strengths))
    for start in range(0, len(data), chunk):
        images = classifier.prepare(list(data.images[start : start + chunk]))
        for s, strength in enumerate(entry.strengths):
            shares = classifier.probabilities(corrupt_images(images, corruption, strength, start))
            right[s, start : start + chunk] = (shares.argmax(1) == labels[start : start + chunk]).numpy()
            sure[s] += float(shares.amax(1).sum())
            report((start * len(entry.strengths) + (s + 1) * len(images)) / total)
    accuracies = tuple(accuracy_of(row, data.groups) for row in right)
    return RobustnessCurve(entry.key, entry.strengths, accuracies, tuple((sure / len(data)).tolist()))
