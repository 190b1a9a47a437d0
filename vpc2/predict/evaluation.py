"""A classifier asked about a whole set of pictures, each in every view once; everything that is said of the set comes from those answers.

The page and the command line read the same `SetPredictions`. Choosing views, weights and a temperature is done on `ValidationPredictions`, see
`view_search`; only `TestPredictions` are reported. They are two types, so that no one is judged on what was searched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vpc2.data.imageset import ImageSet
from vpc2.predict.classifier import Classifier
from vpc2.predict.statistics import PairedCounts, accuracy_of, compare_paired, confusion_matrix
from vpc2.predict.tta.merges import MERGES, weighted_mean
from vpc2.predict.tta.predict import images_at_once, predict_views
from vpc2.predict.tta.views import IDENTITY, clean_views
from vpc2.shares import Share
from vpc2.text import Refusal, Text, clean_name

_LISTED = 5

_NO_PICTURES = Text("There is no picture to judge.")
_OTHER_CLASSES = Text("The pictures come in {found:,} classes and this classifier knows {known:,}; it does not know {missing}.")


@dataclass(frozen=True, eq=False)
class SetPredictions:
    """What a classifier answered to N pictures in V views: `logits` (V, N, K), the true `labels` (N,), milliseconds a picture a view.

    `digests` name the pictures by their pixels; the first view is always the identity. `groups` (N,) says whose picture each is,
    where that is known.
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
        """Return the mean of probabilities (N, K) by weights (V,)."""
        return weighted_mean(torch.from_numpy(self.logits), torch.from_numpy(weights).float()).numpy()

    @property
    def plain(self) -> np.ndarray:
        """The probabilities (N, K) of the identity."""
        return self.merged(chosen=(IDENTITY,))

    def is_right(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities.argmax(1) == self.labels

    def accuracy(self, probabilities: np.ndarray) -> Share:
        """Return how many of the answers are right, with n and its interval over people, or over pictures."""
        return accuracy_of(self.is_right(probabilities), self.groups)

    def confusion(self, probabilities: np.ndarray) -> np.ndarray:
        """Return how often each true class (row) got each answer (column), (K, K)."""
        return confusion_matrix(self.labels, probabilities.argmax(1), len(self.classes))

    def compare(self, probabilities: np.ndarray, others: np.ndarray) -> PairedCounts:
        """Return what these pictures say of two ways of asking."""
        return compare_paired(self.is_right(probabilities), self.is_right(others), self.groups)


class ValidationPredictions(SetPredictions):
    """Answers that may be searched."""


class TestPredictions(SetPredictions):
    """Answers that are reported, and never searched."""

    __test__ = False  # no test, whatever pytest thinks of the name


def predict_set(
    kind: type[SetPredictions],
    classifier: Classifier,
    data: ImageSet,
    views: Sequence[str],
    report: Callable[[float], None] = lambda share: None,
) -> SetPredictions:
    """Ask about every picture of a set in every view, the identity first, and return the answers as `kind`.

    `report` hears the share done. Raises `Refusal` for no picture, and for a class the classifier does not know.
    """
    views = (IDENTITY, *(view for view in clean_views(views) if view != IDENTITY))
    if not len(data):
        raise Refusal(_NO_PICTURES)
    labels = true_labels(data, classifier.classes)
    logits = np.empty((len(views), len(data), len(classifier.classes)), np.float32)
    spent = np.zeros(len(views))
    classifier.logits(classifier.prepare([data.images[0]]))  # the first pass of all sets the module up and is nobody's time
    chunk = max(images_at_once(classifier) // len(views), 1)
    for start in range(0, len(data), chunk):
        answers = predict_views(classifier, classifier.prepare(list(data.images[start : start + chunk])), views)
        logits[:, start : start + chunk] = answers.logits.numpy()
        spent += answers.view_ms
        report(min((start + chunk) / len(data), 1.0))
    digests = tuple(hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in data.images)
    return kind(views, logits, labels, classifier.classes, digests, tuple((spent / len(data)).tolist()), data.groups)


def match_classes(found: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Return, for each class of a folder, its number in the classifier, by name; raise `Refusal` naming those it does not know.

    Case is ignored where that leaves no doubt.
    """
    exact = {clean_name(name): i for i, name in enumerate(known)}
    folded = {name.casefold(): i for name, i in exact.items()}
    if len(folded) < len(exact):
        folded = {}
    places = [exact.get(clean_name(name), folded.get(clean_name(name).casefold(), -1)) for name in found]
    if -1 in places:
        missing = [f"“{clean_name(name)}”" for name, place in zip(found, places, strict=True) if place < 0]
        listed = ", ".join(missing[:_LISTED]) + ("…" if len(missing) > _LISTED else "")
        raise Refusal(_OTHER_CLASSES.fill(found=len(found), known=len(known), missing=listed))
    return np.asarray(places, np.int64)


def true_labels(data: ImageSet, known: Sequence[str]) -> np.ndarray:
    """Return the true class of each picture as a number among the classes `known` to a classifier, (N,). Raises as `match_classes`."""
    return match_classes(data.classes, known)[np.asarray(data.labels)]


def gains_by_view(answers: SetPredictions) -> np.ndarray:
    """Return, a view a row and a class a column, accuracy alone in that view less plain accuracy, (V, K); NaN for absent classes."""
    is_right = answers.logits.argmax(-1) == answers.labels
    gains = np.full((len(answers.views), len(answers.classes)), np.nan)
    for label in np.unique(answers.labels):
        own = answers.labels == label
        gains[:, label] = is_right[:, own].mean(1) - is_right[0, own].mean()
    return gains


def shares_by_count(answers: SetPredictions, how: str = "mean") -> list[tuple[int, Share, float]]:
    """Return, for the first 1, 2, … views together, their number, accuracy with its interval, and milliseconds a picture."""
    return [
        (count, answers.accuracy(answers.merged(how, answers.views[:count])), float(sum(answers.view_ms[:count])))
        for count in range(1, len(answers.views) + 1)
    ]
