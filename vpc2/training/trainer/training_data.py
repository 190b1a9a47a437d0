"""What a run learns from: pictures in memory as bytes, copies made before the training, and the order an epoch shows them in."""

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
from vpc2.host import LIMITS, MB
from vpc2.rng import seed_of
from vpc2.text import Plural, Refusal, Text
from vpc2.training.spec import Recipe

BATCH = 64  # pictures at a time, wherever nothing is learned from them
FEWEST_KEPT = 2  # of a class that imbalance takes pictures from

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
    """The pictures of a run on its device: `pixels` uint8 (N, H, W, 3), `labels` int64 (N,), and which ones are trained on.

    `train` indexes into them, copies included; `weights` (K,) weigh the classes in the loss; `chances` say how often each
    entry of `train` is drawn, where not each just once.
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

    def order(self, generator: torch.Generator) -> Tensor:
        """Return the order in which an epoch shows the training pictures."""
        if self.chances is not None:
            return self.train[torch.multinomial(self.chances, len(self.train), replacement=True, generator=generator)]
        return self.train[torch.randperm(len(self.train), generator=generator)]

    def pictures(self, index: Tensor) -> Tensor:
        """Return pictures by number as (B, 3, H, W) in [0, 1]."""
        return self.pixels[index].permute(0, 3, 1, 2).to(torch.float32).div_(255)


def make_training_data(recipe: Recipe, data: ImageSet, split: Split, device: torch.device, should_end: Callable[[], bool]) -> TrainingData:
    """Return the pictures of a recipe on the device: made uneven, copied and weighed as its settings say.

    Raises `Refusal` for copies that would not fit.
    """
    settings, classes, notes = recipe.settings, len(data.classes), []
    train = thin_out(data.labels, split.train, classes, settings["imbalance"], settings["seed"])
    if len(train) < len(split.train):
        notes.append(_TAKEN_AWAY.fill(count=len(split.train) - len(train)))
    # (N, H, W, 3) bytes: seen as (N, 3, H, W) they are channels_last already.
    pixels = torch.from_numpy(np.ascontiguousarray(data.images)).to(device)
    labels = torch.from_numpy(data.labels.astype(np.int64)).to(device)
    made, began = TrainingData(pixels, labels, torch.from_numpy(train.astype(np.int64)), []), time.monotonic()
    if recipe.augmentation is not None:
        add_copies(made, recipe, should_end)
        if made.copies:
            made.seconds = time.monotonic() - began
            notes.append(_COPIES_MADE.fill(count=made.copies, seconds=made.seconds))
    own = made.labels.cpu()[made.train]
    made.counts = torch.bincount(own, minlength=classes).tolist()
    shares = torch.tensor([len(own) / (classes * max(count, 1)) for count in made.counts])
    if settings["balance"] == "weights":
        made.weights = shares.to(device)
    elif settings["balance"] == "sampling" and len(set(made.counts)) > 1:
        made.chances = shares[own]
    made.notes = tuple(notes)
    return made


def thin_out(labels: np.ndarray, train: np.ndarray, classes: int, factor: float, seed: int) -> np.ndarray:
    """Return the training pictures left when class k of K keeps `factor` ** (-k / (K - 1)) of its own.

    The long tail of Cui et al., Class-Balanced Loss (2019), in the order of the classes.
    """
    if factor <= 1:
        return train
    kept = []
    for label in range(classes):
        own = train[labels[train] == label]
        count = max(round(len(own) * factor ** (-label / max(classes - 1, 1))), min(FEWEST_KEPT, len(own)))
        kept.append(np.random.default_rng((seed, label)).permutation(own)[:count])
    return np.sort(np.concatenate(kept))


def add_copies(training_data: TrainingData, recipe: Recipe, should_end: Callable[[], bool]) -> None:
    """Put augmented copies of the training pictures behind the others; each is drawn from a seed of its own batch."""
    settings, pipeline = recipe.settings, recipe.augmentation
    labels = training_data.labels.cpu()[training_data.train].tolist()
    copies = settings["copies"] if recipe.is_offline else 0
    if not copies and settings["balance"] != "augmentation":
        return
    counts = copies_of(labels, copies, is_balanced=settings["balance"] == "augmentation")
    picked = torch.repeat_interleave(training_data.train, torch.tensor(counts))
    if not len(picked):
        return
    size = len(picked) * training_data.pixels[0].numel()
    if size > LIMITS.activation_bytes:
        raise Refusal(_COPIES_LARGE.fill(found=size // MB, most=LIMITS.activation_bytes // MB))
    whole = torch.empty((len(picked), *training_data.pixels.shape[1:]), dtype=torch.uint8, device=training_data.pixels.device)
    for at, index in _batches(picked):
        if should_end():
            return
        assert pipeline is not None  # `check_recipe` refuses copies of nothing
        images = augment_batch(pipeline, training_data.pictures(index), seed_of(settings["seed"], pipeline.seed, "copy", at))
        whole[at : at + len(index)] = images.clamp(0, 1).mul(255).round_().to(torch.uint8).permute(0, 2, 3, 1)
    first = len(training_data.pixels)
    training_data.labels = torch.cat([training_data.labels, training_data.labels[picked.to(training_data.labels.device)]])
    training_data.pixels = torch.cat([training_data.pixels, whole])
    training_data.train = torch.cat([training_data.train, torch.arange(first, first + len(picked))])
    training_data.copies = len(picked)


def _batches(index: Tensor) -> Iterator[tuple[int, Tensor]]:
    for at in range(0, len(index), BATCH):
        yield at, index[at : at + BATCH]
