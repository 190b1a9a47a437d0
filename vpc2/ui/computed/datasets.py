"""Data sets that pages look at again and again: read once for all visitors, the latest kept, within a bound of memory.

Reading and resizing one takes a third of a second, and a page runs anew with every widget that is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import streamlit as st

from vpc2.data import datasets
from vpc2.host import MB
from vpc2.lru_cache import LruCache
from vpc2.ui.server import idle

if TYPE_CHECKING:  # numpy is imported behind the first paint
    from vpc2.data.imageset import ImageSet

MOST_BYTES = 96 * MB


class DatasetCache:
    """Data sets by key and size in pixels; what was not asked for the longest makes room."""

    def __init__(self, limit_bytes: int = MOST_BYTES):
        # One that is larger than all the room takes all of it: it is read anew for every other set, but not for every widget.
        self._sets = LruCache(limit_bytes, lambda data: min(data.images.nbytes, limit_bytes))

    def get(self, key: str, size_px: int) -> ImageSet:
        """Return a data set, its arrays not to be written to. Raises `Refusal` where it is not here (any more)."""
        kept = self._sets.get((key, size_px)) if datasets.is_ready(key) else None
        if kept is not None:
            return kept
        data = datasets.load_dataset(key, size_px)
        for array in (data.images, data.labels):
            array.setflags(write=False)
        self._sets.put((key, size_px), data)
        return data

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Go over the keys and sizes that are kept, in no order that means anything."""
        return iter(self._sets)

    def clear(self) -> None:
        """Drop everything."""
        self._sets.clear()

    @property
    def bytes(self) -> int:
        """What the pictures that are kept take, no more than the room."""
        return self._sets.size


@st.cache_resource(show_spinner=False)
def _cache() -> DatasetCache:
    cache = DatasetCache()
    idle.register_cleanup(cache.clear)
    return cache


def load_set(key: str, size_px: int) -> ImageSet:
    """Return a data set as `load_dataset` does, shared by all who look at it. Raises `Refusal` where it is not here."""
    return _cache().get(key, size_px)
