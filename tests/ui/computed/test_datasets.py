"""The cache of data sets: loaded once for all visitors, bounded in memory, never served after the files are gone."""

import numpy as np
import pytest

from vpc2.data import datasets, uploaded_sets
from vpc2.data.imageset import ImageSet
from vpc2.text import Refusal
from vpc2.ui.computed.datasets import DatasetCache


def test_a_set_is_read_once_and_is_the_same_as_read_plainly(monkeypatch):
    cache, read, plain = DatasetCache(), [], datasets.load_dataset
    monkeypatch.setattr(datasets, "load_dataset", lambda *given: read.append(given) or plain(*given))
    first, again, other = cache.get("digits", 8), cache.get("digits", 8), cache.get("digits", 16)
    assert first is again and read == [("digits", 8), ("digits", 16)]
    assert np.array_equal(other.images, plain("digits", 16).images) and np.array_equal(other.labels, plain("digits", 16).labels)
    with pytest.raises(ValueError, match="read-only"):
        first.images[0] = 0


def test_the_latest_are_kept_within_the_bound():
    one = datasets.load_dataset("digits", 8).images.nbytes
    cache = DatasetCache(5 * one)
    for side in (8, 16, 8, 12):
        cache.get("digits", side)
    assert 0 < cache.bytes <= 5 * one and {side for _key, side in cache} == {8, 12}
    cache.get("digits", 32)  # alone larger than the bound: kept as the only one
    assert list(cache) == [("digits", 32)] and cache.get("digits", 32) is cache.get("digits", 32)


def test_a_deleted_set_is_gone_for_whoever_kept_it():
    pixels = np.random.default_rng(0).integers(0, 256, (40, uploaded_sets.SIZE_PX, uploaded_sets.SIZE_PX, 3), np.uint8)
    key = uploaded_sets.keep(ImageSet(pixels, np.arange(40) % 2, ("a", "b")), "mine", "c" * 32).key
    cache = DatasetCache()
    assert len(cache.get(key, 32)) == 40
    uploaded_sets.delete(key, "c" * 32)
    with pytest.raises(Refusal):
        cache.get(key, 32)
