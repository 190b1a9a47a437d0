"""The loss that is learned from, the least its targets leave, and what guessing gives.

Class weights and label smoothing together are not torch's: its `cross_entropy` weighs the smoothed part class by class, so that
every picture pushes hardest towards the rare classes, whatever it shows, and the commonest one is never answered. Here a picture
weighs as the class that it shows, its smoothed target stays whole, and the mean is taken over the weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import cross_entropy


def weighed(labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets with each class's part weighed, and the weight of each picture: of the classes that it shows.

    `labels` are int64 (B,), or shares (B, K) of mixed pictures.
    """
    if labels.ndim == 1:
        return labels, weights[labels]
    shares = labels * weights
    own = shares.sum(1)
    return shares / own.clamp(min=1e-6)[:, None], own


def loss_of(logits: Tensor, labels: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    """Return the mean cross-entropy of answers (B, K) to labels (B,) or shares (B, K), weighed by class and smoothed."""
    if weights is None or (smoothing == 0 and labels.ndim == 1):
        return cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing)
    targets, own = weighed(labels, weights)
    each = cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
    return (own * each).sum() / own.sum()


def floor_of(labels: Tensor, weights: Tensor | None, smoothing: float, classes: int) -> float:
    """Return the least that `loss_of` can be for these labels: the entropy of the targets, 0 for plain labels."""
    if labels.ndim == 1:
        return entropy(smoothed([1.0] + [0.0] * (classes - 1), smoothing))
    targets, own = (labels, labels.new_ones(len(labels))) if weights is None else weighed(labels, weights)
    targets = targets * (1 - smoothing) + smoothing / classes
    each = -(targets * targets.clamp(min=1e-12).log()).sum(1)
    return float((own * each).sum() / own.sum())


def guess_loss(counts: Sequence[int], is_even: bool, smoothing: float) -> float:
    """Return the least loss of an answer that is the same for every picture: the entropy of the mean target.

    `counts` are the training pictures a class; `is_even` where weights or sampling make the classes count the same.
    """
    counts = [min(count, 1) if is_even else count for count in counts]
    return entropy(smoothed([count / max(sum(counts), 1) for count in counts], smoothing))


def smoothed(shares: Sequence[float], smoothing: float) -> list[float]:
    """Return shares of classes as torch's label smoothing makes them: a part of each is spread over all."""
    return [(1 - smoothing) * share + smoothing / len(shares) for share in shares]


def entropy(shares: Sequence[float]) -> float:
    """Return the entropy of shares that sum to 1, in nats."""
    return -sum(share * math.log(share) for share in shares if share > 0)
