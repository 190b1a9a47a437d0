"""From a visitor's file to pixels. Uploads are hostile: Pillow with a list of formats, and limits read from the header first.

torchvision's decoder is never used here: it ends the whole process on damaged PNGs (pytorch/vision#3613 and others).
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from vpc2.host import LIMITS, MB
from vpc2.text import Refusal, Text, clean_name

# Forty formats are forty doors: these are the ones that cameras, phones and browsers write. Pillow would start
# Ghostscript for an EPS called .png if it were not for this list.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")  # the opener of JPEG opens MPO, too
_DRAFT_LEAST = 0.9  # a JPEG is decoded at a half, a quarter or an eighth where so much of the side that may be kept is left

_EMPTY = Text("“{name}” is empty.")
_TOO_BIG = Text("“{name}” is too large: at most {limit:,} MB.")
_TOO_MANY_PIXELS = Text("“{name}” has {width:,} × {height:,} pixels; at most {limit:,} million are read. A smaller copy will do.")
_BOMB = Text("“{name}” claims more than {limit:,} million pixels, the most that are read. A smaller copy will do.")
_HEIC = Text("“{name}” is a HEIC photograph, which cannot be read here; export it as JPEG.")
_UNKNOWN = Text("“{name}” is not a picture that can be read here: JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF can.")
_DAMAGED = Text("“{name}” is damaged or cut short and cannot be read; save or copy it again.")
_NOT_FINITE = Text("“{name}” holds values that are no numbers (NaN or infinite).")
_FIRST_FRAME = Text("only the first of its frames is used")
_ON_WHITE = Text("its transparent parts are shown on white")
_SCALED = Text("its deep values were scaled to 8 bits")
_CONVERTED = Text("its colours ({mode}) were converted to RGB")

_NO_EXIF = Text("its EXIF data are damaged, so it may not be upright")

# What Pillow's readers raise on some thousand damaged files: GIF's IndexError, AVIF's RuntimeError, TIFF's TypeError.
# Anything else is a bug and must be seen (a KeyError caught here once hid one).
FAULTS = (OSError, SyntaxError, ValueError, EOFError, OverflowError, IndexError, RuntimeError, TypeError, struct.error, zlib.error)
# A broken block of EXIF is no reason to refuse a picture.
EXIF_FAULTS = (*FAULTS, KeyError, AttributeError, ZeroDivisionError)
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)  # the warning, too, where a host turns it into an error


@dataclass(frozen=True)
class Photo:
    """A photograph as the app works on it.

    `pixels` is uint8 (H, W, 3) RGB, upright, its longer side at most the limit; `digest` is the sha256 of the file's
    bytes; `size` the (width, height) it came with, stored as its EXIF `orientation` (1 to 8) says; `notes` what was done to it.
    """

    pixels: np.ndarray
    digest: str
    name: str
    notes: tuple[Text, ...]
    size: tuple[int, int]
    orientation: int = 1


def decode_photo(data: bytes, name: str = "", *, max_side_px: int = LIMITS.image_side_px) -> Photo:
    """Return the photograph in `data`; raise `Refusal` with one sentence if it cannot be had.

    Sizes are judged by the header, before a pixel is unpacked.
    """
    shown = clean_name(name) or "?"
    if not data:
        raise Refusal(_EMPTY.fill(name=shown))
    if len(data) > LIMITS.image_bytes:
        raise Refusal(_TOO_BIG.fill(name=shown, limit=LIMITS.image_bytes // MB))
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            size = image.size
            if min(size) < 1:
                raise Refusal(_DAMAGED.fill(name=shown))
            if size[0] * size[1] > LIMITS.image_pixels:
                raise Refusal(_TOO_MANY_PIXELS.fill(name=shown, width=size[0], height=size[1], limit=LIMITS.image_pixels // 1_000_000))
            pixels, notes, orientation = _decode(image, max_side_px, shown)
    except Refusal:
        raise
    except BOMBS:
        raise Refusal(_BOMB.fill(name=shown, limit=LIMITS.image_pixels // 1_000_000)) from None
    except UnidentifiedImageError:
        is_heic = data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS
        raise Refusal((_HEIC if is_heic else _UNKNOWN).fill(name=shown)) from None
    except FAULTS:
        raise Refusal(_DAMAGED.fill(name=shown)) from None
    return Photo(pixels, hashlib.sha256(data).hexdigest(), shown, tuple(notes), size, orientation)


def _orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none that can be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except EXIF_FAULTS:
        return 1
    return value if value in range(1, 9) else 1


def _decode(image: Image.Image, max_side_px: int, name: str) -> tuple[np.ndarray, list[Text], int]:
    notes: list[Text] = []
    # Not `n_frames`: to count the frames is to walk through the whole file.
    if getattr(image, "is_animated", False) and image.format != "MPO":  # an MPO's further frames are the other eye's view, not an animation
        notes.append(_FIRST_FRAME)
        image.seek(0)
    if image.format == "JPEG":
        # 0.17 to 0.40 of the time, and 12 megapixels at a quarter (1000 px) need no resizing after it.
        # Both sides in proportion: Pillow takes the smaller of the two scales, and a square would hold a wide picture back.
        wanted = max_side_px * _DRAFT_LEAST / max(image.size)
        image.draft(None, tuple(max(1, int(side * wanted)) for side in image.size))
    image.load()
    orientation = _orientation_of(image)  # after the pixels: asked before, Pillow would read a damaged file through without a word
    try:
        image = ImageOps.exif_transpose(image)
    except EXIF_FAULTS:
        notes.append(_NO_EXIF)
    image, said = _to_rgb(image, name)
    scale = max_side_px / max(image.size)
    if scale < 1:
        size = tuple(max(1, round(side * scale)) for side in image.size)
        image = image.resize(size, Image.Resampling.HAMMING)  # as sharp as bicubic when shrinking, in half the time
    return np.asarray(image), [*notes, *said], orientation


def _to_rgb(image: Image.Image, name: str) -> tuple[Image.Image, list[Text]]:
    """Return the picture in RGB; what Pillow would silently whiten (16 bits, floats) is scaled by hand."""
    if image.mode == "RGB":
        return image, []
    if image.mode in ("L", "1", "P") and "transparency" not in image.info:
        return image.convert("RGB"), []
    if image.mode.startswith(("I", "F")):
        return _from_deep(np.asarray(image, dtype=np.float64), image.mode, name), [_SCALED]
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        whole = image.convert("RGBA")
        ground = Image.new("RGBA", whole.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, whole).convert("RGB"), [_ON_WHITE]
    return image.convert("RGB"), [_CONVERTED.fill(mode=image.mode)]


def _from_deep(values: np.ndarray, mode: str, name: str) -> Image.Image:
    if not np.isfinite(values).all():
        raise Refusal(_NOT_FINITE.fill(name=name))
    low, high = float(values.min()), float(values.max())
    if mode.startswith("I;16") or (mode == "I" and low >= 0 and 255 < high <= 65535):
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 1 and mode == "F":
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    scaled = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    return Image.fromarray(np.round(scaled).astype(np.uint8)).convert("RGB")
