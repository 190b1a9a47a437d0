"""Clears all caches when no browser has been connected for a while, and returns the freed memory to the operating system."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

import streamlit as st
from streamlit.runtime import exists, get_instance

from vpc2.system.host import return_memory

POLL_S, QUIET_S = 5.0, 20.0  # interval between checks; time without a connected browser before the caches are cleared

_CLEANUPS: list[Callable[[], object]] = []


def register_cleanup(cleanup: Callable[[], object]) -> None:
    """Register a function that clears a cache, called when the server is idle; what it clears must be recomputable."""
    _CLEANUPS.append(cleanup)


def has_visitors() -> bool:
    """True while a browser is connected, or lost its connection so recently that it may reconnect (Streamlit keeps its session)."""
    return exists() and get_instance().state.name == "ONE_OR_MORE_SESSIONS_CONNECTED"


def clear_caches() -> None:
    """Clear the caches of predictions, draws and data sets; open classifiers and visitors' work are kept."""
    for cleanup in _CLEANUPS:
        cleanup()
    st.cache_data.clear()
    gc.collect()
    return_memory()


def watch(now: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep, rounds: int | None = None) -> None:
    """Poll for connected browsers and clear the caches once each time the server has become idle.

    `rounds` limits the number of polls (None: forever); `now` and `sleep` are replaced in tests.
    """
    last_seen, has_new_visit = now(), False
    while rounds is None or rounds > 0:
        rounds = None if rounds is None else rounds - 1
        sleep(POLL_S)
        if has_visitors():
            last_seen, has_new_visit = now(), True
        elif has_new_visit and now() - last_seen >= QUIET_S:
            clear_caches()
            has_new_visit = False


def start() -> None:
    """Start `watch` in a background thread; later calls do nothing."""
    if not any(thread.name == "leaving" for thread in threading.enumerate()):
        threading.Thread(target=watch, name="leaving", daemon=True).start()
