"""Labels written for other programs and read back: pycocotools reads our COCO, numbers worked out by hand stand against our YOLO."""

import json

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from vpc2.augment.labels.files import class_names, from_coco, from_yolo, to_coco, to_yolo, to_yolo_yaml
from vpc2.augment.labels.polygons import to_pixels
from vpc2.labels import MAX_CORNERS, MAX_LABELS, Label, area_of, bounds_of
from vpc2.text import Refusal

WIDTH, HEIGHT = 640, 480
BOX = Label("box", (0.1, 0.2, 0.5, 0.8), "cat")
POINT = Label("point", (0.25, 0.5), "eye")
MASK = Label("mask", (0.2, 0.1, 0.9, 0.3, 0.6, 0.95, 0.15, 0.7), "cup")

share = st.integers(0, 1000).map(lambda n: n / 1000)
name = st.sampled_from(["cat", "taza", "niño", "a b", '"q"', "0", "x: y", "- z", "#"])


@st.composite
def labels(draw, kinds=("box", "point", "mask")):
    kind = draw(st.sampled_from(kinds))
    if kind == "point":
        return Label(kind, (draw(share), draw(share)), draw(name))
    x0, y0 = draw(st.integers(0, 800)) / 1000, draw(st.integers(0, 800)) / 1000
    x1, y1 = draw(st.integers(int(x0 * 1000) + 50, 1000)) / 1000, draw(st.integers(int(y0 * 1000) + 50, 1000)) / 1000
    if kind == "box":
        return Label(kind, (x0, y0, x1, y1), draw(name))
    return Label(kind, (x0, y0, x1, y0, x1, y1, (x0 + x1) / 2, y1), draw(name))


def same(ours, theirs, tolerance):
    assert [(label.kind, label.name) for label in ours] == [(label.kind, label.name) for label in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.places == pytest.approx(other.places, abs=tolerance)


@given(st.lists(labels(), min_size=1, max_size=8))
def test_coco_comes_back(given_labels):
    same(from_coco(to_coco(given_labels, "a.jpg", WIDTH, HEIGHT)).labels, given_labels, 1e-6)


@given(st.lists(labels(("box", "mask")), min_size=1, max_size=8))
def test_yolo_comes_back(given_labels):
    names = class_names(given_labels)
    same(from_yolo(to_yolo(given_labels, names), names).labels, given_labels, 2e-6)


@given(st.lists(labels(("box", "mask")), min_size=1, max_size=8))
def test_yaml_names_the_classes(given_labels):
    names = class_names(given_labels)
    described = yaml.safe_load(to_yolo_yaml(names))
    assert described == {"train": "images", "val": "images", "names": dict(enumerate(names))}


@pytest.fixture
def coco(tmp_path):
    path = tmp_path / "annotations.json"
    path.write_text(to_coco([BOX, POINT, MASK], "photo.jpg", WIDTH, HEIGHT))
    return COCO(path)


def test_pycocotools_reads_what_is_written(coco):
    assert [coco.loadCats(a["category_id"])[0]["name"] for a in coco.anns.values()] == ["cat", "eye", "cup"]
    box, point, mask = coco.anns.values()
    assert box["bbox"] == pytest.approx([64, 96, 256, 288]) and box["area"] == pytest.approx(256 * 288)
    assert point["keypoints"] == pytest.approx([160, 240, 2])
    assert coco.loadCats(point["category_id"])[0]["keypoints"] == ["point"]
    (image,) = coco.imgs.values()
    assert (image["file_name"], image["width"], image["height"]) == ("photo.jpg", WIDTH, HEIGHT)
    assert mask["bbox"] == pytest.approx([0.15 * WIDTH, 0.1 * HEIGHT, 0.75 * WIDTH, 0.85 * HEIGHT])


def test_pycocotools_fills_the_mask_that_we_fill(coco):
    annotation = list(coco.anns.values())[2]
    theirs, ours = coco.annToMask(annotation).astype(bool), to_pixels(MASK.scaled(WIDTH, HEIGHT), HEIGHT, WIDTH)
    assert (theirs & ours).sum() / (theirs | ours).sum() > 0.98
    assert annotation["area"] == pytest.approx(ours.sum(), rel=0.01)


def test_yolo_is_the_numbers_worked_out_by_hand():
    assert to_yolo([BOX, POINT], ["cat"]) == "0 0.300000 0.500000 0.400000 0.600000\n"
    outline = " ".join(f"{place:.6f}" for place in MASK.places)
    corners = "0.100000 0.200000 0.500000 0.200000 0.500000 0.800000 0.100000 0.800000"
    assert to_yolo([MASK, BOX], ["cat", "cup"]) == f"1 {outline}\n0 {corners}\n"


def test_a_real_looking_yolo_text_is_read():
    read = from_yolo(b"\xef\xbb\xbf2 0.5 0.5 1.0 1.004\r\n\r\n0 0.1 0.1 0.9 0.1 0.5 0.9\n", ["cat"])
    assert read.labels[0] == Label("box", (0.0, 0.0, 1.0, 1.0), "2")  # a little outside is moved to the edge
    assert read.labels[1] == Label("mask", (0.1, 0.1, 0.9, 0.1, 0.5, 0.9), "cat")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no label"),
        (b"\n \n", "no label"),
        (b"0 0.5 0.5 0.2", "Line 1"),
        (b"0 0.5 0.5 0.2 0.2\nx 0.5 0.5 0.2 0.2", "Line 2"),
        (b"0.5 0.5 0.5 0.2 0.2", "whole number"),
        (b"-1 0.5 0.5 0.2 0.2", "whole number"),
        (b"1e300 0.5 0.5 0.2 0.2", "whole number"),
        (b"0 nan 0.5 0.2 0.2", "finite"),
        (b"0 inf 0.5 0.2 0.2", "finite"),
        (b"0 1e999 0.5 0.2 0.2", "finite"),
        (b"0 " + b"1" * 5000 + b" 0.5 0.2 0.2", "finite"),
        (b"0 320 240 64 48", "outside"),
        (b"0 0.5 0.5 0 0.2", "no area"),
        (b"0 0.5 0.5 -0.1 0.2", "no area"),
        (b"0 0.1 0.1 0.2 0.2 0.3 0.3", "no area"),
        (b"0 0.5 0.5 0.2 0.2 0.3 0.3 2", "even count"),
        (b"0 " + b"0.1 0.2 " * (MAX_CORNERS + 1), "corners"),
        (b"0 0.5 0.5 0.2 0.2\n" * 100_000, "too large"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
    ],
)
def test_a_yolo_text_that_cannot_be_used_is_refused_in_a_sentence(text, said):
    with pytest.raises(Refusal, match=said):
        from_yolo(text)


def coco_of(annotation=None, **more):
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}],
        "annotations": [{"image_id": 1, "category_id": 3, **(annotation or {"bbox": [10, 10, 20, 20]})}],
        "categories": [{"id": 3, "name": "dog"}],
    }
    return json.dumps({**document, **more})


def test_an_annotation_gives_its_outlines_or_its_box_and_the_points_that_are_labelled():
    person = {"bbox": [10, 10, 20, 20], "keypoints": [20, 25, 2, 0, 0, 0, 30, 10, 1], "num_keypoints": 2}
    read = from_coco(coco_of(person)).labels
    assert read == (Label("box", (0.1, 0.2, 0.3, 0.6), "dog"), Label("point", (0.2, 0.5), "dog"), Label("point", (0.3, 0.2), "dog"))
    outlines = {"bbox": [0, 0, 50, 50], "segmentation": [[0, 0, 50, 0, 50, 50], [60, 10, 80, 10, 80, 40]]}
    assert [label.kind for label in from_coco(coco_of(outlines)).labels] == ["mask", "mask"]


def test_rle_is_left_out_in_words_and_its_box_is_read():
    read = from_coco(coco_of({"bbox": [10, 10, 20, 20], "segmentation": {"counts": "abc", "size": [50, 100]}, "iscrowd": 1}))
    assert [label.kind for label in read.labels] == ["box"] and "RLE" in read.notes[0].en


def test_of_many_pictures_the_photographs_own_is_chosen_and_said():
    images = [{"id": n, "file_name": f"set/photo{n}.png", "width": 100, "height": 50} for n in (1, 2)]
    annotations = [{"image_id": n, "category_id": 3, "bbox": [10 * n, 10, 20, 20]} for n in (1, 2)]
    text = coco_of(images=images, annotations=annotations)
    by_name, first = from_coco(text, "photo2.jpg"), from_coco(text, "holiday.jpg")
    assert by_name.labels[0].places[0] == 0.2 and "by the photograph's name" in by_name.notes[0].en
    assert first.labels[0].places[0] == 0.1 and "“holiday”" in first.notes[0].en


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "not COCO"),
        ("{}", "not COCO"),
        ('{"images": [3], "annotations": []}', "not COCO"),
        ("{", "not JSON"),
        (coco_of(images=[]), "no label"),
        (coco_of(annotations=[]), "no label"),
        (coco_of(images=[{"id": 1, "file_name": "a.jpg"}]), "width"),
        (coco_of(images=[{"id": 1, "width": 0, "height": 10}]), "width"),
        (coco_of({"bbox": [10, 10, 20]}), "Annotation 1"),
        (coco_of({"bbox": [10, 10, -20, 5]}), "Annotation 1"),
        (coco_of({"bbox": "10,10,20,20"}), "Annotation 1"),
        (coco_of({"bbox": [10, 10, True, 20]}), "finite"),
        (coco_of({"bbox": [10, 10, 1e300, 20]}), "finite"),
        (coco_of({"bbox": [500, 10, 20, 20]}), "outside"),
        (coco_of({"segmentation": [[0, 0, 10, 0, 10]]}), "Annotation 1"),
        (coco_of({"segmentation": [[0, 0, 10, 10, 20, 20]]}), "no area"),
        (coco_of({"keypoints": [1, 2]}), "Annotation 1"),
        (coco_of({"keypoints": {"a": 1}}), "Annotation 1"),
        ('{"images": [], "annotations": [], "x": NaN}', "not one"),
        (" " * 300_000, "too large"),
    ],
)
def test_a_coco_file_that_cannot_be_used_is_refused_in_a_sentence(text, said):
    with pytest.raises(Refusal, match=said):
        from_coco(text)


def test_a_name_is_cleaned_and_long_files_are_cut():
    (label,) = from_coco(coco_of(categories=[{"id": 3, "name": "a\u202e\nb" + "x" * 500}])).labels
    assert label.name.startswith("a b") and len(label.name) <= 40
    many = from_yolo(b"0 0.5 0.5 0.2 0.2\n" * (MAX_LABELS + 5))
    assert len(many.labels) == MAX_LABELS and str(MAX_LABELS) in many.notes[0].en


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(st.sampled_from(["image_id", "category_id", "bbox", "segmentation", "keypoints"]), json_values)


@given(st.lists(FIELDS, max_size=3), json_values)
def test_junk_is_read_or_refused(annotations, categories):
    try:
        read = from_coco(coco_of(annotations=[{"image_id": 1, **fields} for fields in annotations], categories=categories))
    except Refusal:
        return
    assert all(0 <= place <= 1 for label in read.labels for place in label.places)


@given(st.text(alphabet="0123456789.-+eEnaif \n\t_", max_size=60))
def test_junk_lines_are_read_or_refused(text):
    try:
        read = from_yolo(text)
    except Refusal:
        return
    assert all(0 <= place <= 1 for label in read.labels for place in label.places)


def test_area_and_bounds():
    assert area_of([0, 0, 2, 0, 2, 3]) == 3 and bounds_of([5, 1, 2, 9, 3, 3]) == (2, 1, 5, 9)
    assert np.isclose(area_of(MASK.places) * WIDTH * HEIGHT, area_of(MASK.scaled(WIDTH, HEIGHT)))
