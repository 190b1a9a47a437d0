"""An augmented data set, written once: pictures in one folder a class, and a manifest of every value that was sampled.

Online, every epoch sees new draws and nothing takes room; offline, every epoch sees the same ones, and any program can
read them. The same pipeline, pictures and seed give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import BinaryIO

from torch import Tensor

from vpc2.augment.pipeline import draw_images
from vpc2.augment.spec import Pipeline

COLUMNS = ("file", "class", "source", "draw", "seed", "step", "op", "applied", "values")
_STAMP = (1980, 1, 1, 0, 0, 0)  # the oldest date a ZIP knows: a real one would change the bytes


@dataclass(frozen=True)
class Item:
    """One picture of the set that is augmented: a name without suffix, its class, and float (3, H, W) in [0, 1] when asked for."""

    name: str
    label: str
    read: Callable[[], Tensor]


def copies_of(labels: Sequence[str], copies: int, *, is_balanced: bool) -> list[int]:
    """Return how many draws each picture gets: `copies`, or as many as bring every class to the size that the largest then has.

    Where they cannot be shared out evenly, the first pictures of a class get one more.
    """
    if not is_balanced:
        return [copies] * len(labels)
    counts = Counter(labels)
    wanted = max(counts.values()) * (1 + copies)
    seen: Counter[str] = Counter()
    shared = []
    for label in labels:
        missing = wanted - counts[label]
        shared.append(missing // counts[label] + (seen[label] < missing % counts[label]))
        seen[label] += 1
    return shared


def write_dataset(
    file: BinaryIO,
    pipeline: Pipeline,
    items: Iterable[Item],
    copies: Sequence[int],
    encode: Callable[[Tensor], bytes],
    *,
    suffix: str = ".jpg",
    report: Callable[[int], object] = lambda written: None,
    should_stop: Callable[[], bool] = lambda: False,
    place: Callable[[], AbstractContextManager] = nullcontext,
) -> int:
    """Write a ZIP with every picture as it is and its draws, one folder a class, and `manifest.csv`; return how many were written.

    One picture is held at a time, and worked on inside `place()`, so that others get their turn between two. `report`
    hears how many are written; where `should_stop` says so, the ZIP ends there, whole.
    Names must be free of path separators and unique within their class.
    """
    rows, written = io.StringIO(), 0
    table = csv.writer(rows, lineterminator="\n")
    table.writerow(COLUMNS)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for item, count in zip(items, copies, strict=True):
            if should_stop():
                break
            with place():
                image = item.read()
                path = f"{item.label}/{item.name}{suffix}"
                _add(archive, path, encode(image))
                table.writerow((path, item.label, item.name, "", pipeline.seed, "", "", "", ""))
                for number, draw in enumerate(draw_images(pipeline, image, count, image_key=f"{item.label}/{item.name}")):
                    path = f"{item.label}/{item.name}_{number:03d}{suffix}"
                    _add(archive, path, encode(draw.image))
                    for step in draw.steps:
                        values = json.dumps(dict(step.values), sort_keys=True)
                        table.writerow(
                            (path, item.label, item.name, number, pipeline.seed, step.step_id, step.op, int(step.is_applied), values)
                        )
            written += 1 + count
            report(written)
        _add(archive, "manifest.csv", rows.getvalue().encode())
    return written


def _add(archive: zipfile.ZipFile, path: str, data: bytes) -> None:
    info = zipfile.ZipInfo(path, _STAMP)
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)
