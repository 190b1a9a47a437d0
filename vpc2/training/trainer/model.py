"""The model in training: the module of a recipe's net with its preprocessing, precision and trainable part."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from vpc2.nets.module import build_net, module_name
from vpc2.nets.summary.summarise import summarise
from vpc2.predict.adversarial.gradient_steps import perturb
from vpc2.predict.classifier import GREY, Classifier, Preprocessing
from vpc2.predict.pretrained.backbone import BackboneModel, build_backbone
from vpc2.predict.spec import Backbone
from vpc2.rng import seed_of
from vpc2.text import Refusal, Text
from vpc2.training.spec import Recipe
from vpc2.training.trainer.training_data import BATCH, TrainingData

_OTHER_NET = Text("The weights to begin with belong to another net ({name} does not fit): choose the same net, or start afresh.")


class Model:
    """A torch module on its device. The features of a frozen backbone can be computed once per image and reused in every epoch."""

    def __init__(self, recipe: Recipe, classes: int, training_data: TrainingData, device: torch.device):
        self.device, net = device, recipe.net
        self.module: nn.Module
        self.frozen: BackboneModel | None = None  # the module, if only its head is trained
        if isinstance(net, Backbone):
            backbone = build_backbone(net, classes)
            self.module, self.channels, mean, std = backbone, 3, net.entry.mean, net.entry.std
            self.frozen = backbone if net.is_frozen else None
        else:
            self.module, self.channels = build_net(net), net.input[0]
            mean, std = channel_statistics(training_data, self.channels)
        self.module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks this overload
        self.trainable_part: nn.Module = self.module if self.frozen is None else self.frozen.head
        self.preprocessing = Preprocessing(recipe.settings["size_px"], mean, std, channels=self.channels, resize="stretch")
        self.mean = torch.tensor(mean, device=device).view(1, -1, 1, 1)
        self.std = torch.tensor(std, device=device).view(1, -1, 1, 1)
        self.precision = pick_precision(recipe.settings["precision"], device)
        self.features: Tensor | None = None
        self.names = {} if isinstance(net, Backbone) else {module_name(facts.id): facts.name for facts in summarise(net).walk()}

    @property
    def is_frozen(self) -> bool:
        """True for a backbone of which only the head is trained."""
        return self.frozen is not None

    def autocast(self) -> contextlib.AbstractContextManager:
        """Return the context for the forward pass: autocast to bfloat16, or nothing."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def predict_logits(self, images: Tensor) -> Tensor:
        """Return float32 logits (B, K) for images (B, 3, H, W) in [0, 1]."""
        images = images if self.channels == 3 else to_grey(images)
        images = images.sub(self.mean).div_(self.std).contiguous(memory_format=torch.channels_last)
        if self.precision == "float32":  # the context alone costs 10 us a step
            return self.module(images)
        with self.autocast():
            return self.module(images).float()

    def attack(self, images: Tensor, labels: Tensor, settings: dict[str, Any], step: int) -> Tensor:
        """Return a batch in which the first images (a share of `adversary_share`) are attacked with the current weights.

        The net is in evaluation mode meanwhile: no dropout, and the running statistics of batch norms do not change.
        """
        count = max(round(len(images) * settings["adversary_share"]), 1)
        was_training = self.module.training
        self.module.eval()
        seed = seed_of(settings["seed"], "attack", step)
        attacked = perturb(
            self.predict_logits, images[:count], labels[:count], settings["adversary"], settings["adversary_epsilon"], seed=seed
        )
        self.module.train(was_training)
        return torch.cat([attacked, images[count:]])

    def predict_logits_from_features(self, index: Tensor) -> Tensor:
        """Return logits (B, K) for images by index (B,), from their precomputed features."""
        assert self.frozen is not None and self.features is not None
        return self.frozen.head(self.features[index])

    def compute_features(
        self, training_data: TrainingData, index: Tensor, should_end: Callable[[], bool], report: Callable[[float], object]
    ) -> None:
        """Compute the features of a frozen backbone for the images with these indices; `report` is called with the progress (0 to 1)."""
        assert self.frozen is not None
        last = self.frozen.head[-1]
        assert isinstance(last, nn.Linear)
        features = torch.zeros((len(training_data.pixels), last.in_features), device=self.device)
        self.module.eval()
        for at in range(0, len(index), BATCH):
            if should_end():  # some images have no features then: the test uses the whole net
                return
            batch = index[at : at + BATCH].to(self.device)
            images = ((training_data.images(batch) - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
            with self.autocast():
                features[batch] = self.frozen.features(images).float()
            report((at + len(batch)) / len(index))
        self.features = features

    def trainable_state(self) -> dict[str, Tensor]:
        """Return the state dict of the trainable part (weights and buffers)."""
        return self.trainable_part.state_dict()

    def load_weights(self, classifier: Classifier) -> None:
        """Load the weights of a trained classifier. Raises `Refusal` naming the first tensor that does not fit."""
        loaded, current = classifier.module.state_dict(), self.module.state_dict()
        for name in {**current, **loaded}:
            if name not in current or name not in loaded or current[name].shape != loaded[name].shape:
                raise Refusal(_OTHER_NET.fill(name=name))
        self.module.load_state_dict(loaded)

    def copy(self, weights: dict[str, Tensor]) -> nn.Module:
        """Return a copy of the whole module in evaluation mode, with these weights in its trainable part."""
        copied = deepcopy(self.module)
        trainable = copied.head if isinstance(copied, BackboneModel) and self.is_frozen else copied
        trainable.load_state_dict(weights)
        return copied.eval()


def channel_statistics(training_data: TrainingData, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per channel of the training images in [0, 1], without augmented copies."""
    sums, squares, count = torch.zeros(channels), torch.zeros(channels), 0
    for index in training_data.train[: len(training_data.train) - training_data.copies].split(BATCH):
        images = training_data.images(index.to(training_data.pixels.device))
        images = (images if channels == 3 else to_grey(images)).double()
        sums = sums + images.sum((0, 2, 3)).cpu()
        squares = squares + images.square().sum((0, 2, 3)).cpu()
        count += images.numel() // channels
    mean = sums / count
    std = (squares / count - mean.square()).clamp(min=0).sqrt().clamp(min=0.01)
    return tuple(round(float(x), 4) for x in mean), tuple(round(float(x), 4) for x in std)


def pick_precision(setting: str, device: torch.device) -> str:
    """Return "float32" or "bf16": the setting, or for "auto" bf16 only on a GPU that supports it."""
    if setting != "auto":
        return setting
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"


def to_grey(images: Tensor) -> Tensor:
    """Return images (B, 3, H, W) as grey (B, 1, H, W), with the same weights as the classifier."""
    weights = torch.tensor(GREY, device=images.device, dtype=images.dtype).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)
