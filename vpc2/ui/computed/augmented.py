"""Cached augmentations of photographs: draws, the steps of one draw, before and after; and the limit on concurrent computations.

Streamlit's own hash of a large array uses only a sample of it, so the cache key of a photograph is its sha256, and its pixels are
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
from vpc2.augment.draw_cache import DrawCache
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.spec import Pipeline, edit_scale
from vpc2.system.host import MB, Heap
from vpc2.text import Refusal, Text
from vpc2.ui.server import idle

_SLOTS = threading.BoundedSemaphore(max(1, (os.cpu_count() or 2) - 1))
_WAIT_S = 20
STAGES = DrawCache(64 * MB)  # of all visitors: eight draws of one step are 10 MB
idle.register_cleanup(STAGES.clear)
HEAP = Heap()
HISTOGRAM_BINS = 32
_BUSY = Text("The machine is busy with other visitors' pictures; try again in a moment.")


@contextlib.contextmanager
def computation_slot() -> Iterator[None]:
    """Occupy one of the slots for heavy computations (one fewer than the cores), so that many visitors queue instead of thrashing.

    Raises `Refusal` if no slot becomes free within `_WAIT_S` seconds.
    """
    if not _SLOTS.acquire(timeout=_WAIT_S):
        raise Refusal(_BUSY)
    try:
        yield
    finally:
        HEAP.trim()
        _SLOTS.release()


def augmented_draws(pipeline: Pipeline, photo: dict[str, Any], draws: int, side_px: int) -> dict[str, Any]:
    """Return the original and `draws` draws of a photograph as JPEG bytes, with each step's outcome and the cost.

    The dictionary holds `original`, `pictures` (list of bytes), `steps` (one list of outcomes a picture), `ms` and `device`.
    """
    return _augmented_draws(token_of(pipeline), photo["digest"], draws, side_px, photo["pixels"])


@st.cache_data(max_size="64MB", show_spinner=False)
def _augmented_draws(token: str, image_key: str, draws: int, side_px: int, _pixels: np.ndarray) -> dict[str, Any]:
    from vpc2.augment.pipeline import draw_images
    from vpc2.images.encode import to_jpeg, to_tensor
    from vpc2.system.device import pick_device

    with computation_slot():
        small = resized_pixels(image_key, side_px, _pixels)
        pipeline, factor = scale_to_display(token, _pixels, small)
        device, started = pick_device(), time.perf_counter()
        results = draw_images(pipeline, to_tensor(small), draws, image_key=image_key, device=device, cache=STAGES)
        ms = 1000 * (time.perf_counter() - started)
    return {
        "original": to_jpeg(small),
        "pictures": [to_jpeg(result.image) for result in results],
        "steps": [[_outcome_values(outcome, factor) for outcome in result.steps] for result in results],
        "ms": ms,
        "device": device,
    }


@st.cache_data(max_size="32MB", show_spinner=False)
def resized_pixels(image_key: str, side_px: int, _pixels: np.ndarray) -> np.ndarray:
    """Return a photograph's pixels at the displayed size; cached, so that an edit of the pipeline does not resize again."""
    from vpc2.images.encode import resize_pixels

    return resize_pixels(_pixels, side_px)


def token_of(pipeline: Pipeline) -> str:
    """Return the cache key of a pipeline."""
    return codec.to_token(Pipeline(pipeline.steps, pipeline.seed))  # without the name, which changes no pixel


def scale_to_display(token: str, pixels: np.ndarray, small: np.ndarray) -> tuple[Pipeline, float]:
    """Return the pipeline with its lengths scaled to the displayed size, and the scale factor."""
    factor = max(small.shape[:2]) / max(pixels.shape[:2])
    return edit_scale(codec.from_token(token, "pipeline").spec, factor), factor


def _outcome_values(outcome: Any, factor: float) -> tuple:
    """Return a step's outcome as the arguments of `pipeline_editor.describe_outcome`, with lengths in px of the full-size photograph."""
    lengths = {name for name, _label, unit in OPS[outcome.op].shows if unit == "px"}
    values = {
        name: ([part / factor for part in value] if isinstance(value, list) else value / factor) if name in lengths else value
        for name, value in outcome.values.items()
    }
    return outcome.step_id, outcome.op, outcome.is_applied, values, outcome.reason


def resized_jpeg(photo: dict[str, Any], side_px: int) -> bytes:
    """Return a photograph at the displayed size, as JPEG."""
    return _resized_jpeg(photo["digest"], side_px, photo["pixels"])


@st.cache_data(max_size="32MB", show_spinner=False)
def _resized_jpeg(image_key: str, side_px: int, _pixels: np.ndarray) -> bytes:
    from vpc2.images.encode import to_jpeg

    return to_jpeg(resized_pixels(image_key, side_px, _pixels))


def images_after_steps(pipeline: Pipeline, photo: dict[str, Any], draw: int, side_px: int) -> dict[str, Any]:
    """Return one draw after every step: `original` and `pictures` as JPEG bytes, `steps` one outcome a picture."""
    return _images_after_steps(token_of(pipeline), photo["digest"], draw, side_px, photo["pixels"])


@st.cache_data(max_size="64MB", show_spinner=False)
def _images_after_steps(token: str, image_key: str, draw: int, side_px: int, _pixels: np.ndarray) -> dict[str, Any]:
    from vpc2.augment.pipeline import film_draw
    from vpc2.images.encode import to_jpeg, to_tensor
    from vpc2.system.device import pick_device

    with computation_slot():
        small = resized_pixels(image_key, side_px, _pixels)
        pipeline, factor = scale_to_display(token, _pixels, small)
        film = film_draw(pipeline, to_tensor(small), draw, image_key, pick_device())
    pictures = [to_jpeg(frame.image) for frame in film]
    return {"original": to_jpeg(small), "pictures": pictures, "steps": [_outcome_values(frame.steps[0], factor) for frame in film]}


def _draw_at(pipeline: Pipeline, photo: dict[str, Any], draw: int, side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a photograph at this size and one draw of it, both uint8 (H, W, 3)."""
    from vpc2.augment.pipeline import draw_images
    from vpc2.images.encode import resize_pixels, to_pixels, to_tensor
    from vpc2.system.device import pick_device

    small = resize_pixels(photo["pixels"], side_px)
    with computation_slot():
        pipeline, _factor = scale_to_display(token_of(pipeline), photo["pixels"], small)
        result = draw_images(pipeline, to_tensor(small), draw + 1, photo["digest"], pick_device(), first=draw)[0]
    return small, to_pixels(result.image)


def full_size_draw(pipeline: Pipeline, photo: dict[str, Any], draw: int) -> np.ndarray:
    """Return one draw at the photograph's own size, uint8 (H, W, 3)."""
    return _draw_at(pipeline, photo, draw, max(photo["pixels"].shape[:2]))[1]


def full_size_draw_png(pipeline: Pipeline, photo: dict[str, Any], draw: int) -> bytes:
    """Return one draw at the photograph's own size, as PNG."""
    from vpc2.images.encode import to_png

    return to_png(full_size_draw(pipeline, photo, draw))


def before_after(pipeline: Pipeline, photo: dict[str, Any], draw: int, side_px: int) -> dict[str, Any]:
    """Return a photograph and one draw of it as JPEG bytes (`before`, `after`), and how they differ.

    `difference` is a JPEG of |after - before| times `gain`, `changed` the share of pixels that differ by more than one
    of 255, `mean` the mean difference (0 to 1), `histograms` two lists of the share of pixels a bin of brightness.
    """
    return _before_after(token_of(pipeline), photo["digest"], draw, side_px, photo["pixels"])


@st.cache_data(max_size="64MB", show_spinner=False)
def _before_after(token: str, image_key: str, draw: int, side_px: int, _pixels: np.ndarray) -> dict[str, Any]:
    from vpc2.images.encode import to_jpeg

    photo = {"digest": image_key, "pixels": _pixels}
    before, after = _draw_at(codec.from_token(token, "pipeline").spec, photo, draw, side_px)
    gap = np.abs(after.astype(np.int16) - before.astype(np.int16))
    gain = min(255 / max(int(gap.max()), 1), 8.0)
    grey = np.array([0.299, 0.587, 0.114])
    histograms = tuple(
        (np.histogram(pixels @ grey, bins=HISTOGRAM_BINS, range=(0, 255.0001))[0] / pixels[..., 0].size).tolist()
        for pixels in (before, after)
    )
    return {
        "before": to_jpeg(before),
        "after": to_jpeg(after),
        "difference": to_jpeg(np.clip(gap * gain, 0, 255).astype(np.uint8)),
        "gain": gain,
        "changed": float((gap.max(axis=2) > 1).mean()),
        "mean": float(gap.mean() / 255),
        "histograms": histograms,
    }
