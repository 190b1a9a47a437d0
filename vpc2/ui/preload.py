"""Imports the heavy libraries while the first visitor reads the home page, and keeps the garbage collector out of the way."""

from __future__ import annotations

import gc
import importlib
import logging
import threading
import time
from collections.abc import Callable

READY = threading.Event()
MODULES = ("torch", "PIL.Image", "plotly.graph_objects", "kornia.augmentation")
JANITOR_S = 60.0

_LOCK = threading.Lock()
_threads: list[threading.Thread] = []
_log = logging.getLogger(__name__)


def start(then: Callable[[], object] = lambda: None) -> None:
    """Start importing in the background, and call `then` after it; the second call and later ones do nothing."""
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


def _import_all(then: Callable[[], object]) -> None:
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
