"""The table of data sets: one literal each. Standard library only; the readers are resolved when used."""

from __future__ import annotations

import contextlib
import importlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from vpc2.catalog import Catalog, Entry
from vpc2.system import host
from vpc2.text import Refusal, Text, Verbatim

if TYPE_CHECKING:
    from vpc2.data.imageset import ImageSet

Report = Callable[[float, Text], None]
OWN_KEY = re.compile(r"own-[0-9a-f]{16}")  # an uploaded data set, see uploaded_sets.py
OWN_ABOUT = "about.json"

_NOT_HERE = Text("“{name}” is not on this machine yet: download it on the Train page, or put it into the folder that VPC2_DATA names.")


_OWN = Text("Pictures you added, one folder a class.")
_OWN_GONE = Text("Own pictures, not on this machine")


@dataclass(frozen=True, kw_only=True)
class DatasetEntry(Entry):
    """A data set.

    `target` names its reader, `load(key, size_px)`; the same module has `is_ready(key)` and `download(key, report)` where the data are not
    part of the package.
    """

    classes: tuple[str, ...]
    size_px: int
    channels: int = 3
    needs_network: bool = False
    home: str = ""
    licence: str = ""


@dataclass(frozen=True, kw_only=True)
class TorchvisionSet(DatasetEntry):
    """A data set of torchvision: the name of its class there, the folder that it makes in its root, and the size of its archives.

    `part` are the arguments that choose the training part where they are neither `train=True` nor `split="train"`.
    """

    torchvision: str
    folder: str
    archives_mb: float
    part: tuple[tuple[str, object], ...] = ()
    target: str = "vpc2.data.public:load"
    needs_network: bool = True


_DIGITS = tuple("0123456789")

DATASETS: Catalog[DatasetEntry] = Catalog(
    Text("data set"),
    DatasetEntry(
        key="digits",
        title=Text("Handwritten digits"),
        help=Text("1,797 digits of 8 × 8 pixels; always at hand."),
        target="vpc2.data.digits:load",
        classes=_DIGITS,
        size_px=8,
        channels=1,
        home="archive.ics.uci.edu/dataset/80",
        licence="CC BY 4.0 (Alpaydin and Kaynak, inside scikit-learn)",
    ),
    DatasetEntry(
        key="hands",
        title=Text("Hands signing 0 to 9"),
        help=Text("Photographs of hands by the students of a school, sorted by person (Sign Language Digits)."),
        target="vpc2.data.hands:load",
        classes=_DIGITS,
        size_px=100,
        needs_network=True,
        home="github.com/ardamavi/Sign-Language-Digits-Dataset",
        licence="Apache 2.0 (Mavi and Dikle)",
    ),
    DatasetEntry(
        key="shapes",
        title=Text("Drawn shapes"),
        help=Text("1,000 figures drawn by this program; colour, size, place and clutter vary."),
        target="vpc2.data.shapes:load",
        classes=("circle", "square", "triangle", "star", "cross"),
        size_px=64,
        licence="MIT (drawn by this project)",
    ),
    TorchvisionSet(
        key="fashion_mnist",
        title=Text("Fashion-MNIST"),
        help=Text("70,000 grey pictures of clothes, 28 × 28 pixels."),
        torchvision="FashionMNIST",
        folder="FashionMNIST",
        archives_mb=30.9,
        classes=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        size_px=28,
        channels=1,
        home="github.com/zalandoresearch/fashion-mnist",
        licence="MIT (Zalando)",
    ),
    TorchvisionSet(
        key="mnist",
        title=Text("MNIST"),
        help=Text("70,000 handwritten digits, 28 × 28 pixels."),
        torchvision="MNIST",
        folder="MNIST",
        archives_mb=11.6,
        classes=_DIGITS,
        size_px=28,
        channels=1,
        home="yann.lecun.org/exdb/mnist",
        licence="CC BY-SA 3.0 (LeCun and Cortes)",
    ),
    TorchvisionSet(
        key="cifar10",
        title=Text("CIFAR-10"),
        help=Text("60,000 colour photographs, 32 × 32 pixels."),
        torchvision="CIFAR10",
        folder="cifar-10-batches-py",
        archives_mb=170.5,
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        size_px=32,
        home="cs.toronto.edu/~kriz/cifar.html",
        licence="for research (Krizhevsky)",
    ),
)


def own_home() -> Path:
    """Return the folder of visitors' own data sets, one folder each."""
    return host.home() / "own"


def own_folder(key: str) -> Path:
    """Return the folder of a visitor's own data set; raise `Refusal` for anything but a valid key (never a path)."""
    if not OWN_KEY.fullmatch(key):
        DATASETS.find(key)
    return own_home() / key


def find_dataset(key: object) -> DatasetEntry:
    """Return the entry of a data set, of the table or a visitor's own; raise `Refusal` for an unknown name.

    An own data set that is not on this machine (a link from elsewhere, a deleted set) has an entry too, so that a run or a recipe that
    names it stays readable; `is_ready` tells.
    """
    if not isinstance(key, str) or not OWN_KEY.fullmatch(key):
        return DATASETS.find(key)
    about: dict[str, Any] = {}
    with contextlib.suppress(OSError):
        about = json.loads((own_folder(key) / OWN_ABOUT).read_text("utf-8"))
    title = Verbatim(about["name"]) if about else _OWN_GONE
    classes = tuple(about.get("classes", ("?", "?")))  # two placeholders, so that a net can still be checked against them
    return DatasetEntry(
        key=key, title=title, help=_OWN, target="vpc2.data.uploaded_sets:load", classes=classes, size_px=128, needs_network=True
    )


def _reader(key: str) -> ModuleType:
    return importlib.import_module(find_dataset(key).target.partition(":")[0])


def is_ready(key: str) -> bool:
    """True where a data set can be read now, without network."""
    return not find_dataset(key).needs_network or _reader(key).is_ready(key)


def load_dataset(key: str, size_px: int | None = None) -> ImageSet:
    """Return a data set with its pictures as squares of `size_px` (its own size if None). Raises `Refusal` if it is not available."""
    entry = find_dataset(key)
    if not is_ready(key):
        raise Refusal(_NOT_HERE.fill(name=entry.title))
    return _reader(key).load(key, size_px or entry.size_px)


def download_dataset(key: str, report: Report = lambda share, message: None) -> None:
    """Download a data set into `VPC2_DATA` atomically; `report` receives the share done. Raises `Refusal` without network."""
    if not is_ready(key):
        reader = _reader(key)
        if not hasattr(reader, "download"):
            raise Refusal(_NOT_HERE.fill(name=find_dataset(key).title))
        reader.download(key, report)
