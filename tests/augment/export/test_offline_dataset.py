"""An exported data set: read back by torchvision, the same bytes for the same seed, originals untouched, everything in the manifest."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from pycocotools.coco import COCO
from torchvision.datasets import ImageFolder

from vpc2.augment.export.cost import Cost, measure_cost
from vpc2.augment.export.offline_dataset import COLUMNS, LAYOUTS, Item, copies_of, write_dataset
from vpc2.augment.pipeline import draw_images
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.images.encode import to_jpeg, to_pixels, to_png
from vpc2.labels import Label

PIPELINE = PIPELINES["gentle"].pipeline
LABELS = ["cat", "cat", "cat", "dog"]
MARKS = (
    Label("box", (0.2, 0.25, 0.7, 0.75), "thing"),
    Label("point", (0.5, 0.5), "middle"),
    Label("mask", (0.2, 0.25, 0.7, 0.25, 0.7, 0.75, 0.2, 0.75), "thing"),
)
FLIP = edit_add(Pipeline(), "RandomHorizontalFlip", {"p": 1.0})


def items():
    pictures = torch.rand((4, 3, 24, 30), generator=torch.Generator().manual_seed(0))
    return [Item(f"picture{i}", label, lambda i=i: pictures[i], MARKS) for i, label in enumerate(LABELS)]


def written(copies, encode=to_png, pipeline=PIPELINE, **more):
    file = io.BytesIO()
    count = write_dataset(file, pipeline, items(), copies, encode, suffix=".png" if encode is to_png else ".jpg", **more)
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


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("encode", [to_png, to_jpeg])
def test_the_same_seed_gives_the_same_bytes(encode, layout):
    assert written([1, 2, 0, 3], encode, layout=layout) == written([1, 2, 0, 3], encode, layout=layout)


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


def unpacked(folder, layout, pipeline=FLIP):
    data, count = written([2, 0, 1, 1], pipeline=pipeline, layout=layout)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    assert len(list((folder / "images").iterdir())) == count == 8
    with (folder / "manifest.csv").open() as file:
        assert all((folder / row["file"]).is_file() for row in csv.DictReader(file))
    return folder


def test_pycocotools_reads_originals_and_draws_with_their_labels(tmp_path):
    """Under a flip each label of a draw lies mirrored: numbers worked out without the app's coordinate maps."""
    coco = COCO(unpacked(tmp_path, "COCO") / "annotations.json")
    assert {category["name"] for category in coco.cats.values()} == {"thing", "middle"} and len(coco.imgs) == 8
    for image in coco.imgs.values():
        with Image.open(tmp_path / "images" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (30, 24)
        is_draw = image["file_name"].count("_") == 1
        box, point, mask = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        left = 30 - 21 if is_draw else 6
        assert box["bbox"] == pytest.approx([left, 6, 15, 12], abs=1.01)
        assert point["keypoints"][:2] == pytest.approx([15, 12], abs=1.01) and point["num_keypoints"] == 1
        wanted = np.zeros((24, 30), bool)
        wanted[6:18, left : left + 15] = True
        found = coco.annToMask(mask).astype(bool)
        assert (found & wanted).sum() / (found | wanted).sum() > 0.9
        assert mask["area"] == pytest.approx(180, rel=0.1)


def test_yolo_texts_stand_beside_their_pictures(tmp_path):
    folder = unpacked(tmp_path, "YOLO")
    assert yaml.safe_load((folder / "data.yaml").read_text())["names"] == {0: "thing"}
    assert {path.stem for path in (folder / "images").iterdir()} == {path.stem for path in (folder / "labels").iterdir()}
    original, draw = ((folder / "labels" / f"picture0{end}.txt").read_text().splitlines() for end in ("", "_000"))
    # Beside a mask a box is its four corners; a point has no line.
    assert [float(word) for word in original[0].split()] == [0, 0.2, 0.25, 0.7, 0.25, 0.7, 0.75, 0.2, 0.75]
    assert len(original) == len(draw) == 2
    xs = [float(word) for word in draw[0].split()[1::2]]
    assert min(xs) == pytest.approx(0.3, abs=0.04) and max(xs) == pytest.approx(0.8, abs=0.04)


def test_a_label_that_left_the_picture_is_not_written(tmp_path):
    away = edit_add(Pipeline(), "RandomTranslate", {"translate_x": [1.0, 1.0], "translate_y": [0.0, 0.0], "p": 1.0})
    folder = unpacked(tmp_path, "YOLO", away)
    assert (folder / "labels" / "picture0_000.txt").read_text() == "" and (folder / "labels" / "picture0.txt").read_text()


def cost_of(pipeline, **more):
    return measure_cost(pipeline, items(), to_png, lambda data: Image.open(io.BytesIO(data)).load(), suffix=".png", **more)


@pytest.mark.parametrize(
    ("pipeline", "online"),
    [
        (Pipeline(), 4),  # nothing is done: the draws are the originals
        (FLIP, 4),  # always the same flip
        (edit_add(Pipeline(seed=3), "RandomHorizontalFlip", {"p": 0.5}), 8),  # flipped or not
        (edit_add(Pipeline(), "RandomRotation", {"p": 1.0}), 40),  # every draw another
    ],
    ids=["plain", "one flip", "flip or not", "rotation"],
)
def test_different_pictures_are_counted(pipeline, online):
    data, _count = written([3] * 4, pipeline=pipeline)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        different = {archive.read(name) for name in archive.namelist() if name.endswith(".png")}
    cost = cost_of(pipeline, pictures=4)
    assert cost.online_different(4, 10) == online and cost.offline_different(4, 12) == len(different)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_expected_size_is_near_the_real_one(layout):
    data, _count = written([3] * 4, layout=layout)
    assert cost_of(PIPELINE, layout=layout).size_bytes(4, 12) == pytest.approx(len(data), rel=0.05)


def test_every_time_is_measured():
    cost = cost_of(PIPELINE, layout="COCO")
    assert min(cost.draw_ms, cost.write_original_ms, cost.write_draw_ms, cost.read_ms) > 0
    assert cost.online_s(100) == pytest.approx(0.1 * (cost.read_ms + cost.draw_ms))
    assert cost.write_s(10, 50) == pytest.approx(0.01 * cost.write_original_ms + 0.05 * cost.write_draw_ms)


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


def test_different_pictures_are_counted_one_by_one():
    """Ten pictures whose first and second draw come out alike, and whose third does not: counted as sets, for each way."""
    own = (b"picture", b"a", b"a", b"b")
    cost = Cost(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, (own, own))
    for copies in range(4):
        names = {(picture, one) for picture in range(10) for one in own[: 1 + copies]}
        assert cost.offline_different(10, 10 * copies) == len(names)
        names = {(picture, one) for picture in range(10) for one in own[1 : 1 + copies]}
        assert cost.online_different(10, copies) == len(names)
    assert Cost(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ((b"p", b"a", b"b"),)).offline_different(10, 25) == 35
    assert (cost.write_s(2, 6), cost.online_s(4), cost.offline_s(5)) == pytest.approx((0.008, 0.008, 0.005))
