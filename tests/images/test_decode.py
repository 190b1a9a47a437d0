"""Decoding of good, unusual and damaged images."""

import binascii
import hashlib
import io
import os
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vpc2.images.decode import FORMATS, decode_photo
from vpc2.text import Refusal


def encode(image, form, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def ramp(width=64, height=48) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x // 8 + y // 8) % 2 * 200], axis=-1).astype(np.uint8)


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", binascii.crc32(kind + body))


def png_header(width, height) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(99))) + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_on_the_list_is_read(form):
    photo = decode_photo(encode(Image.fromarray(ramp()), form), "picture")
    assert photo.pixels.shape == (48, 64, 3) and photo.pixels.dtype == np.uint8
    if form != "GIF":  # its 256 colours
        assert np.abs(photo.pixels.astype(int) - ramp()).mean() < 12


def test_a_png_comes_back_pixel_for_pixel():
    data = encode(Image.fromarray(ramp()), "PNG")
    photo = decode_photo(data, "a\u202eb\n.png")
    assert (photo.pixels == ramp()).all() and photo.size == (64, 48) and photo.notes == ()
    assert photo.digest == hashlib.sha256(data).hexdigest() and photo.name == "ab .png"


REFUSED = {
    "empty": (b"", "empty"),
    "text": (b"this is not an image\n" * 20, "not a picture"),
    "html": (b"<html><script>alert(1)</script></html>", "not a picture"),
    "half a JPEG": (encode(Image.fromarray(ramp()), "JPEG")[:900], "damaged"),
    "half a PNG": (encode(Image.fromarray(ramp()), "PNG")[:-40], "damaged"),
    "30,000 squared": (png_header(30_000, 30_000), "million"),
    "5,001 x 5,000": (png_header(5_001, 5_000), "5,001"),
    "2^31 squared": (png_header(2**31 - 1, 2**31 - 1), "million"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n", "not a picture"),
    "PPM": (encode(Image.fromarray(ramp()), "PPM"), "not a picture"),
    "HEIC": (struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(200), "export it as JPEG"),
    "21 MB": (bytes(21 * 1024 * 1024), "20 MB"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("data, says", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused_in_one_sentence(data, says):
    with pytest.raises(Refusal) as refusal:
        decode_photo(data, "file.jpg")
    assert says in refusal.value.text.en and "file.jpg" in refusal.value.text.say("es")
    assert refusal.value.text.en != refusal.value.text.say("es")


def test_a_float_picture_with_nan_is_refused():
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    values[1, 1] = np.nan
    with pytest.raises(Refusal, match="NaN"):
        decode_photo(encode(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_levels(form):
    deep = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)
    photo = decode_photo(encode(Image.fromarray(deep), form))
    assert np.abs(photo.pixels[..., 0] - deep / 257).max() <= 0.5 + 1e-9
    assert len(photo.notes) == 1


def test_a_float_picture_keeps_its_levels():
    values = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    photo = decode_photo(encode(Image.fromarray(values), "TIFF"))
    assert photo.pixels[..., 1].ravel().tolist() == list(range(256))


def test_of_an_animation_the_first_frame_is_taken_and_said():
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    photo = decode_photo(encode(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert photo.pixels[5, 5].tolist() == [255, 0, 0] and "first" in photo.notes[0].en


def test_transparency_turns_white_and_is_said():
    photo = decode_photo(encode(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG"))
    assert (photo.pixels == 255).all() and "white" in photo.notes[0].en


def test_cmyk_keeps_its_colours_and_is_said():
    photo = decode_photo(encode(Image.fromarray(ramp()).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(photo.pixels.astype(int) - ramp()).mean() < 12 and "CMYK" in photo.notes[0].en


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_stands_upright(orientation):
    """Each of the eight EXIF orientations against the turn that the standard gives it."""
    turns = [lambda a: a, np.fliplr, lambda a: np.rot90(a, 2), np.flipud, lambda a: np.rot90(np.fliplr(a)), lambda a: np.rot90(a, -1)]
    turns += [lambda a: np.rot90(np.fliplr(a), -1), np.rot90]
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = decode_photo(encode(Image.fromarray(ramp()), "PNG", exif=exif))
    assert np.array_equal(photo.pixels, turns[orientation - 1](ramp()))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_large_picture_is_scaled_down_and_stays_itself(form):
    large = Image.fromarray(ramp()).resize((3000, 2250), Image.Resampling.NEAREST)
    photo = decode_photo(encode(large, form), max_side_px=512)
    assert photo.pixels.shape == (384, 512, 3) and photo.size == (3000, 2250)
    expected = np.asarray(large.resize((512, 384), Image.Resampling.BOX)).astype(int)
    assert np.abs(photo.pixels - expected).mean() < 6


def test_a_jpeg_a_little_below_the_limit_at_a_quarter_is_read_there():
    """4000 pixels are decoded as 1000, which needs no scaling; 3000 would become 750, so they are decoded at a half and scaled."""
    large = Image.fromarray(ramp()).resize((1000, 750), Image.Resampling.BICUBIC)
    photo = decode_photo(encode(large, "JPEG", quality=95), max_side_px=256)
    assert photo.pixels.shape == (188, 250, 3)
    expected = np.asarray(large.resize((250, 188), Image.Resampling.BOX)).astype(int)
    assert np.abs(photo.pixels - expected).mean() < 2
    assert decode_photo(encode(large.resize((750, 562)), "JPEG"), max_side_px=256).pixels.shape[1] == 256


FUZZED = int(os.environ.get("VPC2_FUZZ", "2000"))  # 100,000 for the figure of docs/trust.md


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
def test_damaged_bytes_give_a_picture_or_a_refusal():
    """Seeded fuzzing: any exception other than `Refusal` is a bug and fails."""
    rng, image = random.Random(0), Image.fromarray(ramp(24, 16))
    good = [encode(image, form) for form in FORMATS] + [encode(image, "GIF", save_all=True, append_images=[image.rotate(90)])]
    outcomes = {"picture": 0, "refused": 0}
    for _ in range(FUZZED):
        data = bytearray(rng.choice(good))
        for _ in range(rng.choice((1, 1, 3, 10))):
            data[rng.randrange(min(len(data), rng.choice((64, 200, 10**6))))] = rng.randrange(256)
        try:
            decode_photo(bytes(data))
            outcomes["picture"] += 1
        except Refusal:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 100


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_corpus_ends_as_its_manifest_says(corpus):
    wrong = []
    files = corpus("images") + corpus("names")
    for entry, path in files:
        try:
            got = "note" if decode_photo(path.read_bytes(), entry.get("upload_name", path.name)).notes else "accept"
        except Refusal as refusal:
            got = "refuse"
            if entry.get("say", "") not in refusal.text.en:
                wrong.append((path.name, refusal.text.en))
        if got not in entry["expect"].split("|"):
            wrong.append((path.name, entry["expect"], got))
    assert len(files) > 100 and wrong == []


def test_sixteen_bits_keep_their_place_between_black_and_white():
    """A dark picture stays dark: 65535 is white, whatever its own brightest pixel is."""
    values = np.linspace(1000, 20_000, 64).astype(np.uint16).reshape(8, 8)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    pixels = decode_photo(file.getvalue(), "dark.png").pixels
    assert np.abs(pixels[..., 0].astype(int) - values / 257).max() <= 1 and (pixels[..., 0] == pixels[..., 2]).all()
