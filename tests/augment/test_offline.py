"""An exported data set: read back by torchvision, the same bytes for the same seed, originals untouched, everything in the manifest."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder

from vpc2.augment.offline import COLUMNS, Item, copies_of, write_dataset
from vpc2.augment.pipeline import draw_images
from vpc2.augment.presets import PIPELINES
from vpc2.images.encode import to_jpeg, to_pixels, to_png

PIPELINE = PIPELINES["gentle"].pipeline
LABELS = ["cat", "cat", "cat", "dog"]


def items():
    pictures = torch.rand((4, 3, 24, 30), generator=torch.Generator().manual_seed(0))
    return [Item(f"picture{i}", label, lambda i=i: pictures[i]) for i, label in enumerate(LABELS)]


def written(copies, encode=to_png, **more):
    file = io.BytesIO()
    count = write_dataset(file, PIPELINE, items(), copies, encode, suffix=".png" if encode is to_png else ".jpg", **more)
    return file.getvalue(), count


def test_torchvision_reads_it_back(tmp_path):
    data, count = written(copies_of(LABELS, 2, is_balanced=False))
    assert count == 12
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path)
    folder = ImageFolder(tmp_path)
    assert folder.classes == ["cat", "dog"]
    assert [label for _, label in folder.samples].count(0) == 9 and len(folder) == 12
    # Lossless as PNG: the original is the picture itself, and a draw is the draw that the page shows.
    found = {path.rsplit("/", 1)[-1]: np.asarray(Image.open(path)) for path, _ in folder.samples}
    for item in items():
        assert np.array_equal(found[f"{item.name}.png"], to_pixels(item.read()))
        for number, draw in enumerate(draw_images(PIPELINE, item.read(), 2, image_key=f"{item.label}/{item.name}")):
            assert np.array_equal(found[f"{item.name}_{number:03d}.png"], to_pixels(draw.image))


@pytest.mark.parametrize("encode", [to_png, to_jpeg])
def test_the_same_seed_gives_the_same_bytes(encode):
    assert written([1, 2, 0, 3], encode) == written([1, 2, 0, 3], encode)


def test_the_manifest_tells_every_value():
    data, _ = written([2] * 4)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))
        assert {row["file"] for row in rows} == set(archive.namelist()) - {"manifest.csv"}
        assert archive.testzip() is None
    assert tuple(rows[0]) == COLUMNS
    drawn = [row for row in rows if row["draw"]]
    assert len(drawn) == 8 * len(PIPELINE.steps)
    assert all(isinstance(json.loads(row["values"]), dict) for row in drawn)


@pytest.mark.parametrize(("copies", "sizes"), [(0, {"cat": 3, "dog": 3}), (1, {"cat": 6, "dog": 6}), (3, {"cat": 12, "dog": 12})])
def test_balancing_makes_classes_equal(copies, sizes):
    shared = copies_of(LABELS, copies, is_balanced=True)
    assert {label: sum(1 + n for n, own in zip(shared, LABELS, strict=True) if own == label) for label in sizes} == sizes


def test_stopping_leaves_a_whole_archive():
    heard = []
    data, count = written([1] * 4, report=heard.append, should_stop=lambda: len(heard) == 2)
    assert heard == [2, 4] and count == 4
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None and len(archive.namelist()) == 5
