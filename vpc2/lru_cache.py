"""The cache that all visitors share: bounded in entries or in bytes, what was unused for longest gives way, safe between threads.

A key has to hold all that its value was computed from: who can make the key may have the value.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import cachetools


class LruCache:
    """A least-recently-used cache; `limit` bounds the sum of `size_of` over its values, or their number where none is given."""

    def __init__(self, limit: int, size_of: Callable[[Any], int] | None = None) -> None:
        self.limit = limit
        self._entries: cachetools.LRUCache[Hashable, Any] = cachetools.LRUCache(limit, size_of)
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """What is kept, in the unit of `limit`."""
        return int(self._entries.currsize)

    def __iter__(self) -> Iterator[Any]:
        """Go over the keys that are kept at this moment, in no order that means anything."""
        with self._lock:
            return iter(list(self._entries))

    def get(self, key: Hashable) -> Any:
        """Return the value of a key, None where there is none; to ask is to use it."""
        with self._lock:
            return self._entries.get(key)

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value in place of any other of this key. One that is larger than the whole cache is not kept."""
        with self._lock:
            self._entries.pop(key, None)
            if self._entries.getsizeof(value) <= self.limit:
                self._entries[key] = value

    def setdefault(self, key: Hashable, value: Any) -> Any:
        """Return the value that is kept of a key; where there is none, keep this one and return it."""
        with self._lock:
            if (found := self._entries.get(key)) is None:
                found = value
                if self._entries.getsizeof(value) <= self.limit:
                    self._entries[key] = value
            return found

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._entries.clear()
