"""Cache of loaded data sets, shared by all visitors and bounded in memory.

Loading and resizing one takes a third of a second, and a page reruns with every widget that is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import streamlit as st

from vpc2.data import datasets
from vpc2.system.host import MB
from vpc2.system.lru_cache import LruCache
from vpc2.ui.server import idle

if TYPE_CHECKING:  # numpy is imported after the first paint
    from vpc2.data.imageset import ImageSet

MAX_BYTES = 96 * MB


class DatasetCache:
    """LRU cache of data sets by key and image size in px, bounded in bytes."""

    def __init__(self, limit_bytes: int = MAX_BYTES):
        # A data set above the limit counts as the limit: it fills the cache alone, and is reloaded only after another set was used.
        self._sets = LruCache(limit_bytes, lambda data: min(data.images.nbytes, limit_bytes))

    def get(self, key: str, size_px: int) -> ImageSet:
        """Return a data set with read-only arrays. Raises `Refusal` if it is not (or no longer) on this machine."""
        cached = self._sets.get((key, size_px)) if datasets.is_ready(key) else None
        if cached is not None:
            return cached
        data = datasets.load_dataset(key, size_px)
        for array in (data.images, data.labels):
            array.setflags(write=False)
        self._sets.put((key, size_px), data)
        return data

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Iterate over the cached keys and sizes, in no particular order."""
        return iter(self._sets)

    def clear(self) -> None:
        """Remove all data sets."""
        self._sets.clear()

    @property
    def bytes(self) -> int:
        """Bytes of the cached images, at most the limit."""
        return self._sets.size


@st.cache_resource(show_spinner=False)
def _cache() -> DatasetCache:
    cache = DatasetCache()
    idle.register_cleanup(cache.clear)
    return cache


def load_cached_dataset(key: str, size_px: int) -> ImageSet:
    """Return a data set as `load_dataset` does, from the shared cache. Raises `Refusal` if it is not on this machine."""
    return _cache().get(key, size_px)
