"""Data sets that pages look at again and again: read once for all visitors, the latest kept, within a bound of memory.

Reading and resizing one takes a third of a second, and a page runs anew with every widget that is touched.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import streamlit as st

from vpc2.data import datasets
from vpc2.host import MB
from vpc2.ui.server import idle

if TYPE_CHECKING:  # numpy is imported behind the first paint
    from vpc2.data.imageset import ImageSet

MOST_BYTES = 96 * MB


class Shelf:
    """Data sets by key and size in pixels; what was not asked for the longest makes room."""

    def __init__(self, most_bytes: int = MOST_BYTES):
        self.most_bytes = most_bytes
        self._sets: OrderedDict[tuple[str, int], ImageSet] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, size_px: int) -> ImageSet:
        """Return a data set, its arrays not to be written to. Raises `Refusal` where it is not here (any more)."""
        place = key, size_px
        with self._lock:
            found = self._sets.get(place) if datasets.is_ready(key) else None
            if found is not None:
                self._sets.move_to_end(place)
                return found
        found = datasets.load_dataset(key, size_px)
        for array in (found.images, found.labels):
            array.setflags(write=False)
        with self._lock:
            self._sets[place] = found
            self._sets.move_to_end(place)
            while len(self._sets) > 1 and self.size_bytes() > self.most_bytes:
                self._sets.popitem(last=False)
        return found

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._sets.clear()

    def size_bytes(self) -> int:
        """Return what the pictures that are kept take."""
        return sum(one.images.nbytes for one in self._sets.values())


@st.cache_resource(show_spinner=False)
def _shelf() -> Shelf:
    shelf = Shelf()
    idle.register_cleanup(shelf.clear)
    return shelf


def load_set(key: str, size_px: int) -> ImageSet:
    """Return a data set as `load_dataset` does, shared by all who look at it. Raises `Refusal` where it is not here."""
    return _shelf().get(key, size_px)
