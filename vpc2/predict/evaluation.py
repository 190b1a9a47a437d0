"""Evaluation of a classifier on a data set: the predictions in every view, and what is computed from them.

The page and the command line use the same `SetPredictions`. Views, weights and a temperature are chosen on `ValidationPredictions`, see
`view_search`; only `TestPredictions` are reported. They are two types, so that nothing is reported on the pictures it was tuned on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vpc2.data.imageset import ImageSet
from vpc2.predict.classifier import Classifier
from vpc2.predict.confusion import confusion_matrix
from vpc2.predict.statistics import PairedCounts, accuracy_of, compare_paired
from vpc2.predict.tta.merges import MERGES, weighted_mean
from vpc2.predict.tta.predict import images_at_once, predict_views
from vpc2.predict.tta.views import IDENTITY, clean_views
from vpc2.proportions import Share
from vpc2.text import Refusal, Text, clean_name

_LISTED = 5

_NO_PICTURES = Text("There is no picture to judge.")
_OTHER_CLASSES = Text("The pictures come in {found:,} classes and this classifier knows {known:,}; it does not know {missing}.")


@dataclass(frozen=True, eq=False)
class SetPredictions:
    """Predictions for N pictures in V views: `logits` (V, N, K), true `labels` (N,), milliseconds per picture and view.

    `digests` identify the pictures by their pixels; the first view is always the identity. `groups` (N,) holds the person of each picture,
    None where that is not known.
    """

    views: tuple[str, ...]
    logits: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    digests: tuple[bytes, ...]
    view_ms: tuple[float, ...]
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def merged(self, how: str = "mean", chosen: Sequence[str] | None = None) -> np.ndarray:
        """Return merged probabilities (N, K) over the chosen views, all if None. No forward pass."""
        keep = [self.views.index(view) for view in (self.views if chosen is None else chosen)]
        return MERGES.find(how).resolve()(torch.from_numpy(self.logits[keep])).numpy()

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """Return the mean of the probabilities (N, K) weighted by `weights` (V,)."""
        return weighted_mean(torch.from_numpy(self.logits), torch.from_numpy(weights).float()).numpy()

    @property
    def plain(self) -> np.ndarray:
        """The probabilities (N, K) of the identity view."""
        return self.merged(chosen=(IDENTITY,))

    def is_right(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities.argmax(1) == self.labels

    def accuracy(self, probabilities: np.ndarray) -> Share:
        """Return the accuracy with n and its confidence interval, over people where known, else over pictures."""
        return accuracy_of(self.is_right(probabilities), self.groups)

    def confusion(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the confusion matrix (K, K): rows are the true class, columns the prediction."""
        return confusion_matrix(self.labels, probabilities.argmax(1), len(self.classes))

    def compare(self, probabilities: np.ndarray, other_probabilities: np.ndarray) -> PairedCounts:
        """Return the paired comparison of two sets of probabilities on these pictures."""
        return compare_paired(self.is_right(probabilities), self.is_right(other_probabilities), self.groups)


class ValidationPredictions(SetPredictions):
    """Predictions that may be used to choose views, weights and temperatures."""


class TestPredictions(SetPredictions):
    """Predictions that are reported, and never used for choosing."""

    __test__ = False  # pytest must not collect it


def predict_set(
    kind: type[SetPredictions],
    classifier: Classifier,
    data: ImageSet,
    views: Sequence[str],
    report: Callable[[float], None] = lambda share: None,
) -> SetPredictions:
    """Predict every picture of a set in every view, the identity first, and return the predictions as `kind`.

    `report` receives the share done. Raises `Refusal` for an empty set, and for a class that the classifier does not know.
    """
    views = (IDENTITY, *(view for view in clean_views(views) if view != IDENTITY))
    if not len(data):
        raise Refusal(_NO_PICTURES)
    labels = true_labels(data, classifier.classes)
    logits = np.empty((len(views), len(data), len(classifier.classes)), np.float32)
    spent = np.zeros(len(views))
    classifier.logits(classifier.prepare([data.images[0]]))  # warm-up: the first forward pass includes set-up and is not timed
    chunk = max(images_at_once(classifier) // len(views), 1)
    for start in range(0, len(data), chunk):
        predictions = predict_views(classifier, classifier.prepare(list(data.images[start : start + chunk])), views)
        logits[:, start : start + chunk] = predictions.logits.numpy()
        spent += predictions.view_ms
        report(min((start + chunk) / len(data), 1.0))
    digests = tuple(hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in data.images)
    return kind(views, logits, labels, classifier.classes, digests, tuple((spent / len(data)).tolist()), data.groups)


def match_classes(names: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Return, for each class of a folder, its index in the classifier, matched by name; raise `Refusal` naming unknown ones.

    Case is ignored where that is unambiguous.
    """
    exact = {clean_name(name): i for i, name in enumerate(known)}
    folded = {name.casefold(): i for name, i in exact.items()}
    if len(folded) < len(exact):
        folded = {}
    indices = [exact.get(clean_name(name), folded.get(clean_name(name).casefold(), -1)) for name in names]
    if -1 in indices:
        missing = [f"“{clean_name(name)}”" for name, index in zip(names, indices, strict=True) if index < 0]
        listed = ", ".join(missing[:_LISTED]) + ("…" if len(missing) > _LISTED else "")
        raise Refusal(_OTHER_CLASSES.fill(found=len(names), known=len(known), missing=listed))
    return np.asarray(indices, np.int64)


def true_labels(data: ImageSet, known: Sequence[str]) -> np.ndarray:
    """Return the true class of each picture as an index into the classifier's classes `known`, (N,). Raises as `match_classes`."""
    return match_classes(data.classes, known)[np.asarray(data.labels)]


def gains_by_view(predictions: SetPredictions) -> np.ndarray:
    """Return, per view (row) and class (column), accuracy in that view alone minus plain accuracy, (V, K); NaN for absent classes."""
    is_right = predictions.logits.argmax(-1) == predictions.labels
    gains = np.full((len(predictions.views), len(predictions.classes)), np.nan)
    for label in np.unique(predictions.labels):
        in_class = predictions.labels == label
        gains[:, label] = is_right[:, in_class].mean(1) - is_right[0, in_class].mean()
    return gains


def shares_by_count(predictions: SetPredictions, how: str = "mean") -> list[tuple[int, Share, float]]:
    """Return, for the first 1, 2, … views together, their number, the accuracy with its interval, and milliseconds per picture."""
    return [
        (count, predictions.accuracy(predictions.merged(how, predictions.views[:count])), float(sum(predictions.view_ms[:count])))
        for count in range(1, len(predictions.views) + 1)
    ]
