"""Evaluation of a model during training: score on validation or test images, its mistakes, its weights and gradients."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vpc2.predict.confusion import confusion_matrix
from vpc2.training.runs.snapshot import MAX_MISTAKES, LayerSnapshot, Mistake
from vpc2.training.trainer.model import Model
from vpc2.training.trainer.training_data import BATCH, TrainingData


@dataclass
class Score:
    """Predictions for V images: their `index` in the data set (V,), true `labels` (V,), `probabilities` (V, K), the mean loss, and the
    seconds the evaluation took.
    """

    index: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    loss: float
    seconds: float

    @property
    def hits(self) -> np.ndarray:
        """Whether each prediction is correct, bool (V,)."""
        return self.probabilities.argmax(1) == self.labels

    @property
    def accuracy(self) -> float:
        return float(self.hits.mean())

    def confusion(self) -> list[list[int]]:
        """Return how often each true class (row) was predicted as each class (column)."""
        return confusion_matrix(self.labels, self.probabilities.argmax(1), self.probabilities.shape[1]).tolist()


@torch.no_grad()
def score(model: Model, training_data: TrainingData, indices: np.ndarray) -> Score | None:
    """Evaluate the model on the images with these indices (V,); None without images."""
    if len(indices) == 0:
        return None
    began = time.monotonic()
    model.module.eval()
    loss, probabilities = 0.0, []
    all_indices = torch.from_numpy(indices.astype(np.int64)).to(model.device)
    for index in all_indices.split(BATCH):
        logits = (
            model.predict_logits_from_features(index) if model.features is not None else model.predict_logits(training_data.images(index))
        )
        loss += cross_entropy(logits, training_data.labels[index], reduction="sum").item()
        probabilities.append(logits.softmax(1).cpu())
    labels = training_data.labels[all_indices].cpu().numpy()
    return Score(indices, labels, torch.cat(probabilities).numpy(), loss / len(indices), time.monotonic() - began)


def find_mistakes(score: Score | None, pictures: Callable[[Tensor], Tensor]) -> tuple[Mistake, ...]:
    """Return the misclassified images by decreasing confidence, at most `MAX_MISTAKES`; `pictures` returns images by index."""
    if score is None:
        return ()
    predicted = score.probabilities.argmax(1)
    confidence = np.where(predicted != score.labels, score.probabilities.max(1), -1.0)
    order = [int(i) for i in np.argsort(-confidence, kind="stable")[:MAX_MISTAKES] if confidence[i] >= 0]
    if not order:
        return ()
    images = to_bytes(pictures(torch.from_numpy(score.index[order].astype(np.int64))))
    return tuple(
        Mistake(int(score.index[i]), int(score.labels[i]), int(predicted[i]), float(confidence[i]), picture)
        for i, picture in zip(order, images, strict=True)
    )


def to_bytes(images: Tensor) -> np.ndarray:
    """Return images (B, 3, H, W) in [0, 1] as uint8 (B, H, W, 3)."""
    return images.clamp(0, 1).mul(255).round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def take_snapshot(module: nn.Module, names: dict[str, str]) -> tuple[LayerSnapshot, ...]:
    """Return weights and last gradients of every trainable parameter; `names` maps module names to layer names as the Build page shows."""
    return tuple(
        LayerSnapshot(
            ".".join(names.get(part, part) for part in name.split(".")),
            parameter.detach().float().flatten().cpu().numpy().copy(),
            None if parameter.grad is None else parameter.grad.detach().float().flatten().cpu().numpy().copy(),
        )
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    )


def first_filters(module: nn.Module) -> np.ndarray | None:
    """Return the weights of the first convolution, float32 (out, in, height, width), or None without a convolution."""
    first = next((layer for layer in module.modules() if isinstance(layer, nn.Conv2d)), None)
    return None if first is None else first.weight.detach().float().cpu().numpy().copy()
