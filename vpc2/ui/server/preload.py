"""Imports the heavy libraries while the first visitor reads the home page, and keeps the garbage collector out of the way.

Not before that page is drawn: an import holds the interpreter, and made the first paint four times as long.
"""

from __future__ import annotations

import gc
import importlib
import logging
import threading
import time
from collections.abc import Callable

READY = threading.Event()
PATIENCE_S = 5.0  # where no visitor comes, the libraries are loaded for the one who will
MODULES = ("torch", "PIL.Image", "plotly.graph_objects", "kornia.augmentation")
JANITOR_S = 60.0

_LOCK = threading.Lock()
_PAINTED = threading.Event()
_threads: list[threading.Thread] = []
_log = logging.getLogger(__name__)


def start(then: Callable[[], object] = lambda: None) -> None:
    """Import in the background once a page is drawn, and call `then` after it; the second call and later ones do nothing."""
    with _LOCK:
        if _threads:
            return
        _threads.extend(
            (
                threading.Thread(target=_import_all, args=(then,), name="preload", daemon=True),
                threading.Thread(target=_collect, name="janitor", daemon=True),
            )
        )
        for thread in _threads:
            thread.start()


def is_under_way() -> bool:
    """True while the libraries are still to come: what needs them is drawn later, what does not is drawn now."""
    return bool(_threads) and not READY.is_set()


def begin() -> None:
    """Say that a page is drawn: what is heavy may be loaded from now on."""
    _PAINTED.set()


def _import_all(then: Callable[[], object]) -> None:
    _PAINTED.wait(PATIENCE_S)
    try:
        for name in MODULES:
            try:
                importlib.import_module(name)
            except ImportError:
                _log.warning("%s cannot be imported; the page that needs it will say so", name, exc_info=True)
        # What lives from here to the end of the server is never searched again: a collection then takes milliseconds.
        gc.collect()
        gc.freeze()
    finally:
        READY.set()
    then()


def _collect() -> None:
    """Collect now and then: `runner.postScriptGC` is off, because after every rerun it would hold up all visitors."""
    READY.wait()
    while True:
        time.sleep(JANITOR_S)
        gc.collect()
