"""A pretrained net with a new last layer: the trunk gives numbers, the head turns them into classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vpc2.predict.pretrained.catalog import Pretrained
from vpc2.predict.spec import Backbone

DROPOUT = 0.2  # before the new layer, as EfficientNet and MobileNet have it


class BackboneModel(nn.Module):
    """A trunk without its last dense layer, and a new head on top. A frozen trunk stays in evaluation mode and takes no gradients."""

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
        """Return what the trunk makes of pictures: (B, features).

        Where it is frozen no gradient is kept, unless the pictures themselves ask for one, as attacks and explanations do.
        """
        return self.trunk(images)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


def build_backbone(backbone: Backbone, classes: int, *, device: str | None = None) -> BackboneModel:
    """Return the pretrained net with a fresh last layer of `classes` outputs; `device="meta"` builds shapes only.

    Raises `Refusal` where its weights cannot be had.
    """
    entry = backbone.entry
    trunk = _module_of(entry)(entry, has_weights=device != "meta")
    parent, _, name = entry.head.rpartition(".")
    setattr(trunk.get_submodule(parent), name, nn.Identity())
    with torch.device(device or "cpu"):
        return BackboneModel(trunk, entry.features, classes, is_frozen=backbone.is_frozen)


def _module_of(entry: Pretrained):
    from importlib import import_module

    module, _, name = entry.module.rpartition(".")
    return getattr(import_module(module), name)
