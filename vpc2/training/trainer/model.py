"""The net of a recipe as a module: what goes into it, in which precision, and the part of it that learns."""

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
    """A module on its device. A frozen backbone that meets the same pictures again and again looks at each only once."""

    def __init__(self, recipe: Recipe, classes: int, training_data: TrainingData, device: torch.device):
        self.device, net = device, recipe.net
        self.module: nn.Module
        self.frozen: BackboneModel | None = None  # the module where only its head learns
        if isinstance(net, Backbone):
            backbone = build_backbone(net, classes)
            self.module, self.channels, mean, std = backbone, 3, net.entry.mean, net.entry.std
            self.frozen = backbone if net.is_frozen else None
        else:
            self.module, self.channels = build_net(net), net.input[0]
            mean, std = statistics(training_data, self.channels)
        self.module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks this overload
        self.part: nn.Module = self.module if self.frozen is None else self.frozen.head
        self.preprocessing = Preprocessing(recipe.settings["size_px"], mean, std, channels=self.channels, resize="stretch")
        self.mean = torch.tensor(mean, device=device).view(1, -1, 1, 1)
        self.std = torch.tensor(std, device=device).view(1, -1, 1, 1)
        self.precision = pick_precision(recipe.settings["precision"], device)
        self.features: Tensor | None = None
        self.names = {} if isinstance(net, Backbone) else {module_name(facts.id): facts.name for facts in summarise(net).walk()}

    @property
    def is_frozen(self) -> bool:
        """True for a backbone of which only the head learns."""
        return self.frozen is not None

    def cast(self) -> contextlib.AbstractContextManager:
        """Return the context in which the module is asked: mixed precision, or nothing."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def ask(self, images: Tensor) -> Tensor:
        """Return the answers (B, K) in 32 bits to pictures (B, 3, H, W) in [0, 1]."""
        images = images if self.channels == 3 else to_grey(images)
        images = images.sub(self.mean).div_(self.std).contiguous(memory_format=torch.channels_last)
        if self.precision == "float32":  # the context alone costs 10 us a step
            return self.module(images)
        with self.cast():
            return self.module(images).float()

    def attack(self, images: Tensor, labels: Tensor, settings: dict[str, Any], step: int) -> Tensor:
        """Return a batch whose first pictures, the share the settings say, are attacked with the net as it is now.

        The net answers the attack as it will answer later: no dropout is drawn and no statistic of a norm moves.
        """
        count = max(round(len(images) * settings["adversary_share"]), 1)
        was_training = self.module.training
        self.module.eval()
        seed = seed_of(settings["seed"], "attack", step)
        attacked = perturb(self.ask, images[:count], labels[:count], settings["adversary"], settings["adversary_epsilon"], seed=seed)
        self.module.train(was_training)
        return torch.cat([attacked, images[count:]])

    def ask_known(self, index: Tensor) -> Tensor:
        """Return the answers to pictures whose features are known, by number."""
        assert self.frozen is not None and self.features is not None
        return self.frozen.head(self.features[index])

    def know(self, training_data: TrainingData, index: Tensor, should_end: Callable[[], bool], report: Callable[[float], object]) -> None:
        """Let a frozen trunk look at these pictures once; `report` hears the share done."""
        assert self.frozen is not None
        last = self.frozen.head[-1]
        assert isinstance(last, nn.Linear)
        found = torch.zeros((len(training_data.pixels), last.in_features), device=self.device)
        self.module.eval()
        for at in range(0, len(index), BATCH):
            if should_end():  # pictures that were not looked at have no features: the test asks the whole net
                return
            part = index[at : at + BATCH].to(self.device)
            images = ((training_data.pictures(part) - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
            with self.cast():
                found[part] = self.frozen.features(images).float()
            report((at + len(part)) / len(index))
        self.features = found

    def state(self) -> dict[str, Tensor]:
        """Return the weights that learn (and the counters beside them), as they are now."""
        return self.part.state_dict()

    def begin_from(self, classifier: Classifier) -> None:
        """Take over the weights of a trained classifier; raise `Refusal` naming the tensor that does not fit."""
        given, own = classifier.module.state_dict(), self.module.state_dict()
        for name in {**own, **given}:
            if name not in own or name not in given or own[name].shape != given[name].shape:
                raise Refusal(_OTHER_NET.fill(name=name))
        self.module.load_state_dict(given)

    def copy(self, weights: dict[str, Tensor]) -> nn.Module:
        """Return the whole module apart, with these weights in the part that learns."""
        copied = deepcopy(self.module)
        part = copied.head if isinstance(copied, BackboneModel) and self.is_frozen else copied
        part.load_state_dict(weights)
        return copied.eval()


def statistics(training_data: TrainingData, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of the training pictures (copies left out), a channel each, in [0, 1]."""
    sums, squares, count = torch.zeros(channels), torch.zeros(channels), 0
    for index in training_data.train[: len(training_data.train) - training_data.copies].split(BATCH):
        images = training_data.pictures(index.to(training_data.pixels.device))
        images = (images if channels == 3 else to_grey(images)).double()
        sums = sums + images.sum((0, 2, 3)).cpu()
        squares = squares + images.square().sum((0, 2, 3)).cpu()
        count += images.numel() // channels
    mean = sums / count
    std = (squares / count - mean.square()).clamp(min=0).sqrt().clamp(min=0.01)
    return tuple(round(float(x), 4) for x in mean), tuple(round(float(x), 4) for x in std)


def pick_precision(asked: str, device: torch.device) -> str:
    """Return "float32" or "bf16": the one asked for, or by itself mixed precision only on a GPU that computes in it."""
    if asked != "auto":
        return asked
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"


def to_grey(images: Tensor) -> Tensor:
    """Return (B, 3, H, W) pictures as (B, 1, H, W), as the classifier will."""
    weights = torch.tensor(GREY, device=images.device, dtype=images.dtype).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)
