"""The split: what is tested on is never trained on."""

from dataclasses import replace

import numpy as np
import pytest

from vpc2.data.imageset import ImageSet, split_images
from vpc2.text import Refusal


def make(counts, groups=None) -> ImageSet:
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.arange(len(labels), dtype=np.uint32).view(np.uint8).reshape(-1, 1, 4, 1).repeat(3, -1)  # no two alike
    return ImageSet(images, labels, tuple("abcdef"[: len(counts)]), groups=groups)


PEOPLE = np.arange(300) // 10 % 30


@pytest.mark.parametrize("data", [make([100, 50, 150]), make([100, 50, 150], PEOPLE)], ids=["pictures", "people"])
def test_parts_are_disjoint_and_validation_and_test_are_the_same_for_every_seed(data):
    splits = [split_images(data, seed, 0.3) for seed in range(4)]
    for split in splits:
        parts = [set(part.tolist()) for part in (split.train, split.validation, split.test)]
        assert len(parts[0] | parts[1] | parts[2]) == sum(map(len, parts))
        assert [len(part) for part in parts] == [90, 60, 60]
        assert np.array_equal(split.test, splits[0].test) and np.array_equal(split.validation, splits[0].validation)
    assert not np.array_equal(splits[0].train, splits[1].train)
    again = split_images(data, 1, 0.3)
    assert np.array_equal(again.train, splits[1].train)


def test_every_class_is_split_alike():
    data = make([100, 50, 150])
    split = split_images(data, 0, 0.6)
    for part, share in ((split.train, 0.6), (split.validation, 0.2), (split.test, 0.2)):
        assert data.subset(part).counts() == [share * 100, share * 50, share * 150]


def test_people_stay_together():
    data = make([100, 50, 150], PEOPLE)
    split = split_images(data, 3, 0.6)
    people = [set(data.groups[part].tolist()) for part in (split.train, split.validation, split.test)]
    assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2]) and all(people)


def test_a_class_of_one_goes_to_training():
    data = make([40, 1, 2])
    split = split_images(data, 0, 0.6)
    assert data.subset(split.train).counts()[1:] == [1, 1] and data.subset(split.test).counts()[1:] == [0, 1]


def test_too_few_pictures_or_people_are_refused():
    with pytest.raises(Refusal):
        split_images(make([4, 5]), 0, 0.6)
    with pytest.raises(Refusal):
        split_images(make([20, 20], np.arange(40) % 2), 0, 0.6)


def test_a_subset_takes_all_that_belongs_to_a_picture():
    data = make([3, 3], np.arange(6))
    part = data.subset(np.array([4, 1]))
    assert len(part) == 2 and part.labels.tolist() == [1, 0] and part.groups.tolist() == [4, 1] and part.masks is None


@pytest.mark.parametrize("with_people", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_equal_pictures_are_never_on_both_sides(seed, with_people):
    rng = np.random.default_rng(seed)
    data = make([100, 50, 150], PEOPLE if with_people else None)
    images = data.images.copy()
    for copy, original in rng.integers(0, 300, (12, 2)):
        images[copy] = images[original]
    data = replace(data, images=images)
    split = split_images(data, seed, 0.5)
    parts = [{images[i].tobytes() for i in part} for part in (split.train, split.validation, split.test)]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    if with_people:
        people = [set(PEOPLE[part].tolist()) for part in (split.train, split.validation, split.test)]
        assert not people[0] & people[1] and not people[0] & people[2] and not people[1] & people[2]
    assert len(split.test) > 0 and len(split.train) > 100
