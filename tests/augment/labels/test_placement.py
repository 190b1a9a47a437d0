"""Labels of a file that knows the photograph otherwise than it is shown, held against the pixels under them."""

import io
import json

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from vpc2.augment.labels.files import from_coco, from_yolo
from vpc2.augment.labels.placement import turn_label
from vpc2.augment.labels.polygons import to_pixels
from vpc2.images.decode import decode_photo
from vpc2.labels import Label

WIDTH, HEIGHT = 400, 300
PATCH = (300, 10, 380, 50)  # left, top, right, bottom in the stored picture


def photo(orientation, size=(WIDTH, HEIGHT)):
    """A photograph stored with an EXIF orientation: black, with a white patch, not in the middle of anything."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[PATCH[1] : PATCH[3], PATCH[0] : PATCH[2]] = 255
    image, exif, file = Image.fromarray(pixels), Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(file, "PNG", exif=exif)
    return decode_photo(file.getvalue(), "p.png")


def coco(width=WIDTH, height=HEIGHT, scale=1.0):
    x0, y0, x1, y1 = (scale * place for place in PATCH)
    box = {"bbox": [x0, y0, x1 - x0, y1 - y0]}
    outline = {"segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]]}
    point = {"keypoints": [(x0 + x1) / 2, (y0 + y1) / 2, 2]}
    annotations = [{"id": i, "image_id": 1, "category_id": 1, **one} for i, one in enumerate((box, outline, point), 1)]
    images = [{"id": 1, "file_name": "p.png", "width": width, "height": height}]
    return json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "c"}]})


def under(labels, pixels):
    """The share of the patch that each label marks, and of each label that is patch; of a point, whether it is on the patch."""
    height, width = pixels.shape[:2]
    patch, shares = pixels[..., 0] > 128, []
    for label in labels:
        places = label.scaled(width, height)
        if label.kind == "point":
            shares.append(float(patch[int(places[1]), int(places[0])]))
            continue
        x0, y0, x1, y1 = places[:4] if label.kind == "box" else (0, 0, 0, 0)
        marked = to_pixels(places if label.kind == "mask" else (x0, y0, x1, y0, x1, y1, x0, y1), height, width)
        shares.append((marked & patch).sum() / (marked | patch).sum())
    return shares


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_labels_of_the_stored_picture_are_turned_upright(orientation):
    given = photo(orientation)
    size = given.pixels.shape[1::-1]
    assert size == (HEIGHT, WIDTH) and given.orientation == orientation
    read = from_coco(coco(), "p.png", size, given.orientation)
    assert min(under(read.labels, given.pixels)) > 0.97
    (note,) = read.notes
    assert "EXIF" in note.en and "EXIF" in note.say("es") and "turned" in note.en


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_a_label_is_what_pillow_does_to_the_picture(orientation):
    stored = Label("box", tuple(place / (HEIGHT if i % 2 else WIDTH) for i, place in enumerate(PATCH)), "c")
    upright = photo(orientation).pixels
    assert min(under([turn_label(stored, orientation)], upright)) > 0.97
    image = Image.fromarray(photo(1).pixels)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    assert np.array_equal(np.asarray(ImageOps.exif_transpose(image)), upright)


def test_labels_of_the_upright_picture_are_left_where_they_are():
    given = photo(6)
    x0, y0, x1, y1 = HEIGHT - PATCH[3], PATCH[0], HEIGHT - PATCH[1], PATCH[2]
    document = json.loads(coco(HEIGHT, WIDTH))
    document["annotations"] = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0]}]
    read = from_coco(json.dumps(document), "p.png", (HEIGHT, WIDTH), 6)
    assert min(under(read.labels, given.pixels)) > 0.97 and not read.notes


def test_the_same_size_is_silent_and_another_scale_is_said():
    given = photo(1)
    assert not from_coco(coco(), "p.png", (WIDTH, HEIGHT)).notes
    read = from_coco(coco(WIDTH * 2, HEIGHT * 2, 2.0), "p.png", (WIDTH, HEIGHT))
    assert min(under(read.labels, given.pixels)) > 0.97
    assert "800 × 600" in read.notes[0].en and "400 × 300" in read.notes[0].en and "scaled" in read.notes[0].en


@pytest.mark.parametrize(("size", "orientation"), [((300, 400), 1), ((300, 300), 1), ((100, 400), 6), ((300, 400), 3)])
def test_another_shape_is_said(size, orientation):
    (note,) = from_coco(coco(), "p.png", size, orientation).notes
    assert "400 × 300" in note.en and f"{size[0]} × {size[1]}" in note.en and "another one" in note.en and "otra" in note.say("es")


@pytest.mark.parametrize(("size", "orientation"), [((400, 300), 2), ((400, 300), 3), ((400, 300), 4), ((400, 400), 6)])
def test_where_the_sizes_cannot_tell_it_is_said(size, orientation):
    """Half a turn and mirrors keep the sides, and so does a quarter turn of a square."""
    read = from_coco(coco(*size), "p.png", size, orientation)
    assert any("Check their places" in note.en and str(orientation) in note.en for note in read.notes)
    assert read.labels[0].places[:2] == pytest.approx((300 / size[0], 10 / size[1]))


def test_yolo_knows_no_size_so_a_stored_turn_is_said():
    assert not from_yolo("0 0.5 0.5 0.2 0.2").notes
    assert "EXIF orientation 6" in from_yolo("0 0.5 0.5 0.2 0.2", orientation=6).notes[0].en


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_is_none_is_upright(value):
    image, exif, file = Image.new("RGB", (8, 4)), Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Orientation] = value
    image.save(file, "JPEG", exif=exif)
    assert decode_photo(file.getvalue(), "p.jpg").orientation == 1
