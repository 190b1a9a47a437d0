"""Decoding of uploaded images. Uploads are hostile: Pillow gets a list of allowed formats, and limits are checked on the header first.

torchvision's decoder is not used: it ends the whole process on damaged PNGs (pytorch/vision#3613 and others).
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from vpc2.system.host import LIMITS, MB
from vpc2.text import Refusal, Text, clean_name

# Each format is an attack surface: these are the ones that cameras, phones and browsers write. Without this list Pillow
# would start Ghostscript for an EPS called .png.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")  # the plugin for JPEG opens MPO too
_MIN_DRAFT_SHARE = 0.9  # a JPEG is decoded at 1/2, 1/4 or 1/8 of its size where at least this share of the allowed side is left

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

# What Pillow's readers raised on some thousand damaged files: IndexError for GIF, RuntimeError for AVIF, TypeError for TIFF.
# Any other exception is a bug and must be raised (a KeyError caught here once hid one).
DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, OverflowError, IndexError, RuntimeError, TypeError, struct.error, zlib.error)
# A damaged EXIF block is no reason to refuse an image.
EXIF_ERRORS = (*DECODE_ERRORS, KeyError, AttributeError, ZeroDivisionError)
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
BOMB_ERRORS = (Image.DecompressionBombError, Image.DecompressionBombWarning)  # the warning too, where a host turns warnings into errors


@dataclass(frozen=True)
class Photo:
    """A decoded photograph.

    `pixels` is uint8 (H, W, 3) RGB, upright, its longer side at most the limit; `digest` is the sha256 of the file's
    bytes; `size` the (width, height) stored in the file, before its EXIF `orientation` (1 to 8) is applied; `notes` the conversions.
    """

    pixels: np.ndarray
    digest: str
    name: str
    notes: tuple[Text, ...]
    size: tuple[int, int]
    orientation: int = 1


def decode_photo(data: bytes, name: str = "", *, max_side_px: int = LIMITS.image_side_px) -> Photo:
    """Return the photograph in the bytes of a file; raise `Refusal` with the reason where it cannot be read.

    Sizes are checked in the header, before any pixel is decoded.
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
    except BOMB_ERRORS:
        raise Refusal(_BOMB.fill(name=shown, limit=LIMITS.image_pixels // 1_000_000)) from None
    except UnidentifiedImageError:
        is_heic = data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS
        raise Refusal((_HEIC if is_heic else _UNKNOWN).fill(name=shown)) from None
    except DECODE_ERRORS:
        raise Refusal(_DAMAGED.fill(name=shown)) from None
    return Photo(pixels, hashlib.sha256(data).hexdigest(), shown, tuple(notes), size, orientation)


def _orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where none can be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except EXIF_ERRORS:
        return 1
    return value if value in range(1, 9) else 1


def _decode(image: Image.Image, max_side_px: int, name: str) -> tuple[np.ndarray, list[Text], int]:
    notes: list[Text] = []
    # Not `n_frames`, which reads the whole file to count the frames.
    if (
        getattr(image, "is_animated", False) and image.format != "MPO"
    ):  # further frames of an MPO are the view of the other eye, no animation
        notes.append(_FIRST_FRAME)
        image.seek(0)
    if image.format == "JPEG":
        # Takes 0.17 to 0.40 of the time, and 12 megapixels at a quarter (1000 px) need no resizing afterwards.
        # Both sides in proportion: Pillow takes the smaller of the two scales, so a square would limit a wide image.
        draft_scale = max_side_px * _MIN_DRAFT_SHARE / max(image.size)
        width, height = image.size
        image.draft(None, (max(1, int(width * draft_scale)), max(1, int(height * draft_scale))))
    image.load()
    orientation = _orientation_of(image)  # after the pixels: before them, Pillow would read through a damaged file without an error
    try:
        image = ImageOps.exif_transpose(image)
    except EXIF_ERRORS:
        notes.append(_NO_EXIF)
    image, conversions = _to_rgb(image, name)
    scale = max_side_px / max(image.size)
    if scale < 1:
        width, height = image.size
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = image.resize(size, Image.Resampling.HAMMING)  # as sharp as bicubic when shrinking, in half the time
    return np.asarray(image), [*notes, *conversions], orientation


def _to_rgb(image: Image.Image, name: str) -> tuple[Image.Image, list[Text]]:
    """Return the image in RGB, and notes; 16-bit and float values, which Pillow would clip to white, are scaled to 8 bits."""
    if image.mode == "RGB":
        return image, []
    if image.mode in ("L", "1", "P") and "transparency" not in image.info:
        return image.convert("RGB"), []
    if image.mode.startswith(("I", "F")):
        return _scale_to_8_bits(np.asarray(image, dtype=np.float64), image.mode, name), [_SCALED]
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB"), [_ON_WHITE]
    return image.convert("RGB"), [_CONVERTED.fill(mode=image.mode)]


def _scale_to_8_bits(values: np.ndarray, mode: str, name: str) -> Image.Image:
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
