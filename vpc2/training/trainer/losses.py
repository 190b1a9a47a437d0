"""The training loss, its lower bound for given targets, and the loss of constant predictions.

Class weights combined with label smoothing differ from torch: its `cross_entropy` weights the smoothed part of the target per class,
so every image pushes most towards the rare classes, whatever it shows, and the most frequent class is never predicted. Here an image
has the weight of its own class, its smoothed target is not changed, and the mean is weighted by these weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import cross_entropy


def apply_class_weights(labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets weighted by class, and the weight of each image (B,): the weight of the classes that it shows.

    `labels` are int64 (B,), which are returned unchanged, or shares (B, K) of mixed images; `weights` are (K,).
    """
    if labels.ndim == 1:
        return labels, weights[labels]
    shares = labels * weights
    image_weights = shares.sum(1)
    return shares / image_weights.clamp(min=1e-6)[:, None], image_weights


def loss_of(logits: Tensor, labels: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    """Return the mean cross-entropy of logits (B, K) and labels (B,) or shares (B, K), with class weights (K,) and label smoothing."""
    if weights is None or (smoothing == 0 and labels.ndim == 1):
        return cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing)
    targets, image_weights = apply_class_weights(labels, weights)
    losses = cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
    return (image_weights * losses).sum() / image_weights.sum()


def floor_of(labels: Tensor, weights: Tensor | None, smoothing: float, classes: int) -> float:
    """Return the minimum of `loss_of` for these labels: the entropy of the targets, 0 for plain labels without smoothing."""
    if labels.ndim == 1:
        return entropy(smoothed([1.0] + [0.0] * (classes - 1), smoothing))
    targets, image_weights = (labels, labels.new_ones(len(labels))) if weights is None else apply_class_weights(labels, weights)
    targets = targets * (1 - smoothing) + smoothing / classes
    losses = -(targets * targets.clamp(min=1e-12).log()).sum(1)
    return float((image_weights * losses).sum() / image_weights.sum())


def guess_loss(counts: Sequence[int], is_even: bool, smoothing: float) -> float:
    """Return the lowest loss of a prediction that is the same for every image: the entropy of the mean target.

    `counts` are the training images per class; `is_even` is True where weights or sampling give all classes the same influence.
    """
    counts = [min(count, 1) if is_even else count for count in counts]
    return entropy(smoothed([count / max(sum(counts), 1) for count in counts], smoothing))


def smoothed(shares: Sequence[float], smoothing: float) -> list[float]:
    """Return class shares after torch's label smoothing: `smoothing` of the total is spread evenly over all classes."""
    return [(1 - smoothing) * share + smoothing / len(shares) for share in shares]


def entropy(shares: Sequence[float]) -> float:
    """Return the entropy of shares that sum to 1, in nats."""
    return -sum(share * math.log(share) for share in shares if share > 0)
