"""A whole set of pictures asked in every view once; everything that is said of it comes from those answers.

Choosing views, weights and a temperature is done on `ValidationAnswers`; only `TestAnswers` are reported. They are two types, and
a plan remembers which pictures it was made from, so that no one is judged on what was searched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vpc2.data.imageset import ImageSet
from vpc2.predict.classifier import Classifier
from vpc2.predict.metrics import match_classes
from vpc2.predict.statistics import Paired, accuracy_of, compare_paired, fit_temperature, log_loss
from vpc2.predict.tta.predict import images_at_once, predict_views, weighted_mean
from vpc2.predict.tta.views import IDENTITY, MERGES, clean_views
from vpc2.shares import Share
from vpc2.text import Refusal, Text

MOST_CHOSEN = 6
WEIGHT_STEPS = 200

_NO_PICTURES = Text("There is no picture to judge.")
_LEAK = Text("These pictures were used to choose the views; what they say of the choice would be too good. Judge on others.")


@dataclass(frozen=True, eq=False)
class SetAnswers:
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

    def compare(self, probabilities: np.ndarray, others: np.ndarray) -> Paired:
        """Return what these pictures say of two ways of asking."""
        return compare_paired(self.is_right(probabilities), self.is_right(others), self.groups)


class ValidationAnswers(SetAnswers):
    """Answers that may be searched."""


class TestAnswers(SetAnswers):
    """Answers that are reported, and never searched."""

    __test__ = False  # no test, whatever pytest thinks of the name


@dataclass(frozen=True, eq=False)
class Plan:
    """Views chosen on validation, in the order they were added, a weight a view of all, and the temperature of their mean.

    `steps` holds the log-loss on validation after each view was added.
    """

    views: tuple[str, ...]
    steps: tuple[float, ...]
    weights: dict[str, float]
    temperature: float
    temperature_plain: float
    seen: frozenset[bytes]

    def check(self, answers: SetAnswers) -> None:
        """Raise `TypeError` for anything but test answers, `Refusal` where one of their pictures was searched."""
        if not isinstance(answers, TestAnswers):
            raise TypeError("a plan is reported on TestAnswers only")
        if not self.seen.isdisjoint(answers.digests):
            raise Refusal(_LEAK)

    def merged(self, answers: TestAnswers) -> np.ndarray:
        """Return the probabilities (N, K) of the chosen views on a test set."""
        self.check(answers)
        return answers.merged(chosen=self.views)

    def weighted(self, answers: TestAnswers) -> np.ndarray:
        """Return the probabilities (N, K) of all views by the learned weights on a test set."""
        self.check(answers)
        return answers.weighted(np.array([self.weights[view] for view in answers.views]))


def ask_set(
    kind: type[SetAnswers],
    classifier: Classifier,
    data: ImageSet,
    views: Sequence[str],
    report: Callable[[float], None] = lambda share: None,
) -> SetAnswers:
    """Ask about every picture of a set in every view, the identity first, and return the answers as `kind`.

    `report` hears the share done. Raises `Refusal` for no picture, and for a class the classifier does not know.
    """
    views = (IDENTITY, *(view for view in clean_views(views) if view != IDENTITY))
    if not len(data):
        raise Refusal(_NO_PICTURES)
    labels = match_classes(data.classes, classifier.classes)[np.asarray(data.labels)]
    logits = np.empty((len(views), len(data), len(classifier.classes)), np.float32)
    spent = np.zeros(len(views))
    chunk = max(images_at_once(classifier) // len(views), 1)
    for start in range(0, len(data), chunk):
        answers = predict_views(classifier, classifier.prepare(list(data.images[start : start + chunk])), views)
        logits[:, start : start + chunk] = answers.logits.numpy()
        spent += answers.view_ms
        report(min((start + chunk) / len(data), 1.0))
    digests = tuple(hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in data.images)
    return kind(views, logits, labels, classifier.classes, digests, tuple((spent / len(data)).tolist()), data.groups)


def make_plan(answers: ValidationAnswers, most: int = MOST_CHOSEN) -> Plan:
    """Return the best few views by greedy search, learned weights and temperatures. Raises `TypeError` for anything but validation.

    Greedy: from the identity on, the view whose addition lowers the log-loss of the mean most, as long as one does. Weights: a softmax
    over views, fitted to the log-loss by Adam from equal weights.
    """
    if not isinstance(answers, ValidationAnswers):
        raise TypeError("views are searched on ValidationAnswers only")
    shares = torch.from_numpy(answers.logits).softmax(-1).numpy()
    chosen, total = [0], shares[0].astype(np.float64)
    steps = [log_loss(total, answers.labels)]
    while len(chosen) < min(most, len(shares)):
        tried = {v: log_loss((total + shares[v]) / (len(chosen) + 1), answers.labels) for v in range(len(shares)) if v not in chosen}
        best = min(tried, key=tried.get)
        if tried[best] >= steps[-1] - 1e-9:
            break
        chosen, total = [*chosen, best], total + shares[best]
        steps.append(tried[best])
    views = tuple(answers.views[v] for v in chosen)
    return Plan(
        views,
        tuple(steps),
        dict(zip(answers.views, _fit_weights(shares, answers.labels).tolist(), strict=True)),
        fit_temperature(answers.merged(chosen=views), answers.labels),
        fit_temperature(answers.plain, answers.labels),
        frozenset(answers.digests),
    )


def _fit_weights(shares: np.ndarray, labels: np.ndarray) -> np.ndarray:
    given = torch.from_numpy(shares[:, np.arange(len(labels)), labels].astype(np.float64))
    scores = torch.zeros(len(shares), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([scores], lr=0.05)
    with torch.enable_grad():
        for _step in range(WEIGHT_STEPS):
            optimiser.zero_grad()
            loss = -(scores.softmax(0)[:, None] * given).sum(0).clamp_min(1e-30).log().mean()
            loss.backward()
            optimiser.step()
    return scores.detach().softmax(0).numpy()


def gains_by_view(answers: SetAnswers) -> np.ndarray:
    """Return, a view a row and a class a column, accuracy alone in that view less plain accuracy, (V, K); NaN for absent classes."""
    is_right = answers.logits.argmax(-1) == answers.labels
    gains = np.full((len(answers.views), len(answers.classes)), np.nan)
    for label in np.unique(answers.labels):
        own = answers.labels == label
        gains[:, label] = is_right[:, own].mean(1) - is_right[0, own].mean()
    return gains


def shares_by_count(answers: SetAnswers, how: str = "mean") -> list[tuple[int, Share, float]]:
    """Return, for the first 1, 2, … views together, their number, accuracy with its interval, and milliseconds a picture."""
    return [
        (count, answers.accuracy(answers.merged(how, answers.views[:count])), float(sum(answers.view_ms[:count])))
        for count in range(1, len(answers.views) + 1)
    ]


def accuracy_by_count(answers: SetAnswers, how: str = "mean") -> list[tuple[int, float, float]]:
    """Return `shares_by_count` with the accuracies alone."""
    return [(count, share.share, ms) for count, share, ms in shares_by_count(answers, how)]
