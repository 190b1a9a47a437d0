"""What was computed once is not computed again: results kept by the digests of what they came from.

Streamlit's own hash of a large array looks at a sample of it, so a picture goes by its sha256 and its pixels are
passed with a leading underscore, unhashed.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import streamlit as st

from vpc2 import codec
from vpc2.augment.spec import Pipeline
from vpc2.words import Refusal, Text

_PLACES = threading.BoundedSemaphore(max(1, (os.cpu_count() or 2) - 1))
_WAIT_S = 20
_BUSY = Text(
    "The machine is busy with other visitors' pictures; try again in a moment.",
    "La máquina está ocupada con imágenes de otras personas; conviene probar de nuevo en un momento.",
)


@contextlib.contextmanager
def computing() -> Iterator[None]:
    """Take one of the machine's places for heavy work, so that thirty visitors queue instead of thrashing."""
    if not _PLACES.acquire(timeout=_WAIT_S):
        raise Refusal(_BUSY)
    try:
        yield
    finally:
        _PLACES.release()


def drawn(pipeline: Pipeline, photo: dict[str, Any], draws: int, side_px: int) -> dict[str, Any]:
    """Return the original and `draws` draws of a photograph as JPEG bytes, with each step's outcome and the cost.

    The dictionary holds `original`, `pictures` (list of bytes), `steps` (one list of outcomes a picture), `ms` and `device`.
    """
    token = codec.to_token(Pipeline(pipeline.steps, pipeline.seed))  # a name changes no pixel
    return _drawn(token, photo["digest"], draws, side_px, photo["pixels"])


@st.cache_data(max_size="256MB", show_spinner=False)
def _drawn(token: str, image_key: str, draws: int, side_px: int, _pixels: np.ndarray) -> dict[str, Any]:
    from vpc2.augment.pipeline import draw_images, pick_device
    from vpc2.images.encode import resize_pixels, to_jpeg, to_tensor

    pipeline = codec.from_token(token, "pipeline").spec
    with computing():
        small = resize_pixels(_pixels, side_px)
        device, started = pick_device(), time.perf_counter()
        results = draw_images(pipeline, to_tensor(small), draws, image_key=image_key, device=device)
        ms = 1000 * (time.perf_counter() - started)
    return {
        "original": to_jpeg(small),
        "pictures": [to_jpeg(result.image) for result in results],
        "steps": [
            [(step.step_id, step.op, step.is_applied, dict(step.values), getattr(step, "reason", None)) for step in result.steps]
            for result in results
        ],
        "ms": ms,
        "device": device,
    }
