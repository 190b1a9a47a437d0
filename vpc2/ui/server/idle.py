"""When the last visitor has left, what was kept to answer visitors quickly goes, and its memory goes back to the machine."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

import streamlit as st
from streamlit.runtime import exists, get_instance

from vpc2.host import return_memory

LOOK_S, QUIET_S = 5.0, 20.0  # how often is looked, and how long nobody must have been there

_FORGET: list[Callable[[], object]] = []


def when_all_have_left(forget: Callable[[], object]) -> None:
    """Have `forget` called when nobody is there any more; what it drops can be made again."""
    _FORGET.append(forget)


def is_anybody_there() -> bool:
    """True while a browser is connected, or has lost its connection so lately that it may come back."""
    return exists() and get_instance().state.name == "ONE_OR_MORE_SESSIONS_CONNECTED"


def forget_all() -> None:
    """Drop what is kept: answers, draws, data sets. Classifiers that are open and what a visitor made stay."""
    for forget in _FORGET:
        forget()
    st.cache_data.clear()
    gc.collect()
    return_memory()


def watch(now: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep, rounds: int | None = None) -> None:
    """Look every few seconds whether all have left, and forget once each time they have."""
    last, is_fresh = now(), False
    while rounds is None or rounds > 0:
        rounds = None if rounds is None else rounds - 1
        sleep(LOOK_S)
        if is_anybody_there():
            last, is_fresh = now(), True
        elif is_fresh and now() - last >= QUIET_S:
            forget_all()
            is_fresh = False


def start() -> None:
    """Watch in the background; the second call and later ones do nothing."""
    if not any(thread.name == "leaving" for thread in threading.enumerate()):
        threading.Thread(target=watch, name="leaving", daemon=True).start()
