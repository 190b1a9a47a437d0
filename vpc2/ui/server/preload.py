"""Imports the heavy libraries (torch, Pillow, Plotly, Kornia) in a background thread, and runs garbage collection once a minute.

The import starts after the first page is drawn: it holds the interpreter lock, and made the first paint four times as slow.
"""

from __future__ import annotations

import gc
import importlib
import logging
import threading
import time
from collections.abc import Callable

READY = threading.Event()
PATIENCE_S = 5.0  # without a visitor, the libraries are loaded after so many seconds
MODULES = ("torch", "PIL.Image", "plotly.graph_objects", "kornia.augmentation")
COLLECT_S = 60.0  # between garbage collections

_LOCK = threading.Lock()
_PAINTED = threading.Event()
_threads: list[threading.Thread] = []
_log = logging.getLogger(__name__)


def start(then: Callable[[], object] = lambda: None) -> None:
    """Import the libraries in the background once a page is drawn, then call `then`; later calls do nothing."""
    with _LOCK:
        if _threads:
            return
        _threads.extend(
            (
                threading.Thread(target=_import_all, args=(then,), name="preload", daemon=True),
                threading.Thread(target=_collect_periodically, name="janitor", daemon=True),
            )
        )
        for thread in _threads:
            thread.start()


def is_loading() -> bool:
    """True while the libraries are still loading: a page then draws only what does not need them."""
    return bool(_threads) and not READY.is_set()


def signal_first_page() -> None:
    """Signal that the first page is drawn, so that loading may start."""
    _PAINTED.set()


def _import_all(then: Callable[[], object]) -> None:
    _PAINTED.wait(PATIENCE_S)
    try:
        for name in MODULES:
            try:
                importlib.import_module(name)
            except ImportError:
                _log.warning("%s cannot be imported; the page that needs it will say so", name, exc_info=True)
        # Objects that live until the server ends are excluded from later collections, which then take milliseconds.
        gc.collect()
        gc.freeze()
    finally:
        READY.set()
    then()


def _collect_periodically() -> None:
    """Collect garbage periodically: `runner.postScriptGC` is off, because after every rerun it would delay all visitors."""
    READY.wait()
    while True:
        time.sleep(COLLECT_S)
        gc.collect()
