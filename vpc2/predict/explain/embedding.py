"""Embedding of a data set in the plane: the features before the last dense layer, reduced by PCA or t-SNE."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from vpc2.predict.classifier import Classifier
from vpc2.predict.explain.hooks import private_copy
from vpc2.predict.tta.predict import images_at_once
from vpc2.text import Refusal, Text

METHODS = {"pca": "PCA", "tsne": "t-SNE"}
_NO_DENSE = Text("This net does not end in a dense layer, so there is no map of what comes before it.")


def features(classifier: Classifier, images: torch.Tensor) -> np.ndarray:
    """Return the input of the last dense layer for images (N, 3, S, S): (N, D). Raises `Refusal` for a net without one."""
    model = private_copy(classifier.module)
    dense = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    if not dense:
        raise Refusal(_NO_DENSE)
    inputs_of_last: list[torch.Tensor] = []
    dense[-1].register_forward_pre_hook(lambda module, inputs: inputs_of_last.append(inputs[0].detach().flatten(1).cpu()))
    batch_size = images_at_once(classifier)
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            model(classifier.normalise(images[start : start + batch_size].to(classifier.device)))
    return torch.cat(inputs_of_last).numpy()


def lay_out(points: np.ndarray, method: str, seed: int = 0) -> np.ndarray:
    """Return points (N, D) as (N, 2), by "pca" or "tsne" (on at most 50 principal components); deterministic for a seed."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if method == "pca":
        return PCA(2, random_state=seed).fit_transform(points)
    components = PCA(min(50, *points.shape), random_state=seed).fit_transform(points)
    return TSNE(2, init="pca", perplexity=min(30.0, (len(points) - 1) / 3), random_state=seed).fit_transform(components)
