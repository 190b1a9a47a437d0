"""Sign Language Digits (Mavi and Dikle): photographs of hands signing 0 to 9, grouped by person."""

from __future__ import annotations

import hashlib
import http.client
import re
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from vpc2.data.datasets import DATASETS, Report
from vpc2.data.imageset import ImageSet
from vpc2.system import host
from vpc2.text import Refusal, Text

FOLDER = "sign-language-digits"
ARCHIVE = "https://codeload.github.com/ardamavi/Sign-Language-Digits-Dataset/zip/refs/heads/master"
MAX_BYTES = 120 * host.MB
MIN_PICTURES, MAX_PICTURES = 1_500, 3_000  # photographs; the public set has 2,062
# The host packs the archive of a branch anew, so its checksum changes; the checksums of the photographs in it do not.
KNOWN = {
    "0/IMG_1118.JPG": "eff44bc69e877b2d5c4e4d052bf5831712976fecddc24e2ce4456f38c09c9ecf",
    "5/IMG_1123.JPG": "5f8660f3ced2cd3c1ecbdf2c43a764f7f915cdeb448d630e95d733953a3dbeed",
    "9/IMG_1127.JPG": "972bf26e0b0ea0c655a25a5d6a84d2bcfe061cdfa022b2ff6817a9c16c0e6716",
}
_NAME = re.compile(r"IMG_(\d+)\.JPG", re.IGNORECASE)
_FRAGMENT = 8  # fewer consecutive photographs than this are not a whole person
_GAP = 9

_LOADING = Text("downloading…")
_UNPACKING = Text("unpacking…")
_NO_NETWORK = Text(
    "The photographs of hands could not be downloaded: there is no way to {home} from here. Put them into the folder that VPC2_DATA "
    "names, as sign-language-digits/Dataset with one folder a class."
)
_WRONG = Text("What came down is not the expected set of photographs, so nothing of it was kept; try again later.")
_UNREADABLE = Text("The photograph {name} of the data set is damaged: remove the folder sign-language-digits and download it again.")


def folder() -> Path:
    """Return the folder of the photographs, with one folder per class."""
    return host.data_home() / FOLDER / "Dataset"


def is_ready(key: str) -> bool:
    """True where every class has its folder."""
    return all((folder() / name).is_dir() for name in DATASETS["hands"].classes)


def load(key: str, size_px: int) -> ImageSet:
    """Return the photographs as squares of `size_px`, with `groups` by person."""
    return _load(str(folder()), size_px)


@lru_cache(maxsize=2)
def _load(directory: str, size_px: int) -> ImageSet:
    photographs = sorted(
        (int(match[1]), label, path)
        for label, name in enumerate(DATASETS["hands"].classes)
        for path in (Path(directory) / name).iterdir()
        if (match := _NAME.fullmatch(path.name))
    )
    images = np.empty((len(photographs), size_px, size_px, 3), dtype=np.uint8)
    for i, (_number, _label, path) in enumerate(photographs):
        try:
            with Image.open(path, formats=("JPEG",)) as image:
                image.draft("RGB", (size_px, size_px))
                images[i] = np.asarray(image.convert("RGB").resize((size_px, size_px), Image.Resampling.BILINEAR))
        except (OSError, SyntaxError, ValueError):
            raise Refusal(_UNREADABLE.fill(name=path.name)) from None
    labels = np.array([label for _, label, _ in photographs], dtype=np.int64)
    groups = people([number for number, _, _ in photographs], labels.tolist())
    return ImageSet(images, labels, DATASETS["hands"].classes, groups=groups)


def people(numbers: list[int], labels: list[int]) -> np.ndarray:
    """Return a person's index for each photograph, int64, from ascending file numbers and their classes.

    Every student signed 0 to 9 in a row, so a decreasing class, or a gap in the numbers, starts the next student. Where retakes or mix-ups
    leave a fragment, it is joined to both its neighbours: two students in one group are harmless, one student on both sides of a split is
    not.
    """
    starts = [i for i in range(len(numbers)) if i == 0 or labels[i] < labels[i - 1] or numbers[i] - numbers[i - 1] > _GAP]
    ends = [*starts[1:], len(numbers)]
    groups, person = np.zeros(len(numbers), dtype=np.int64), -1
    is_joined = False
    for start, end in zip(starts, ends, strict=True):
        is_fragment = end - start < _FRAGMENT
        is_near = start > 0 and numbers[start] - numbers[start - 1] <= _GAP
        if not (is_near and (is_fragment or is_joined)):
            person += 1
        groups[start:end] = person
        is_joined = is_fragment
    return groups


def download(key: str, report: Report) -> None:
    """Download the photographs from their public repository, atomically."""
    target = host.data_home() / FOLDER
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".hands-") as temporary:
        packed = Path(temporary) / "archive.zip"
        try:
            fetch(ARCHIVE, packed, lambda share: report(0.8 * share, _LOADING), MAX_BYTES)
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
            raise Refusal(_NO_NETWORK.fill(home=DATASETS[key].home)) from None
        report(0.8, _UNPACKING)
        unpacked = Path(temporary) / FOLDER
        try:
            count = _unpack(packed, unpacked)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError):
            raise Refusal(_WRONG) from None
        if not MIN_PICTURES <= count <= MAX_PICTURES or not _is_known(unpacked / "Dataset"):
            raise Refusal(_WRONG)
        shutil.rmtree(target, ignore_errors=True)
        unpacked.replace(target)
    report(1.0, _UNPACKING)


def fetch(url: str, path: Path, report: Callable[[float], None], largest_bytes: int) -> None:
    """Download a file of at most `largest_bytes` from `url`; `report` receives the share.

    Raises URLError, OSError, or ValueError if larger.
    """
    with urllib.request.urlopen(url, timeout=20) as response, path.open("wb") as file:  # https only: the URL is a constant
        total_bytes = int(response.headers.get("Content-Length") or 0) or largest_bytes // 4
        loaded = 0
        while block := response.read(256 * 1024):
            loaded += len(block)
            if loaded > largest_bytes:
                raise ValueError("larger than expected")
            file.write(block)
            report(min(1.0, loaded / total_bytes))


def _unpack(packed: Path, target: Path) -> int:
    """Write only `Dataset/<class>/IMG_<number>.JPG` from the archive, under generated names; return their number."""
    count = 0
    with zipfile.ZipFile(packed) as archive:
        if sum(info.file_size for info in archive.infolist()) > 4 * MAX_BYTES:
            raise ValueError("unpacks to more than expected")
        for info in archive.infolist():
            parts = info.filename.split("/")
            if len(parts) >= 3 and parts[-3] == "Dataset" and parts[-2] in DATASETS["hands"].classes and _NAME.fullmatch(parts[-1]):
                class_folder = target / "Dataset" / parts[-2]
                class_folder.mkdir(parents=True, exist_ok=True)
                (class_folder / parts[-1]).write_bytes(archive.read(info))
                count += 1
            elif parts[-1] == "LICENSE":
                target.mkdir(parents=True, exist_ok=True)
                (target / "LICENSE").write_bytes(archive.read(info))
    return count


def _is_known(dataset: Path) -> bool:
    """True where the folder holds the expected photographs, byte for byte."""
    return all(
        (dataset / name).is_file() and hashlib.sha256((dataset / name).read_bytes()).hexdigest() == digest for name, digest in KNOWN.items()
    )
