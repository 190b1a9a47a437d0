"""The confusion matrix that figures, runs and reports share."""

from __future__ import annotations

import numpy as np


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return the confusion matrix, int64 (K, K): rows are the true class, columns the prediction.

    `labels` and `predicted` are class indices (N,) below `classes`. The figure, the events of a run and every report use this order.
    """
    pairs = np.asarray(labels, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
