"""Fine-tuning models: a pretrained backbone that returns features, and a new head that classifies them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vpc2.predict.pretrained.catalog import Pretrained
from vpc2.predict.spec import Backbone

DROPOUT = 0.2  # before the new layer, as in EfficientNet and MobileNet


class BackboneModel(nn.Module):
    """A backbone without its last dense layer, and a new head. A frozen backbone stays in evaluation mode and gets no gradients."""

    def __init__(self, trunk: nn.Module, features: int, classes: int, *, is_frozen: bool):
        super().__init__()
        self.trunk = trunk.requires_grad_(not is_frozen)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(features, classes))
        self.is_frozen = is_frozen
        self.train()

    def train(self, mode: bool = True) -> BackboneModel:
        super().train(mode)
        if self.is_frozen:
            self.trunk.eval()
        return self

    def features(self, images: Tensor) -> Tensor:
        """Return the features of images: (B, features).

        A frozen backbone records no gradient, unless the images require one, as in attacks and explanations.
        """
        return self.trunk(images)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


def build_backbone(backbone: Backbone, classes: int, *, device: str | None = None) -> BackboneModel:
    """Return the pretrained net with a new last layer of `classes` outputs; `device="meta"` builds shapes only.

    Raises `Refusal` if its weights cannot be downloaded.
    """
    entry = backbone.entry
    trunk = _module_of(entry)(entry, has_weights=device != "meta")
    parent, _, name = entry.head.rpartition(".")
    setattr(trunk.get_submodule(parent), name, nn.Identity())
    with torch.device(device or "cpu"):
        return BackboneModel(trunk, entry.features, classes, is_frozen=backbone.is_frozen)


def _module_of(entry: Pretrained) -> Any:
    from importlib import import_module

    module, _, name = entry.module.rpartition(".")
    return getattr(import_module(module), name)
