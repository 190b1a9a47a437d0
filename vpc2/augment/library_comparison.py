"""Comparison of Kornia, torchvision v2 and Albumentations: the same operation at a fixed strength, its output and its time.

What is compared are the exported calls, built from the exported source lines, on the input of the exported scripts: batches of floats, for
Albumentations one float picture after another. Kornia works on any device. Albumentations is optional, and only its MIT-licensed releases
(up to 2.0.8) are supported; where it is not installed, it is not shown. Operations with random positions (a crop, noise) have no strength
at which two libraries make the same picture.
"""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from vpc2.augment.export.call_parser import make
from vpc2.augment.export.other_libraries import to_call
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.pipeline import build_step
from vpc2.augment.spec import Step
from vpc2.catalog import Catalog, Entry
from vpc2.rng import drawing
from vpc2.text import Text

LIBRARIES = ("kornia", "torchvision", "albumentations")


@dataclass(frozen=True, kw_only=True)
class Match(Entry):
    """An operation of OPS at a fixed strength: `params` override its defaults, always applied."""

    params: dict[str, Any] = field(default_factory=dict)

    @property
    def step(self) -> Step:
        entry = OPS[self.key]
        return Step("match", self.key, entry.clean({**entry.defaults(), **self.params, "p": 1.0}))


def _match(key: str, strength: Text, **params: Any) -> Match:
    return Match(key=key, title=OPS[key].title, help=strength, params=params)


_NONE = Text("No strength to choose.")

MATCHES: Catalog[Match] = Catalog(
    Text("matched operation"),
    _match("RandomHorizontalFlip", _NONE),
    _match("RandomVerticalFlip", _NONE),
    _match("RandomRotation", Text("By 15°, bilinear."), degrees=[15.0, 15.0]),
    _match(
        "RandomAffine",
        Text("By 15°, 1.3 times as large, slanted by 10°."),
        degrees=[15.0, 15.0],
        translate=0.0,
        scale=[1.3, 1.3],
        shear=[10.0, 10.0],
    ),
    _match(
        "RandomTranslate",
        Text("By a quarter and an eighth."),
        translate_x=[0.25, 0.25],
        translate_y=[0.125, 0.125],
    ),
    _match("RandomShear", Text("By 10°."), shear=[10.0, 10.0]),
    _match(
        "ColorJitter",
        Text("Brightness 1.2, contrast 1.2, saturation 1.3, hue 0.05."),
        brightness=[1.2, 1.2],
        contrast=[1.2, 1.2],
        saturation=[1.3, 1.3],
        hue=[0.05, 0.05],
    ),
    _match("RandomBrightness", Text("Times 1.3."), brightness=[1.3, 1.3]),
    _match("RandomContrast", Text("Times 1.3 about the mean."), contrast=[1.3, 1.3]),
    _match("RandomSaturation", Text("Times 1.5."), saturation=[1.5, 1.5]),
    _match("RandomHue", Text("A tenth of the circle."), hue=[0.1, 0.1]),
    _match("RandomGamma", Text("1.5."), gamma=[1.5, 1.5]),
    _match("RandomGrayscale", _NONE),
    _match("RandomInvert", _NONE),
    _match("RandomPosterize", Text("To 3 bits."), bits=[3, 3]),
    _match("RandomSolarize", Text("From one half on."), thresholds=[0.5, 0.5], additions=[0.0, 0.0]),
    _match("RandomEqualize", _NONE),
    _match("RandomAutoContrast", _NONE),
    _match("RandomGaussianBlur", Text("7 px, σ = 1.5 px."), kernel_size=7, sigma=[1.5, 1.5]),
    _match("RandomSharpness", Text("Factor 2."), sharpness=[2.0, 2.0]),
    _match("RandomJPEG", Text("Quality 20."), jpeg_quality=[20.0, 20.0]),
)


def installed(key: str) -> tuple[str, ...]:
    """Return the libraries that have this operation on this machine, Kornia first."""
    entry = OPS[MATCHES.find(key).key]
    return tuple(name for name in LIBRARIES if name == "kornia" or (getattr(entry, name) and importlib.util.find_spec(name) is not None))


def _transform(step: Step, library: str) -> Any:
    """Return the object that a step's exported line constructs. Both libraries take seconds to import, so they are imported here."""
    helpers = vars(importlib.import_module(f"vpc2.augment.export.{library}_helpers"))
    if library == "albumentations":
        return helpers["A"].Compose([make(to_call(step, library), helpers)])
    return make(to_call(step, library), helpers)


def prepare(key: str, library: str, pixels: np.ndarray, device: str = "cpu") -> tuple[Callable[[], Any], Callable[[Any], np.ndarray]]:
    """Return a function that transforms a batch, uint8 (B, H, W, 3), in a library's own format, and one that converts its output back.

    Conversion is not part of the timed work: users of each library hold pictures in its format anyway.
    """
    step = MATCHES.find(key).step
    if library == "albumentations":
        transform, pictures = _transform(step, library), list(pixels.astype(np.float32) / 255)
        return lambda: [transform(image=picture)["image"] for picture in pictures], lambda output: _to_bytes(np.stack(output))
    images = torch.tensor(pixels).permute(0, 3, 1, 2).contiguous().to(device if library == "kornia" else "cpu").float().div(255)
    if library == "torchvision":
        transform = _transform(step, library)
        return lambda: transform(images), lambda output: _to_bytes(output.permute(0, 2, 3, 1).numpy())
    height, width = pixels.shape[1:3]
    augmentation = build_step(step, height, width, device)

    def work() -> torch.Tensor:
        with drawing(0):
            sampled = augmentation.forward_parameters(images.shape)
        return augmentation(images, params=sampled)

    return work, lambda output: _to_bytes(output.permute(0, 2, 3, 1).cpu().numpy())


def _to_bytes(pictures: np.ndarray) -> np.ndarray:
    return (pictures.clip(0, 1) * 255).round().astype(np.uint8)


def apply_match(key: str, pixels: np.ndarray, device: str = "cpu") -> dict[str, np.ndarray]:
    """Return the output of each library for a picture, uint8 (H, W, 3)."""
    results = {}
    for library in installed(key):
        work, to_pixels = prepare(key, library, pixels[None], device)
        with torch.no_grad():
            results[library] = to_pixels(work())[0]
    return results


def time_match(key: str, pixels: np.ndarray, batch: int, turns: int = 5, device: str = "cpu") -> dict[str, float]:
    """Return each library's milliseconds for a batch of copies of a picture: the median of interleaved rounds."""
    works = {library: prepare(key, library, np.repeat(pixels[None], batch, axis=0), device)[0] for library in installed(key)}
    times: dict[str, list[float]] = {library: [] for library in works}
    with torch.no_grad():
        for work in works.values():
            work()  # warm-up: set-up at the first call is not timed
        for _turn in range(turns):
            for library, work in works.items():
                began = time.perf_counter()
                work()
                if device == "cuda":
                    torch.cuda.synchronize()
                times[library].append(1000 * (time.perf_counter() - began))
    return {library: statistics.median(series) for library, series in times.items()}
