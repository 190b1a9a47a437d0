"""What a run shows of itself at the end of an epoch: the batch it saw, its answers, its weights. Plain arrays, no torch.

The loop makes a `Look` now and then; who writes pictures for the page, and who writes TensorBoard's, only read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpc2.predict.statistics import confusion_matrix

MOST_PICTURES = 32  # of a batch
MOST_MISTAKES = 24


@dataclass(frozen=True)
class Mistake:
    """A validation picture that the net gets wrong: its number in the data set, the classes, and how sure the net is of its answer."""

    index: int
    true: int
    predicted: int
    confidence: float
    picture: np.ndarray  # uint8 (H, W, 3)


@dataclass(frozen=True)
class LayerSnapshot:
    """The weights of one parameter, flat, and their gradients at the last step; no gradients where a layer is frozen."""

    name: str  # as in the module's state: "0.weight"
    weights: np.ndarray  # float32 (n,)
    gradients: np.ndarray | None  # float32 (n,)


@dataclass(frozen=True)
class Snapshot:
    """One look at a run. `targets` and `probabilities` hold a column a class; validation may be empty (0 rows)."""

    epoch: int
    step: int
    classes: tuple[str, ...]
    batch: np.ndarray  # uint8 (B, H, W, 3): the last batch as the net saw it, augmented; at most MOST_PICTURES of it
    targets: np.ndarray  # float32 (B, K): one hot, or mixed
    labels: np.ndarray  # int64 (V,): the true classes of the validation pictures
    probabilities: np.ndarray  # float32 (V, K)
    mistakes: tuple[Mistake, ...]  # the surest first, at most MOST_MISTAKES
    layers: tuple[LayerSnapshot, ...]
    filters: np.ndarray | None  # float32 (out, in, height, width): the weights of the first convolution

    def confusion(self) -> np.ndarray:
        """Return how often each true class (row) got each answer (column), int64 (K, K)."""
        return confusion_matrix(self.labels, self.probabilities.argmax(1), len(self.classes))
