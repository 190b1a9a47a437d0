"""The `Snapshot` of a run after an epoch: last batch, validation predictions, weights. Plain arrays, no torch.

The training loop takes one from time to time; the writers for the page and for TensorBoard only read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpc2.predict.confusion import confusion_matrix

MAX_PICTURES = 32  # of the batch
MAX_MISTAKES = 24


@dataclass(frozen=True)
class Mistake:
    """A misclassified validation image: its index in the data set, true and predicted class, and the probability of the prediction."""

    index: int
    true: int
    predicted: int
    confidence: float
    picture: np.ndarray  # uint8 (H, W, 3)


@dataclass(frozen=True)
class LayerSnapshot:
    """The values of one parameter, flattened, and their gradients at the last step; None if there are no gradients."""

    name: str  # as in the module's state dict: "0.weight"
    weights: np.ndarray  # float32 (n,)
    gradients: np.ndarray | None  # float32 (n,)


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of a run: B images of a batch, V validation images, K classes; V is 0 without validation images."""

    epoch: int
    step: int
    classes: tuple[str, ...]
    batch: np.ndarray  # uint8 (B, H, W, 3): the last batch after augmentation, at most MAX_PICTURES images
    targets: np.ndarray  # float32 (B, K): one-hot, or mixed
    labels: np.ndarray  # int64 (V,): the true classes of the validation images
    probabilities: np.ndarray  # float32 (V, K)
    mistakes: tuple[Mistake, ...]  # by decreasing confidence, at most MAX_MISTAKES
    layers: tuple[LayerSnapshot, ...]
    filters: np.ndarray | None  # float32 (out, in, height, width): the weights of the first convolution

    def confusion(self) -> np.ndarray:
        """Return how often each true class (row) got each answer (column), int64 (K, K)."""
        return confusion_matrix(self.labels, self.probabilities.argmax(1), len(self.classes))
