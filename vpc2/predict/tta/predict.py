"""Test-time augmentation: predictions of images in several views, merged, and measures of their spread.

The logits of the views are computed once; merging them again costs no forward pass.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vpc2.predict.classifier import Classifier
from vpc2.predict.tta.merges import MERGES
from vpc2.predict.tta.transforms import apply_view
from vpc2.predict.tta.views import IDENTITY, VIEWS, clean_views

# Pixels per forward pass. Larger batches than a CPU's caches hold are slower and take gigabytes; a GPU is idle with smaller ones.
CPU_PIXELS, GPU_PIXELS = 4 * 224 * 224, 256 * 224 * 224


@dataclass(frozen=True, eq=False)
class ViewPredictions:
    """Predictions in every view: `logits` and `probabilities` are (V, B, K).

    `view_ms` holds each view's share of the time (the transform, and its part of the forward passes), `total_ms` all of it; `plain_ms` is
    the time of one plain prediction, where it was measured.
    """

    views: tuple[str, ...]
    logits: torch.Tensor
    probabilities: torch.Tensor
    view_ms: tuple[float, ...]
    total_ms: float
    plain_ms: float | None = None


def predict_views(
    classifier: Classifier, images: torch.Tensor, views: Sequence[str] = (IDENTITY,), *, is_plain_timed: bool = False
) -> ViewPredictions:
    """Predict images (B, 3, S, S) in [0, 1] in every view; an empty sequence of views means the identity.

    The views of a few pictures are stacked into one pass, many pictures are split into chunks, so memory stays bounded.
    """
    views = clean_views(views)
    plain_ms = None
    if is_plain_timed:
        began = time.perf_counter()
        classifier.logits(images)
        plain_ms = _ms_since(began)
    began = time.perf_counter()
    making_ms, logits = [0.0] * len(views), torch.empty(len(views), len(images), len(classifier.classes))
    batch_size = images_at_once(classifier)
    chunk, group = max(batch_size // len(views), 1), max(batch_size, 1)
    with torch.no_grad():
        for start in range(0, len(images), chunk):
            batch = images[start : start + chunk].to(classifier.device)
            for first in range(0, len(views), group):
                stacked = []
                for v, view in enumerate(views[first : first + group], first):
                    making = time.perf_counter()
                    stacked.append(apply_view(view, batch))
                    making_ms[v] += _ms_since(making)
                batch_logits = classifier.logits(torch.cat(stacked))
                logits[first : first + len(stacked), start : start + len(batch)] = batch_logits.view(len(stacked), len(batch), -1)
    total_ms = _ms_since(began)
    rest = (total_ms - sum(making_ms)) / len(views)
    return ViewPredictions(views, logits, logits.softmax(-1), tuple(ms + rest for ms in making_ms), total_ms, plain_ms)


def images_at_once(classifier: Classifier) -> int:
    """Return how many images (each view counted) go through a classifier in one forward pass on its device."""
    pixels = CPU_PIXELS if classifier.device.type == "cpu" else GPU_PIXELS
    return max(pixels // classifier.preprocessing.size_px**2, 1)


def _ms_since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)


def merge(predictions: ViewPredictions, how: str = "mean", chosen: Sequence[str] | None = None) -> torch.Tensor:
    """Return merged probabilities (B, K) that sum to 1, by a key of MERGES, over the `chosen` views (all if None)."""
    indices = [predictions.views.index(VIEWS.find(view).key) for view in (predictions.views if chosen is None else chosen)]
    return MERGES.find(how).resolve()(predictions.logits[indices])


def merge_mean(predictions: ViewPredictions, chosen: Sequence[str] | None = None) -> torch.Tensor:
    """Return the mean of the views' probabilities, (B, K), over the `chosen` views (all if None)."""
    return merge(predictions, "mean", chosen)


def spread(logits: torch.Tensor) -> torch.Tensor:
    """Return how much the views differ: the standard deviation over views of the probability of the merged prediction, (B,)."""
    shares = logits.softmax(-1)
    best = shares.mean(0).argmax(-1)
    return shares.gather(-1, best.view(1, -1, 1).expand(len(shares), -1, 1)).squeeze(-1).std(0, unbiased=False)


def entropy(probabilities: torch.Tensor) -> torch.Tensor:
    """Return the entropy (..., ) of probabilities (..., K) in bits: 0 where one class has probability 1, log2 K where all are equal."""
    return -torch.special.xlogy(probabilities, probabilities).sum(-1) / math.log(2)
