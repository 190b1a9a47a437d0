"""Pictures with their classes, in memory as bytes, and the split that keeps a test honest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from vpc2.text import Refusal, Text

TEST_SHARE = VALIDATION_SHARE = 0.2

_TOO_FEW = Text("{count:,} pictures are too few to split into training, validation and test: there must be at least five a class.")

_TOO_FEW_PEOPLE = Text("The pictures are of fewer than three people: training, validation and test each need their own.")


@dataclass(frozen=True)
class ImageSet:
    """Pictures, uint8 (N, H, W, 3) RGB, with labels, int64 (N,), that point into `classes`.

    `groups`, int64 (N,), says which pictures belong to one person; `boxes`, float32 (N, 4), are (x0, y0, x1, y1) in
    pixels; `masks`, bool (N, H, W), mark the object. `notes` say what was changed on the way in, `skipped` what was
    left out: the name and why.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    groups: np.ndarray | None = None
    boxes: np.ndarray | None = None
    masks: np.ndarray | None = None
    notes: tuple[Text, ...] = ()
    skipped: tuple[tuple[str, Text], ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def twins(self) -> np.ndarray:
        """For each picture the number of the first one with the very same pixels, int64 (N,): mostly its own."""
        first: dict[bytes, int] = {}
        digests = (hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in self.images)
        return np.array([first.setdefault(digest, i) for i, digest in enumerate(digests)], dtype=np.int64)

    def subset(self, indices: np.ndarray) -> ImageSet:
        """Return the pictures at `indices` only."""
        arrays = {name: getattr(self, name) for name in ("images", "labels", "groups", "boxes", "masks")}
        parts = {name: array[indices] for name, array in arrays.items() if array is not None}
        return replace(self, **parts)

    def counts(self) -> list[int]:
        """Return how many pictures each class has."""
        return np.bincount(self.labels, minlength=len(self.classes)).tolist()


@dataclass(frozen=True)
class Split:
    """Indices of the pictures to train on, to validate with, and to test on at the very end."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_images(data: ImageSet, seed: int, train_share: float) -> Split:
    """Return a split of `data`: 20 % to test and 20 % to validate, the same for every seed; `train_share` of the whole to train on.

    The seed chooses only which of the rest are trained on. Where pictures are grouped by person, whole people are
    kept together; otherwise every class is split alike; a class of one or two is trained on first. Pictures with the very
    same pixels always stay on one side. Raises `Refusal` where there are too few pictures, or people.
    """
    if len(data) < 5 * len(data.classes):
        raise Refusal(_TOO_FEW.fill(count=len(data)))
    if data.groups is not None and len(np.unique(data.groups)) < 3:
        raise Refusal(_TOO_FEW_PEOPLE)
    units, strata = units_of(data)
    chosen: tuple[list, list, list] = ([], [], [])
    for stratum in np.unique(strata):
        own = np.unique(units[strata == stratum])
        np.random.default_rng(0).shuffle(own)
        test = max(1, round(TEST_SHARE * len(own))) if len(own) > 1 else 0
        validation = max(1, round(VALIDATION_SHARE * len(own))) if len(own) > 2 else 0
        rest = own[test + validation :]
        np.random.default_rng((seed, int(stratum))).shuffle(rest)
        train = min(len(rest), max(1, round(train_share * len(own))))
        for part, members in zip(chosen, (rest[:train], own[test : test + validation], own[:test]), strict=True):
            part.append(members)
    return Split(*(np.flatnonzero(np.isin(units, np.concatenate(part))) for part in chosen))


def units_of(data: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """Return which unit of the split each picture belongs to (a person, or the pictures with the very same pixels), and which stratum."""
    if data.groups is not None:
        return _joined(data.groups, data.twins), np.zeros(len(data), dtype=int)
    return data.twins, data.labels[data.twins]


def _joined(groups: np.ndarray, twins: np.ndarray) -> np.ndarray:
    """Return groups of which any two that share a picture are one."""
    joined = groups.copy()
    for i in np.flatnonzero(twins != np.arange(len(twins))):
        here, there = joined[i], joined[twins[i]]
        if here != there:
            joined[joined == here] = there
    return joined
