"""A thread-safe LRU cache shared by all visitors, bounded in entries or in bytes.

A key must contain everything its value was computed from: whoever can build the key may read the value.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import cachetools


class LruCache:
    """A least-recently-used cache; `limit` bounds the sum of `size_of` over its values, or their number without `size_of`."""

    def __init__(self, limit: int, size_of: Callable[[Any], int] | None = None) -> None:
        self._entries: cachetools.LRUCache[Hashable, Any] = cachetools.LRUCache(limit, size_of)
        self._lock = threading.Lock()

    @property
    def limit(self) -> int:
        return int(self._entries.maxsize)

    @property
    def size(self) -> int:
        """The current size, in the unit of `limit`."""
        return int(self._entries.currsize)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over a snapshot of the keys, in no particular order."""
        with self._lock:
            return iter(list(self._entries))

    def get(self, key: Hashable) -> Any:
        """Return the value of a key, None where there is none, and mark it as used."""
        with self._lock:
            return self._entries.get(key)

    def put(self, key: Hashable, value: Any) -> None:
        """Store a value, replacing any other of this key. One larger than the whole cache is not stored."""
        with self._lock:
            self._entries.pop(key, None)
            if self._entries.getsizeof(value) <= self.limit:
                self._entries[key] = value

    def setdefault(self, key: Hashable, value: Any) -> Any:
        """Return the cached value of a key; where there is none, store this one and return it."""
        with self._lock:
            if (cached := self._entries.get(key)) is None:
                cached = value
                if self._entries.getsizeof(value) <= self.limit:
                    self._entries[key] = value
            return cached

    def clear(self) -> None:
        """Remove everything."""
        with self._lock:
            self._entries.clear()
