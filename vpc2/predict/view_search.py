"""Search for the best few views, view weights and temperatures: on validation predictions, reported on test predictions.

A plan stores the digests of the pictures it was searched on, so that it cannot be reported on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vpc2.predict.evaluation import SetPredictions, TestPredictions, ValidationPredictions
from vpc2.predict.statistics import fit_temperature, log_loss
from vpc2.text import Refusal, Text

MAX_CHOSEN = 6
WEIGHT_STEPS = 200

_LEAK = Text("These pictures were used to choose the views; what they say of the choice would be too good. Judge on others.")


@dataclass(frozen=True, eq=False)
class Plan:
    """Views chosen on validation, in the order they were added, a weight for each of all views, and the temperature of their mean.

    `steps` holds the log-loss on validation after each view was added.
    """

    views: tuple[str, ...]
    steps: tuple[float, ...]
    weights: dict[str, float]
    temperature: float
    temperature_plain: float
    digests: frozenset[bytes]

    def check(self, predictions: SetPredictions) -> None:
        """Raise `TypeError` for anything but test predictions, `Refusal` where one of their pictures was used in the search."""
        if not isinstance(predictions, TestPredictions):
            raise TypeError("a plan is reported on TestPredictions only")
        if not self.digests.isdisjoint(predictions.digests):
            raise Refusal(_LEAK)

    def merged(self, predictions: TestPredictions) -> np.ndarray:
        """Return the probabilities (N, K) of the chosen views on a test set."""
        self.check(predictions)
        return predictions.merged(chosen=self.views)

    def weighted(self, predictions: TestPredictions) -> np.ndarray:
        """Return the probabilities (N, K) of all views by the learned weights on a test set."""
        self.check(predictions)
        return predictions.weighted(np.array([self.weights[view] for view in predictions.views]))


def make_plan(predictions: ValidationPredictions, limit: int = MAX_CHOSEN) -> Plan:
    """Return the best few views by greedy search, learned weights and temperatures. Raises `TypeError` for anything but validation.

    Greedy: starting from the identity, add the view that lowers the log-loss of the mean most, as long as one lowers it. Weights: a softmax
    over views, fitted to the log-loss by Adam from equal weights.
    """
    if not isinstance(predictions, ValidationPredictions):
        raise TypeError("views are searched on ValidationPredictions only")
    shares = torch.from_numpy(predictions.logits).softmax(-1).numpy()
    chosen, total = [0], shares[0].astype(np.float64)
    steps = [log_loss(total, predictions.labels)]
    while len(chosen) < min(limit, len(shares)):
        losses = {v: log_loss((total + shares[v]) / (len(chosen) + 1), predictions.labels) for v in range(len(shares)) if v not in chosen}
        best = min(losses, key=losses.__getitem__)
        if losses[best] >= steps[-1] - 1e-9:
            break
        chosen, total = [*chosen, best], total + shares[best]
        steps.append(losses[best])
    views = tuple(predictions.views[v] for v in chosen)
    return Plan(
        views,
        tuple(steps),
        dict(zip(predictions.views, _fit_weights(shares, predictions.labels).tolist(), strict=True)),
        fit_temperature(predictions.merged(chosen=views), predictions.labels),
        fit_temperature(predictions.plain, predictions.labels),
        frozenset(predictions.digests),
    )


def _fit_weights(shares: np.ndarray, labels: np.ndarray) -> np.ndarray:
    true_probabilities = torch.from_numpy(shares[:, np.arange(len(labels)), labels].astype(np.float64))
    scores = torch.zeros(len(shares), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([scores], lr=0.05)
    with torch.enable_grad():
        for _step in range(WEIGHT_STEPS):
            optimiser.zero_grad()
            loss = -(scores.softmax(0)[:, None] * true_probabilities).sum(0).clamp_min(1e-30).log().mean()
            loss.backward()
            optimiser.step()
    return scores.detach().softmax(0).numpy()
