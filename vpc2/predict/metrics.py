"""How often a classifier is right over a set of pictures, plain and with views, and what each costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vpc2.predict.classifier import Classifier
from vpc2.predict.tta.predict import images_at_once, merge_mean, predict_views
from vpc2.predict.tta.views import IDENTITY, clean_views
from vpc2.text import Refusal, Text, clean_name

if TYPE_CHECKING:
    from vpc2.data.imageset import ImageSet

_LISTED = 5
_NO_PICTURES = Text("There is no picture to judge.")
_OTHER_CLASSES = Text("The pictures come in {found:,} classes and this classifier knows {known:,}; it does not know {missing}.")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Accuracy over `n` pictures without and with the views, and milliseconds a picture of both.

    `fixed` counts pictures wrong when asked plainly and right with the views, `broken` the reverse. `confusion` is (K, K), plain:
    true class by row, predicted by column, in the classifier's order. `labels`, `predicted` and `tta_predicted` are (n,).
    """

    n: int
    accuracy: float
    tta_accuracy: float
    ms: float
    tta_ms: float
    fixed: int
    broken: int
    confusion: np.ndarray
    classes: tuple[str, ...]
    views: tuple[str, ...]
    labels: np.ndarray
    predicted: np.ndarray
    tta_predicted: np.ndarray


def evaluate(
    classifier: Classifier, imageset: ImageSet, views: Sequence[str] = (IDENTITY,), report: Callable[[float], None] | None = None
) -> Evaluation:
    """Ask a classifier about every picture of a set, plainly and in the views (mean of probabilities).

    Classes are matched by name, so their order and number in a folder do not matter. Pictures are resized and asked in batches.
    `report` hears the share done, up to 1. Raises `Refusal` where the pictures show a class the classifier does not know.
    """
    views = clean_views(views)
    n = len(imageset.labels)
    if not n:
        raise Refusal(_NO_PICTURES)
    labels = match_classes(imageset.classes, classifier.classes)[np.asarray(imageset.labels)]
    predicted, merged = np.empty(n, np.int64), np.empty(n, np.int64)
    plain_s = views_s = 0.0
    batch = max(images_at_once(classifier) // 2, 1)
    classifier.logits(classifier.prepare([imageset.images[0]]))  # the first pass of all sets the module up and is nobody's time
    for start in range(0, n, batch):
        images = classifier.prepare(list(imageset.images[start : start + batch]))
        here = slice(start, start + len(images))
        began = time.perf_counter()
        predicted[here] = classifier.probabilities(images).argmax(1).numpy()
        plain_s += time.perf_counter() - began
        if views == (IDENTITY,):
            merged[here] = predicted[here]
        else:
            began = time.perf_counter()
            merged[here] = merge_mean(predict_views(classifier, images, views)).argmax(1).numpy()
            views_s += time.perf_counter() - began
        if report is not None:
            report((start + len(images)) / n)
    is_right, is_right_merged = predicted == labels, merged == labels
    confusion = np.zeros((len(classifier.classes),) * 2, np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    return Evaluation(
        n=n,
        accuracy=float(is_right.mean()),
        tta_accuracy=float(is_right_merged.mean()),
        ms=1000 * plain_s / n,
        tta_ms=1000 * (plain_s if views == (IDENTITY,) else views_s) / n,
        fixed=int((~is_right & is_right_merged).sum()),
        broken=int((is_right & ~is_right_merged).sum()),
        confusion=confusion,
        classes=classifier.classes,
        views=views,
        labels=labels,
        predicted=predicted,
        tta_predicted=merged,
    )


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
