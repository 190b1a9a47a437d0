"""The same operation in Kornia, torchvision v2 and Albumentations, at one fixed strength: what differs, and what each costs.

Kornia works on float batches and on any device, torchvision here on uint8 batches, Albumentations on one uint8 picture
after another: each as its users use it. Albumentations is optional, and only its MIT-licensed releases (up to 2.0.8) are
meant; where it is not installed, it is not shown.
"""

from __future__ import annotations

import importlib.util
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vpc2.catalog import Catalog, Entry
from vpc2.words import Text

LIBRARIES = ("kornia", "torchvision", "albumentations")
_ANGLE, _SCALE, _SHIFT = 15.0, 1.3, (0.25, 0.125)


@dataclass(frozen=True, kw_only=True)
class Match(Entry):
    """One operation in several libraries; `key` is its name in the table of operations, or the nearest one's.

    `kornia` and `torchvision` take the libraries' modules and a batch, float in [0, 1] and uint8, (B, 3, H, W);
    `albumentations` takes its module and the size (H, W) and returns a transform; None where it has no equal.
    """

    kornia: Callable[[Any, Tensor], Tensor]
    torchvision: Callable[[Any, Tensor], Tensor]
    albumentations: Callable[[Any, tuple[int, int]], Any] | None = None


def _modules() -> SimpleNamespace:
    """Return the parts of Kornia and torchvision that the table uses; torchvision costs seconds, so only here."""
    import kornia.color
    import kornia.enhance
    import kornia.filters
    import kornia.geometry.transform
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional

    return SimpleNamespace(
        color=kornia.color,
        enhance=kornia.enhance,
        filters=kornia.filters,
        geometry=kornia.geometry.transform,
        tv=functional,
        bilinear=InterpolationMode.BILINEAR,
    )


def _all(images: Tensor, *values: float) -> Tensor:
    """Return the same values for every picture of a batch."""
    row = torch.tensor(values, device=images.device, dtype=torch.float32)
    return row.expand(len(images), len(values)) if len(values) > 1 else row.expand(len(images))


def _offset(images: Tensor) -> list[int]:
    return [round(_SHIFT[0] * images.shape[-1]), round(_SHIFT[1] * images.shape[-2])]


def _inner(images: Tensor) -> tuple[int, int, int, int]:
    """Return top, left, height and width of the middle three quarters."""
    height, width = images.shape[-2:]
    return height // 8, width // 8, height * 3 // 4, width * 3 // 4


def _cropped(m: Any, images: Tensor) -> Tensor:
    top, left, height, width = _inner(images)
    return m.geometry.resize(images[..., top : top + height, left : left + width], tuple(images.shape[-2:]), antialias=False)


def _corners(images: Tensor) -> tuple[list[list[int]], list[list[int]]]:
    """Return the corners of a picture and where a view from the side moves them."""
    height, width = images.shape[-2:]
    right, bottom, dx, dy = width - 1, height - 1, width // 10, height // 12
    start = [[0, 0], [right, 0], [right, bottom], [0, bottom]]
    return start, [[dx, dy], [right - dx, dy // 2], [right - dx // 2, bottom - dy // 2], [dx // 2, bottom - dy]]


def _perspective(m: Any, images: Tensor) -> Tensor:
    start, end = (torch.tensor([points], dtype=torch.float32, device=images.device) for points in _corners(images))
    matrix = m.geometry.get_perspective_transform(start, end).expand(len(images), 3, 3)
    return m.geometry.warp_perspective(images, matrix, tuple(images.shape[-2:]), align_corners=True)


def _jitter(**wanted: tuple[float, float]) -> Callable[[Any, tuple[int, int]], Any]:
    neutral = {"brightness": (1.0, 1.0), "contrast": (1.0, 1.0), "saturation": (1.0, 1.0), "hue": (0.0, 0.0)}
    return lambda a, size: a.ColorJitter(**{**neutral, **wanted}, p=1)


def _match(key: str, en: str, es: str, strength: tuple[str, str], kornia: Any, torchvision: Any, albumentations: Any = None) -> Match:
    return Match(key=key, title=Text(en, es), help=Text(*strength), kornia=kornia, torchvision=torchvision, albumentations=albumentations)


_NONE = ("No strength to choose.", "Sin intensidad que elegir.")

MATCHES: Catalog[Match] = Catalog(
    Text("matched operation", "operación comparada"),
    _match(
        "RandomHorizontalFlip", "Horizontal flip", "Espejo horizontal", _NONE,
        lambda m, x: m.geometry.hflip(x), lambda m, x: m.tv.horizontal_flip(x), lambda a, size: a.HorizontalFlip(p=1),
    ),
    _match(
        "RandomVerticalFlip", "Vertical flip", "Espejo vertical", _NONE,
        lambda m, x: m.geometry.vflip(x), lambda m, x: m.tv.vertical_flip(x), lambda a, size: a.VerticalFlip(p=1),
    ),
    _match(
        "RandomRotation", "Rotation", "Giro", ("By 15°, bilinear.", "De 15°, bilineal."),
        lambda m, x: m.geometry.rotate(x, _all(x, _ANGLE)),
        lambda m, x: m.tv.rotate(x, _ANGLE, m.bilinear),
        lambda a, size: a.Rotate(limit=(_ANGLE, _ANGLE), border_mode=0, p=1),
    ),
    _match(
        "RandomTranslate", "Shift", "Desplazamiento", ("By a quarter and an eighth.", "De un cuarto y un octavo."),
        lambda m, x: m.geometry.translate(x, _all(x, *map(float, _offset(x)))),
        lambda m, x: m.tv.affine(x, 0.0, _offset(x), 1.0, [0.0, 0.0], m.bilinear),
        lambda a, size: a.Affine(translate_px={"x": round(_SHIFT[0] * size[1]), "y": round(_SHIFT[1] * size[0])}, p=1),
    ),
    _match(
        "RandomAffine", "Scale", "Escala", ("To 1.3 times.", "A 1,3 veces."),
        lambda m, x: m.geometry.scale(x, _all(x, _SCALE, _SCALE)),
        lambda m, x: m.tv.affine(x, 0.0, [0, 0], _SCALE, [0.0, 0.0], m.bilinear),
        lambda a, size: a.Affine(scale=_SCALE, p=1),
    ),
    _match(
        "RandomPerspective", "Perspective", "Perspectiva", ("Corners moved by a tenth.", "Esquinas movidas un décimo."),
        _perspective, lambda m, x: m.tv.perspective(x, *_corners(x), m.bilinear),
    ),
    _match(
        "RandomResizedCrop", "Crop and resize", "Recorte y ampliación", ("The middle three quarters.", "Los tres cuartos del medio."),
        _cropped, lambda m, x: m.tv.resized_crop(x, *_inner(x), list(x.shape[-2:]), antialias=False),
    ),
    _match(
        "RandomBrightness", "Brightness", "Brillo", ("Times 1.3.", "Por 1,3."),
        lambda m, x: m.enhance.adjust_brightness_accumulative(x, 1.3), lambda m, x: m.tv.adjust_brightness(x, 1.3),
        _jitter(brightness=(1.3, 1.3)),
    ),
    _match(
        "RandomContrast", "Contrast", "Contraste", ("Times 1.3 about the mean.", "Por 1,3 alrededor de la media."),
        lambda m, x: m.enhance.adjust_contrast_with_mean_subtraction(x, 1.3), lambda m, x: m.tv.adjust_contrast(x, 1.3),
        _jitter(contrast=(1.3, 1.3)),
    ),
    _match(
        "RandomSaturation", "Saturation", "Saturación", ("Times 1.5.", "Por 1,5."),
        lambda m, x: m.enhance.adjust_saturation_with_gray_subtraction(x, 1.5), lambda m, x: m.tv.adjust_saturation(x, 1.5),
        _jitter(saturation=(1.5, 1.5)),
    ),
    _match(
        "RandomHue", "Hue", "Tono", ("A tenth of the circle.", "Un décimo del círculo."),
        lambda m, x: m.enhance.adjust_hue(x, 0.1 * 2 * math.pi), lambda m, x: m.tv.adjust_hue(x, 0.1), _jitter(hue=(0.1, 0.1)),
    ),
    _match(
        "RandomGamma", "Gamma", "Gamma", ("1.5.", "1,5."),
        lambda m, x: m.enhance.adjust_gamma(x, 1.5), lambda m, x: m.tv.adjust_gamma(x, 1.5),
        lambda a, size: a.RandomGamma(gamma_limit=(150, 150), p=1),
    ),
    _match(
        "RandomGrayscale", "Grey", "Gris", _NONE,
        lambda m, x: m.color.rgb_to_grayscale(x).expand_as(x), lambda m, x: m.tv.rgb_to_grayscale(x, 3), lambda a, size: a.ToGray(p=1),
    ),
    _match(
        "RandomInvert", "Invert", "Invertir", _NONE,
        lambda m, x: m.enhance.invert(x), lambda m, x: m.tv.invert(x), lambda a, size: a.InvertImg(p=1),
    ),
    _match(
        "RandomPosterize", "Posterise", "Posterizar", ("To 3 bits.", "A 3 bits."),
        lambda m, x: m.enhance.posterize(x, 3), lambda m, x: m.tv.posterize(x, 3), lambda a, size: a.Posterize(num_bits=3, p=1),
    ),
    _match(
        "RandomSolarize", "Solarise", "Solarizar", ("From one half on.", "Desde la mitad."),
        lambda m, x: m.enhance.solarize(x, 0.5), lambda m, x: m.tv.solarize(x, 128),
        lambda a, size: a.Solarize(threshold_range=(0.5, 0.5), p=1),
    ),
    _match(
        "RandomEqualize", "Equalise", "Ecualizar", _NONE,
        lambda m, x: m.enhance.equalize(x), lambda m, x: m.tv.equalize(x), lambda a, size: a.Equalize(mode="pil", p=1),
    ),
    _match(
        "RandomGaussianBlur", "Gaussian blur", "Desenfoque gaussiano", ("7 px, σ = 1.5 px.", "7 px, σ = 1,5 px."),
        lambda m, x: m.filters.gaussian_blur2d(x, (7, 7), (1.5, 1.5)), lambda m, x: m.tv.gaussian_blur(x, [7, 7], [1.5, 1.5]),
        lambda a, size: a.GaussianBlur(blur_limit=(7, 7), sigma_limit=(1.5, 1.5), p=1),
    ),
    _match(
        "RandomSharpness", "Sharpness", "Nitidez", ("Factor 2.", "Factor 2."),
        lambda m, x: m.enhance.sharpness(x, 2.0), lambda m, x: m.tv.adjust_sharpness(x, 2.0),
    ),
    _match(
        "RandomJPEG", "JPEG", "JPEG", ("Quality 20.", "Calidad 20."),
        lambda m, x: m.enhance.jpeg_codec_differentiable(x, _all(x, 20.0)), lambda m, x: torch.stack([m.tv.jpeg(one, 20) for one in x]),
        lambda a, size: a.ImageCompression(quality_range=(20, 20), p=1),
    ),
)  # fmt: skip


def installed(key: str) -> tuple[str, ...]:
    """Return the libraries that have this operation on this machine, Kornia first."""
    has_albumentations = MATCHES.find(key).albumentations is not None and importlib.util.find_spec("albumentations") is not None
    return LIBRARIES if has_albumentations else LIBRARIES[:2]


def prepare(key: str, library: str, pixels: np.ndarray, device: str = "cpu") -> tuple[Callable[[], Any], Callable[[Any], np.ndarray]]:
    """Return what does the work on a batch, uint8 (B, H, W, 3), in a library's own form, and what turns its answer back.

    Preparing is not part of the work, so that each library is timed on what its users hold in memory anyway.
    """
    entry = MATCHES.find(key)
    if library == "albumentations":
        import albumentations

        transform, pictures = entry.albumentations(albumentations, pixels.shape[1:3]), list(pixels)
        return lambda: [transform(image=picture)["image"] for picture in pictures], np.stack
    modules = _modules()
    batch = torch.tensor(pixels).permute(0, 3, 1, 2).contiguous()
    if library == "torchvision":
        return lambda: entry.torchvision(modules, batch), lambda out: out.permute(0, 2, 3, 1).numpy()
    images = batch.to(device).float().div(255)
    return lambda: entry.kornia(modules, images), lambda out: out.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def apply_match(key: str, pixels: np.ndarray, device: str = "cpu") -> dict[str, np.ndarray]:
    """Return a picture, uint8 (H, W, 3), as each library makes it."""
    results = {}
    for library in installed(key):
        work, back = prepare(key, library, pixels[None], device)
        with torch.no_grad():
            results[library] = back(work())[0]
    return results


def time_match(key: str, pixels: np.ndarray, batch: int, turns: int = 5, device: str = "cpu") -> dict[str, float]:
    """Return each library's milliseconds for a batch of copies of a picture: the median of turns, taken one after another."""
    works = {library: prepare(key, library, np.repeat(pixels[None], batch, axis=0), device)[0] for library in installed(key)}
    times: dict[str, list[float]] = {library: [] for library in works}
    with torch.no_grad():
        for work in works.values():
            work()  # what is set up at the first call is nobody's time
        for _turn in range(turns):
            for library, work in works.items():
                began = time.perf_counter()
                work()
                if device == "cuda":
                    torch.cuda.synchronize()
                times[library].append(1000 * (time.perf_counter() - began))
    return {library: statistics.median(series) for library, series in times.items()}
