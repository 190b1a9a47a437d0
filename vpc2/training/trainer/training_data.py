"""The training data of a run: images in memory as uint8, augmented copies, class balancing, and the order of an epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vpc2.augment.export.offline_dataset import copies_of
from vpc2.augment.pipeline import augment_batch
from vpc2.data.imageset import ImageSet, Split
from vpc2.rng import seed_of
from vpc2.system.host import LIMITS, MB
from vpc2.text import Plural, Refusal, Text
from vpc2.training.spec import Recipe

BATCH = 64  # batch size wherever no gradients are needed
MIN_CLASS_IMAGES = 2  # images left of a class at least, when imbalance removes images

_COPIES_LARGE = Text(
    "The copies made before the training would take {found:,} MB; at most {most:,} MB are allowed here. Ask for fewer copies, smaller "
    "pictures, or augment online."
)
_COPIES_MADE = Plural(
    "{count:,} augmented copy was made before the training, in {seconds:.1f} s.",
    "{count:,} augmented copies were made before the training, in {seconds:.1f} s.",
    count="count",
)
_TAKEN_AWAY = Plural(
    "{count:,} training picture was taken away to make the classes uneven; validation and test are as they were.",
    "{count:,} training pictures were taken away to make the classes uneven; validation and test are as they were.",
    count="count",
)


@dataclass
class TrainingData:
    """The images of a run on its device: `pixels` uint8 (N, H, W, 3), `labels` int64 (N,), and the indices of the training images.

    `train` are the indices, augmented copies included; `counts` the training images per class; `weights` (K,) the class weights in the
    loss; `chances` the sampling weight of each entry of `train`, or None if an epoch uses each entry once; `copies` the number of
    augmented copies and `seconds` the time it took to make them.
    """

    pixels: Tensor
    labels: Tensor
    train: Tensor
    counts: list[int]
    weights: Tensor | None = None
    chances: Tensor | None = None
    copies: int = 0
    seconds: float = 0.0
    notes: tuple[Text, ...] = ()

    def epoch_order(self, generator: torch.Generator) -> Tensor:
        """Return the indices of the training images in the random order of one epoch."""
        if self.chances is not None:
            return self.train[torch.multinomial(self.chances, len(self.train), replacement=True, generator=generator)]
        return self.train[torch.randperm(len(self.train), generator=generator)]

    def images(self, index: Tensor) -> Tensor:
        """Return images by index (B,) as float32 (B, 3, H, W) in [0, 1]."""
        return self.pixels[index].permute(0, 3, 1, 2).to(torch.float32).div_(255)


def make_training_data(recipe: Recipe, data: ImageSet, split: Split, device: torch.device, should_end: Callable[[], bool]) -> TrainingData:
    """Return the training data of a recipe on the device, with imbalance, augmented copies and class balancing as in its settings.

    Raises `Refusal` if the copies would not fit into memory.
    """
    settings, classes, notes = recipe.settings, len(data.classes), []
    train = thin_out(data.labels, split.train, classes, settings["imbalance"], settings["seed"])
    if len(train) < len(split.train):
        notes.append(_TAKEN_AWAY.fill(count=len(split.train) - len(train)))
    # uint8 (N, H, W, 3): viewed as (N, 3, H, W) this is channels_last already.
    pixels = torch.from_numpy(np.ascontiguousarray(data.images)).to(device)
    labels = torch.from_numpy(data.labels.astype(np.int64)).to(device)
    result, began = TrainingData(pixels, labels, torch.from_numpy(train.astype(np.int64)), []), time.monotonic()
    if recipe.augmentation is not None:
        add_copies(result, recipe, should_end)
        if result.copies:
            result.seconds = time.monotonic() - began
            notes.append(_COPIES_MADE.fill(count=result.copies, seconds=result.seconds))
    train_labels = result.labels.cpu()[result.train]
    result.counts = torch.bincount(train_labels, minlength=classes).tolist()
    shares = torch.tensor([len(train_labels) / (classes * max(count, 1)) for count in result.counts])
    if settings["balance"] == "weights":
        result.weights = shares.to(device)
    elif settings["balance"] == "sampling" and len(set(result.counts)) > 1:
        result.chances = shares[train_labels]
    result.notes = tuple(notes)
    return result


def thin_out(labels: np.ndarray, train: np.ndarray, classes: int, factor: float, seed: int) -> np.ndarray:
    """Return the training indices left when class k of K keeps the share `factor` ** (-k / (K - 1)) of its images.

    This is the long-tailed distribution of Cui et al., Class-Balanced Loss (2019), in the order of the classes.
    """
    if factor <= 1:
        return train
    remaining = []
    for label in range(classes):
        class_indices = train[labels[train] == label]
        count = max(round(len(class_indices) * factor ** (-label / max(classes - 1, 1))), min(MIN_CLASS_IMAGES, len(class_indices)))
        remaining.append(np.random.default_rng((seed, label)).permutation(class_indices)[:count])
    return np.sort(np.concatenate(remaining))


def add_copies(training_data: TrainingData, recipe: Recipe, should_end: Callable[[], bool]) -> None:
    """Append augmented copies of the training images to `training_data`; every batch of copies has its own seed."""
    settings, pipeline = recipe.settings, recipe.augmentation
    labels = training_data.labels.cpu()[training_data.train].tolist()
    copies = settings["copies"] if recipe.is_offline else 0
    if not copies and settings["balance"] != "augmentation":
        return
    counts = copies_of(labels, copies, is_balanced=settings["balance"] == "augmentation")
    sources = torch.repeat_interleave(training_data.train, torch.tensor(counts))
    if not len(sources):
        return
    size = len(sources) * training_data.pixels[0].numel()
    if size > LIMITS.activation_bytes:
        raise Refusal(_COPIES_LARGE.fill(found=size // MB, most=LIMITS.activation_bytes // MB))
    copied = torch.empty((len(sources), *training_data.pixels.shape[1:]), dtype=torch.uint8, device=training_data.pixels.device)
    for at, index in _batches(sources):
        if should_end():
            return
        assert pipeline is not None  # `check_recipe` refuses copies of nothing
        images = augment_batch(pipeline, training_data.images(index), seed_of(settings["seed"], pipeline.seed, "copy", at))
        copied[at : at + len(index)] = images.clamp(0, 1).mul(255).round_().to(torch.uint8).permute(0, 2, 3, 1)
    first = len(training_data.pixels)
    training_data.labels = torch.cat([training_data.labels, training_data.labels[sources.to(training_data.labels.device)]])
    training_data.pixels = torch.cat([training_data.pixels, copied])
    training_data.train = torch.cat([training_data.train, torch.arange(first, first + len(sources))])
    training_data.copies = len(sources)


def _batches(index: Tensor) -> Iterator[tuple[int, Tensor]]:
    for at in range(0, len(index), BATCH):
        yield at, index[at : at + BATCH]
