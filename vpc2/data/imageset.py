"""ImageSet: pictures with their classes in memory, and the split into training, validation and test."""

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
    """Pictures, uint8 (N, H, W, 3) RGB, with labels, int64 (N,), indices into `classes`.

    `groups`, int64 (N,), are the people of the pictures; `boxes`, float32 (N, 4), are (x0, y0, x1, y1) in pixels; `masks`, bool (N, H, W),
    mark the object. `notes` list what was changed on reading, `skipped` what was left out: name and reason.
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
        """For each picture the index of the first one with identical pixels, int64 (N,): usually its own."""
        first: dict[bytes, int] = {}
        digests = (hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in self.images)
        return np.array([first.setdefault(digest, i) for i, digest in enumerate(digests)], dtype=np.int64)

    def subset(self, indices: np.ndarray) -> ImageSet:
        """Return only the pictures at `indices`."""
        arrays = {name: getattr(self, name) for name in ("images", "labels", "groups", "boxes", "masks")}
        parts = {name: array[indices] for name, array in arrays.items() if array is not None}
        return replace(self, **parts)

    def counts(self) -> list[int]:
        """Return the number of pictures of each class."""
        return np.bincount(self.labels, minlength=len(self.classes)).tolist()


@dataclass(frozen=True)
class Split:
    """Indices of the pictures for training, for validation, and for the final test."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_images(data: ImageSet, seed: int, train_share: float) -> Split:
    """Return a split of `data`: 20 % test and 20 % validation, the same for every seed; `train_share` of the whole for training.

    The seed only selects which of the rest are used for training. Where pictures are grouped by person, all of a person are on one side;
    otherwise the split is stratified by class; a class of one or two goes to training first. Pictures with identical pixels are always on
    one side. Raises `Refusal` where there are too few pictures, or people.
    """
    if len(data) < 5 * len(data.classes):
        raise Refusal(_TOO_FEW.fill(count=len(data)))
    if data.groups is not None and len(np.unique(data.groups)) < 3:
        raise Refusal(_TOO_FEW_PEOPLE)
    units, strata = units_of(data)
    chosen: tuple[list, list, list] = ([], [], [])
    for stratum in np.unique(strata):
        stratum_units = np.unique(units[strata == stratum])
        np.random.default_rng(0).shuffle(stratum_units)
        test = max(1, round(TEST_SHARE * len(stratum_units))) if len(stratum_units) > 1 else 0
        validation = max(1, round(VALIDATION_SHARE * len(stratum_units))) if len(stratum_units) > 2 else 0
        rest = stratum_units[test + validation :]
        np.random.default_rng((seed, int(stratum))).shuffle(rest)
        train = min(len(rest), max(1, round(train_share * len(stratum_units))))
        for subset, members in zip(chosen, (rest[:train], stratum_units[test : test + validation], stratum_units[:test]), strict=True):
            subset.append(members)
    return Split(*(np.flatnonzero(np.isin(units, np.concatenate(subset))) for subset in chosen))


def units_of(data: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """Return the split unit of each picture (a person, or the pictures with identical pixels), and its stratum."""
    if data.groups is not None:
        return _joined(data.groups, data.twins), np.zeros(len(data), dtype=int)
    return data.twins, data.labels[data.twins]


def _joined(groups: np.ndarray, twins: np.ndarray) -> np.ndarray:
    """Return groups with any two merged that share a picture."""
    joined = groups.copy()
    for i in np.flatnonzero(twins != np.arange(len(twins))):
        group, other = joined[i], joined[twins[i]]
        if group != other:
            joined[joined == group] = other
    return joined
