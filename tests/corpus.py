"""A corpus of bad input of our own: `python tests/corpus.py FOLDER` writes the files and `manifest.json`.

An entry is one line: the path, what the app must do with it ("accept", "note", "partial" or "refuse"), why, and what makes its bytes.
Nothing here is dangerous to make; `pickle` entries would touch the file that CORPUS_MARKER names if anybody ever unpickled them.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Entry:
    path: str
    expect: str
    why: str
    make: Callable[[], bytes]


def picture(form: str = "PNG", size: tuple[int, int] = (40, 32), mode: str = "RGB", **more) -> bytes:
    noise = np.random.default_rng((len(form), *size)).integers(0, 256, (size[1], size[0], 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(out, form, **more)
    return out.getvalue()


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) if crc is None else crc)


def png(width: int, height: int, depth: int = 8, colour: int = 2, data: bytes = b"", before: bytes = b"", crc: int | None = None) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header, crc) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def bomb(width: int, height: int, colour: int) -> bytes:
    """A picture of a few kilobytes that says it is enormous, and is."""
    row = b"\0" * (1 + width * (3 if colour == 2 else 1))
    packer = zlib.compressobj(9)
    return png(width, height, 8, colour, b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()]))


def animated() -> bytes:
    frames, out = [Image.new("RGB", (16, 16), (40 * i, 0, 0)) for i in range(5)], io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def packed(files: dict[str, bytes | zipfile.ZipInfo], **more) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **{"compression": zipfile.ZIP_DEFLATED, **more}) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def classes(*names: str, count: int = 6) -> dict[str, bytes]:
    return {f"{name}/{i}.png": picture(size=(24 + i, 20 + at % 60)) for at, name in enumerate(names) for i in range(count)}


def with_link() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in classes("a", "b").items():
            archive.writestr(name, data)
        link = zipfile.ZipInfo("a/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return out.getvalue()


def encrypted() -> bytes:
    data = bytearray(packed(classes("a", "b")))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(mark)
        while start >= 0:
            data[start + at] |= 1
            start = data.find(mark, start + 4)
    return bytes(data)


def tensors(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


class _Touch:
    def __reduce__(self):
        return os.system, ('touch "$CORPUS_MARKER"',)


def document(kind: str, **body) -> bytes:
    return json.dumps({"version": 1, "kind": kind, **body}).encode()


def step(op: str, **params) -> bytes:
    return document("pipeline", name="p", seed=1, steps=[{"id": "a", "op": op, "on": True, "params": params}])


def net(*layers: tuple[str, dict], shape: object = (3, 32, 32)) -> bytes:
    listed = [{"id": f"l{i}", "type": kind, "params": params} for i, (kind, params) in enumerate(layers)]
    return document("net", name="n", input=shape, layers=listed)


HTML = "<img src=x onerror=alert(1)>"
F32 = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
FLIP = {"p": 0.5}

ENTRIES = (
    Entry("images/ok.png", "accept", "control", picture),
    *(Entry(f"images/ok.{form.lower()}", "accept", "a format on the list", lambda form=form: picture(form)) for form in ("JPEG", "WEBP", "BMP")),
    Entry("images/empty.png", "refuse", "no byte", lambda: b""),
    Entry("images/byte.jpg", "refuse", "one byte", lambda: b"\xff"),
    Entry("images/text.png", "refuse", "text with a picture's name", lambda: b"this is no picture\n" * 50),
    Entry("images/page.jpg", "refuse", "a web page", lambda: b"<!doctype html><script>alert(1)</script>"),
    Entry("images/half.jpg", "refuse", "half a file", lambda: picture("JPEG", (300, 200))[:9000]),
    Entry("images/half.png", "refuse", "half a file", lambda: picture(size=(300, 200))[:9000]),
    Entry("images/checksum.png", "refuse", "a wrong checksum", lambda: png(8, 8, crc=1, data=zlib.compress(b"\0" * 200))),
    Entry("images/nothing.png", "refuse", "a side of no pixels", lambda: png(0, 8)),
    Entry("images/header.png", "refuse", "a header that promises 65535 x 65535", lambda: png(65535, 65535)),
    Entry("images/bomb_grey.png", "refuse", "100 million pixels in a hundred kilobytes", lambda: bomb(10_000, 10_000, 0)),
    Entry("images/bomb_colour.png", "refuse", "36 million pixels", lambda: bomb(6_000, 6_000, 2)),
    Entry("images/bomb_text.png", "refuse", "a text chunk that unpacks to 200 MB", lambda: png(
        8, 8, data=zlib.compress(b"\0" * 200), before=chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * 200_000_000, 9)))),
    Entry("images/alpha.png", "note", "transparency", lambda: picture(mode="RGBA")),
    Entry("images/palette.png", "accept", "a palette", lambda: picture(mode="P")),
    Entry("images/cmyk.jpg", "note", "printers' colours", lambda: picture("JPEG", mode="CMYK")),
    Entry("images/sixteen.png", "note", "16 bits", lambda: png(8, 8, 16, 0, zlib.compress((b"\0" + bytes(range(16))) * 8))),
    Entry("images/animated.gif", "note", "five frames", animated),
    Entry("images/drawing.svg", "refuse", "a drawing with an entity", lambda: b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'),
    Entry("images/icon.ico", "refuse", "a format off the list", lambda: picture("ICO")),
    Entry("images/other.tga", "refuse", "a format off the list", lambda: picture("TGA")),
    Entry("images/script.png", "refuse", "PostScript", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"),
    Entry("images/archive.png", "refuse", "an archive with a picture's name", lambda: packed(classes("a"))),
    Entry("images/named.jpg", "accept", "a PNG named JPEG: the content decides", picture),
    Entry("images/no_extension", "accept", "a picture without an extension", picture),
    *(Entry(f"names/{name}", "accept", "a hostile name", picture) for name in (
        f"{HTML.replace('/', '_')}.png", "![x](http:example.org).png", "$\\frac{1}{0}$.png", ":red[name].png", "..png", "con.png",
        "a" * 200 + ".png", "\u202egnp.exe.png", "név\u0301 ñandú 手.png", "&lt;b&gt;.png")),
    Entry("archives/ok.zip", "accept", "control", lambda: packed(classes("cat", "dog"))),
    Entry("archives/wrapped.zip", "accept", "a folder around it", lambda: packed({f"set/{k}": v for k, v in classes("cat", "dog").items()})),
    Entry("archives/markup.zip", "accept", "class names that are markup", lambda: packed(classes("<b>x", "[a](http:b)"))),
    Entry("archives/junk.zip", "accept", "what a Mac leaves behind", lambda: packed(
        {**classes("a", "b"), "__MACOSX/a/._0.png": b"\0", "a/.DS_Store": b"\0", "Thumbs.db": b"\0"})),
    Entry("archives/some.zip", "partial", "a text among pictures", lambda: packed({**classes("a", "b"), "a/x.png": b"no picture"})),
    Entry("archives/bomb_inside.zip", "partial", "a picture that is a bomb", lambda: packed({**classes("a", "b"), "a/x.png": png(65535, 65535)})),
    Entry("archives/link.zip", "partial", "a symbolic link", with_link),
    Entry("archives/flat.zip", "refuse", "no folders", lambda: packed({f"{i}.png": picture() for i in range(6)})),
    Entry("archives/one.zip", "refuse", "one class", lambda: packed(classes("a"))),
    Entry("archives/many.zip", "refuse", "more classes than are taken", lambda: packed(classes(*(f"c{i}" for i in range(150)), count=1))),
    Entry("archives/nothing.zip", "refuse", "an archive of nothing", lambda: packed({})),
    Entry("archives/empty.zip", "refuse", "no byte", lambda: b""),
    Entry("archives/text.zip", "refuse", "no archive", lambda: b"PK but not really" * 20),
    Entry("archives/half.zip", "refuse", "half a file", lambda: packed(classes("a", "b"))[:3000]),
    Entry("archives/bomb.zip", "partial", "300 MB of nothing in 300 kB", lambda: packed({**classes("a", "b"), "a/x.png": b"\0" * 300_000_000})),
    Entry("archives/password.zip", "refuse", "a password", encrypted),
    Entry("archives/tar.zip", "refuse", "another packer", lambda: gzip.compress(b"\0" * 4000)),
    Entry("classifiers/pickle.pt", "refuse", "a pickle that runs a command", lambda: pickle.dumps(_Touch())),
    Entry("classifiers/pickle.zip.pt", "refuse", "the same, as torch packs it", lambda: packed({"archive/data.pkl": pickle.dumps(_Touch())})),
    Entry("classifiers/disguise.safetensors", "refuse", "a pickle in disguise", lambda: pickle.dumps(_Touch())),
    Entry("classifiers/empty.safetensors", "refuse", "no byte", lambda: b""),
    Entry("classifiers/huge_header.safetensors", "refuse", "a header of 2**63 bytes", lambda: tensors(b"{}", length=2**63)),
    Entry("classifiers/long_header.safetensors", "refuse", "a header longer than the file", lambda: tensors(F32, b"\0" * 8, length=9_000)),
    Entry("classifiers/beyond.safetensors", "refuse", "data beyond the end", lambda: tensors(F32, b"\0" * 4)),
    Entry("classifiers/negative.safetensors", "refuse", "a shape below nothing", lambda: tensors({"w": {**F32["w"], "shape": [-2]}}, b"\0" * 8)),
    Entry("classifiers/giant.safetensors", "refuse", "a shape of 10**12", lambda: tensors({"w": {**F32["w"], "shape": [10**12]}}, b"\0" * 8)),
    Entry("classifiers/twice.safetensors", "refuse", "a name twice", lambda: tensors(
        b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', b"\0" * 8)),
    Entry("classifiers/kind.safetensors", "refuse", "a type of number that is none", lambda: tensors({"w": {**F32["w"], "dtype": "F9"}}, b"\0" * 8)),
    Entry("classifiers/nan.safetensors", "refuse", "weights without their net, and NaN", lambda: tensors(F32, struct.pack("<2f", float("nan"), 1))),
    Entry("classifiers/keras.h5", "refuse", "another library's file", lambda: b"\x89HDF\r\n\x1a\n" + b"\0" * 100),
    Entry("documents/ok.json", "accept", "control", lambda: step("RandomHorizontalFlip", **FLIP)),
    Entry("documents/markup.json", "accept", "a name that is markup", lambda: document("pipeline", name=HTML, seed=1, steps=[])),
    Entry("documents/unknown.json", "refuse", "an operation that is none", lambda: step("RandomNothing")),
    Entry("documents/dunder.json", "refuse", "an operation that is a module's own", lambda: step("__import__")),
    Entry("documents/path.json", "refuse", "an operation that is a path", lambda: step("os.system")),
    Entry("documents/chance.json", "refuse", "a chance of 2", lambda: step("RandomHorizontalFlip", p=2)),
    Entry("documents/words.json", "refuse", "a word for a number", lambda: step("RandomHorizontalFlip", p="half")),
    Entry("documents/other.json", "refuse", "a parameter that is none", lambda: step("RandomHorizontalFlip", q=1)),
    Entry("documents/nan.json", "refuse", "no number", lambda: step("RandomHorizontalFlip", p=float("nan"))),
    Entry("documents/digits.json", "refuse", "a number of 5,000 digits", lambda: step("RandomHorizontalFlip", p=1).replace(b'"p": 1', b'"p": ' + b"9" * 5000)),
    Entry("documents/long.json", "refuse", "ten thousand steps", lambda: document("pipeline", name="p", seed=1, steps=[
        {"id": str(i), "op": "RandomHorizontalFlip", "on": True, "params": FLIP} for i in range(10_000)])),
    Entry("documents/deep.json", "refuse", "a hundred thousand lists", lambda: b"[" * 100_000),
    Entry("documents/twice.json", "refuse", "a key twice", lambda: b'{"version":1,"kind":"pipeline","kind":"net","steps":[]}'),
    Entry("documents/newer.json", "refuse", "a newer version", lambda: b'{"version":99,"kind":"pipeline","steps":[]}'),
    Entry("documents/half.json", "refuse", "half a file", lambda: step("RandomHorizontalFlip")[:30]),
    Entry("documents/empty.json", "refuse", "no byte", lambda: b""),
    Entry("documents/list.json", "refuse", "a list", lambda: b"[1, 2]"),
    Entry("documents/net_ok.json", "accept", "control", lambda: net(("Flatten", {}), ("Linear", {"out_features": 10}))),
    Entry("documents/net_eval.json", "refuse", "a layer that is code", lambda: net(("eval('1')", {}))),
    Entry("documents/net_zero.json", "refuse", "no channels", lambda: net(("Conv2d", {"out_channels": 0, "kernel_size": 3}))),
    Entry("documents/net_stride.json", "refuse", "a stride of nothing", lambda: net(("Conv2d", {"out_channels": 4, "kernel_size": 3, "stride": 0}))),
    Entry("documents/net_huge.json", "refuse", "a million million weights", lambda: net(("Flatten", {}), ("Linear", {"out_features": 10**12}))),
    Entry("documents/net_input.json", "refuse", "a picture below nothing", lambda: net(("Flatten", {}), shape=(3, -1, 32))),
    Entry("documents/net_kernel.json", "refuse", "a kernel larger than the picture", lambda: net(("Conv2d", {"out_channels": 4, "kernel_size": 99}))),
)  # fmt: skip


def write_corpus(folder: Path) -> list[Entry]:
    """Write every file and the manifest into a folder and return the entries that this disk could name."""
    written = []
    for entry in ENTRIES:
        path = folder / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(entry.make())
        except OSError:  # a name that this disk does not take
            continue
        written.append(entry)
    manifest = [{"path": entry.path, "expect": entry.expect, "why": entry.why} for entry in written]
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False))
    return written


if __name__ == "__main__":
    print(f"{len(write_corpus(Path(sys.argv[1])))} of {len(ENTRIES)} files")
