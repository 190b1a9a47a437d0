"""Export of an augmented data set as a ZIP: pictures and labels in one of three layouts, and a manifest of every sampled value.

Online augmentation draws anew in every epoch and needs no disk space; offline, every epoch sees the same draws, and any program can read
them. The same pipeline, pictures and seed give the same bytes. The cost of either is measured in `cost.py`.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from torch import Tensor

from vpc2.augment.labels.files import Coco, class_names, to_yolo, to_yolo_yaml
from vpc2.augment.labels.transform import move_labels, track_draw
from vpc2.augment.pipeline import draw_images
from vpc2.augment.spec import Pipeline
from vpc2.labels import Label
from vpc2.version import APP

COLUMNS = ("file", "class", "source", "draw", "seed", "step", "op", "applied", "values")
_STAMP = (1980, 1, 1, 0, 0, 0)  # the earliest date of the ZIP format, constant so that the bytes are reproducible


@dataclass(frozen=True)
class Item:
    """One picture of the data set to be augmented.

    `name` has no suffix, `label` is the class, `read` returns float (3, H, W) in [0, 1], `marks` are its boxes, points and masks.
    """

    name: str
    label: str
    read: Callable[[], Tensor]
    marks: tuple[Label, ...] = ()


class ImageFolder:
    """One folder per class, torchvision's layout; boxes, points and masks are not written."""

    takes_marks = False

    def __init__(self, items: Sequence[Item]) -> None:
        pass

    def path(self, item: Item, name: str) -> str:
        """Return the path of a picture."""
        return f"{item.label}/{name}"

    def add(self, path: str, image: Tensor, marks: Sequence[Label]) -> Iterator[tuple[str, str]]:
        """Add the labels of a written picture; yield the files, path and text, that accompany it."""
        yield from ()

    def close(self) -> Iterator[tuple[str, str]]:
        """Yield the files that describe the whole data set."""
        yield from ()


class CocoFolder(ImageFolder):
    """All pictures in `images/`, all labels in `annotations.json`."""

    takes_marks = True

    def __init__(self, items: Sequence[Item]) -> None:
        self._document = Coco()

    def path(self, item: Item, name: str) -> str:
        return f"images/{name}"

    def add(self, path: str, image: Tensor, marks: Sequence[Label]) -> Iterator[tuple[str, str]]:
        self._document.add(path.removeprefix("images/"), image.shape[-1], image.shape[-2], marks)
        yield from ()

    def close(self) -> Iterator[tuple[str, str]]:
        yield "annotations.json", self._document.to_json()


class YoloFolder(CocoFolder):
    """All pictures in `images/`, one text file per picture in `labels/`, the classes in `data.yaml`."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._names = class_names([mark for item in items for mark in item.marks])

    def add(self, path: str, image: Tensor, marks: Sequence[Label]) -> Iterator[tuple[str, str]]:
        name = path.removeprefix("images/").rpartition(".")[0]
        yield f"labels/{name}.txt", to_yolo(marks, self._names)

    def close(self) -> Iterator[tuple[str, str]]:
        yield "data.yaml", to_yolo_yaml(self._names)


LAYOUTS = {"ImageFolder": ImageFolder, "COCO": CocoFolder, "YOLO": YoloFolder}


def copies_of(labels: Sequence[str], copies: int, *, is_balanced: bool) -> list[int]:
    """Return the number of draws of each picture: `copies`, or, balanced, as many as bring every class to the largest class's size.

    Where they do not divide evenly, the first pictures of a class get one more.
    """
    if not is_balanced:
        return [copies] * len(labels)
    counts = Counter(labels)
    target = max(counts.values()) * (1 + copies)
    positions: Counter[str] = Counter()
    copies_by_picture = []
    for label in labels:
        missing = target - counts[label]
        copies_by_picture.append(missing // counts[label] + (positions[label] < missing % counts[label]))
        positions[label] += 1
    return copies_by_picture


def write_dataset(
    file: BinaryIO,
    pipeline: Pipeline,
    items: Sequence[Item],
    copies: Sequence[int],
    encode: Callable[[Tensor], bytes],
    *,
    layout: str = "ImageFolder",
    suffix: str = ".jpg",
    report: Callable[[int], object] = lambda written: None,
    should_stop: Callable[[], bool] = lambda: False,
    place: Callable[[], AbstractContextManager] = nullcontext,
) -> int:
    """Write a ZIP with every picture unchanged and its draws, in the layout, and `manifest.csv`; return how many were written.

    Labels move with each draw. One picture is in memory at a time, and is processed inside `place()`, so that other visitors get their turn
    in between. `report` receives the number written; when `should_stop` returns True, the ZIP ends there and is valid. Names must be free
    of path separators and unique.
    """
    rows, written = io.StringIO(), 0
    table = csv.writer(rows, lineterminator="\n")
    table.writerow(COLUMNS)
    folder = LAYOUTS[layout](items)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = APP.encode()
        for item, count in zip(items, copies, strict=True):
            if should_stop():
                break
            with place():
                image, key = item.read(), f"{item.label}/{item.name}"
                path = folder.path(item, f"{item.name}{suffix}")
                _add_all(archive, [(path, encode(image))], folder.add(path, image, item.marks))
                table.writerow((path, item.label, item.name, "", pipeline.seed, "", "", "", ""))
                for number, draw in enumerate(draw_images(pipeline, image, count, image_key=key)):
                    path = folder.path(item, f"{item.name}_{number:03d}{suffix}")
                    marks = moved_marks(pipeline, item, image, number, key) if folder.takes_marks else ()
                    _add_all(archive, [(path, encode(draw.image))], folder.add(path, draw.image, marks))
                    for step in draw.steps:
                        values = json.dumps(dict(step.values), sort_keys=True)
                        table.writerow(
                            (path, item.label, item.name, number, pipeline.seed, step.step_id, step.op, int(step.is_applied), values)
                        )
            written += 1 + count
            report(written)
        _add_all(archive, folder.close(), [("manifest.csv", rows.getvalue())])
    return written


def moved_marks(pipeline: Pipeline, item: Item, image: Tensor, number: int, key: str) -> tuple[Label, ...]:
    """Return an item's labels at their positions in draw `number` of its picture."""
    if not item.marks:
        return ()
    height, width = image.shape[-2:]
    return tuple(chain.from_iterable(move_labels(track_draw(pipeline, height, width, number, key), item.marks)))


def _add_all(archive: zipfile.ZipFile, *files: Iterable[tuple[str, bytes | str]]) -> None:
    for path, data in chain.from_iterable(files):
        info = zipfile.ZipInfo(path, _STAMP)
        info.external_attr = 0o644 << 16
        archive.writestr(info, data)
