"""Merging the predictions of several views into one: the table of merges and the functions it names.

Standard library only; torch is imported when a function needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vpc2.catalog import Catalog, Entry
from vpc2.text import Text

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Merge(Entry):
    """A way to merge the predictions of several views. `target` is a function from logits (V, B, K) of V views to probabilities (B, K)."""


MERGES: Catalog[Merge] = Catalog(
    Text("merge"),
    Merge(
        key="mean",
        title=Text("Mean of probabilities"),
        help=Text("Every view counts the same."),
        target="vpc2.predict.tta.merges.mean_of_probabilities",
    ),
    Merge(
        key="mean_logits",
        title=Text("Geometric mean"),
        help=Text(
            "The root of the product of the probabilities, made to sum to 1, which is the softmax of the mean of the logits: a view that "
            "is sure a class is wrong counts more."
        ),
        target="vpc2.predict.tta.merges.mean_of_logits",
        aliases=("geometric", "gmean"),
    ),
    Merge(
        key="maximum",
        title=Text("Maximum"),
        help=Text("Each class gets its best probability over the views: one view that is very sure decides."),
        target="vpc2.predict.tta.merges.maximum",
        aliases=("max",),
    ),
    Merge(
        key="confidence",
        title=Text("Weighted by confidence"),
        help=Text("A view counts as much as the probability of its own answer."),
        target="vpc2.predict.tta.merges.confidence_weighted",
    ),
    Merge(
        key="vote",
        title=Text("Majority vote"),
        help=Text("Every view has one vote; of tied classes the one with the higher mean of probabilities wins."),
        target="vpc2.predict.tta.merges.majority_vote",
    ),
)


def mean_of_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Return the mean over views of the softmax: (V, B, K) to (B, K)."""
    return logits.softmax(-1).mean(0)


def mean_of_logits(logits: torch.Tensor) -> torch.Tensor:
    """Return the softmax of the mean over views: (V, B, K) to (B, K).

    It is the normalised geometric mean of the probabilities: their logarithms differ from the logits by one number per view, which the last
    softmax cancels.
    """
    return logits.mean(0).softmax(-1)


geometric_mean = mean_of_logits


def maximum(logits: torch.Tensor) -> torch.Tensor:
    """Return each class's highest probability over the views, normalised to sum to 1."""
    best = logits.softmax(-1).amax(0)
    return best / best.sum(-1, keepdim=True)


def confidence_weighted(logits: torch.Tensor) -> torch.Tensor:
    """Return the mean over views of the probabilities, each view weighted by its highest probability."""
    shares = logits.softmax(-1)
    weights = shares.amax(-1, keepdim=True)
    return (weights * shares).sum(0) / weights.sum(0)


def majority_vote(logits: torch.Tensor) -> torch.Tensor:
    """Return each class's share of the views' votes; of tied classes the one with the highest mean probability gets a millionth more."""
    import torch

    votes = torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).sum(0)
    means = logits.double().softmax(-1).mean(0)  # float64, because means that differ in the seventh digit would be equal in float32
    winner = means.masked_fill(votes < votes.amax(-1, keepdim=True), -1.0).argmax(-1, keepdim=True)
    shares = (votes.double() / len(logits)).scatter_add(-1, winner, torch.full_like(means, 1e-6))
    return (shares / shares.sum(-1, keepdim=True)).to(logits.dtype)


def weighted_mean(logits: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the mean over views of the probabilities (V, B, K) by weights (V,) that sum to 1."""
    return (weights.view(-1, 1, 1) * logits.softmax(-1)).sum(0)
