"""Labels drawn on images: at their coordinates, and nowhere else."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vpc2.images.label_drawing import COLOUR, MASK_ALPHA, draw_labels
from vpc2.images.samples import SAMPLES, load_sample
from vpc2.labels import BOX, MASK, POINT, bounds_of, box, mask, point, read_label


def test_a_box_is_drawn_on_its_edges_only():
    pixels = np.full((100, 120, 3), 128, np.uint8)
    drawn = draw_labels(pixels, [box(20 / 120, 0.1, 80 / 120, 0.7)])
    assert (pixels == 128).all()
    bright = (drawn == COLOUR).all(axis=2)
    assert bright[10, 20:80].all() and bright[69, 20:80].all() and bright[10:70, 20].all() and bright[10:70, 79].all()
    assert (drawn[20:60, 30:70] == 128).all() and (drawn[80:, :] == 128).all()


def test_a_point_is_a_ring_around_its_place():
    drawn = draw_labels(np.zeros((60, 60, 3), np.uint8), [point(30.5 / 60, 20.5 / 60)])
    rows, columns = (drawn == COLOUR).all(axis=2).nonzero()
    assert abs(rows.mean() - 20) < 0.6 and abs(columns.mean() - 30) < 0.6


def test_a_mask_is_a_veil_with_an_outline():
    drawn = draw_labels(np.full((100, 100, 3), 128, np.uint8), [mask(0.2, 0.2, 0.8, 0.2, 0.8, 0.8, 0.2, 0.8)]).astype(int)
    share = MASK_ALPHA / 255
    assert np.abs(drawn[50, 50] - ((1 - share) * 128 + share * np.array(COLOUR))).max() <= 2
    assert (drawn[50, 18:24] == COLOUR).all(axis=1).any() and (drawn[10, 50] == 128).all()


def test_a_mask_lies_where_pillow_fills_the_same_corners():
    """A triangle that its mirror image over the diagonal does not cover, on a picture that is no square."""
    places = (0.1, 0.2, 0.9, 0.3, 0.2, 0.5)
    drawn = draw_labels(np.zeros((90, 160, 3), np.uint8), [mask(*places)])
    outline = (drawn == COLOUR).all(axis=2)
    wanted = Image.new("1", (160, 90))
    corners = [(160 * x, 90 * y) for x, y in zip(places[::2], places[1::2], strict=True)]
    ImageDraw.Draw(wanted).polygon(corners, fill=1)
    inside = np.asarray(wanted)
    assert (drawn[inside].max(-1) > 0).mean() > 0.98
    near = np.asarray(wanted.convert("L").filter(ImageFilter.MaxFilter(11))) > 0
    assert outline.any() and not (drawn[~near] > 0).any()
    for x, y in corners:
        assert outline[int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5].any(), (x, y)


def test_a_point_on_a_mask_is_not_veiled():
    square, middle = mask(0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9), point(0.5, 0.5)
    assert np.array_equal(
        draw_labels(np.zeros((60, 60, 3), np.uint8), [middle, square]), draw_labels(np.zeros((60, 60, 3), np.uint8), [square, middle])
    )


def test_what_is_empty_is_no_error():
    assert draw_labels(np.zeros((8, 8, 3), np.uint8), [box(0.3, 0.3, 0.3, 0.3), point(1, 1)]).shape == (8, 8, 3)


def test_samples_are_labelled_inside_their_frames():
    for key, entry in SAMPLES.items():
        assert load_sample(key).pixels.size
        labels = [label for _name, label in entry.labels]
        assert {BOX, POINT} <= {label.kind for label in labels}
        assert all(read_label(label.kind, label.places) == label for label in labels)
    assert sum(any(label.kind == MASK for _name, label in entry.labels) for entry in SAMPLES.values()) >= 2


def test_a_samples_mask_lies_in_the_box_of_the_same_name():
    for entry in SAMPLES.values():
        for name, label in entry.labels:
            if label.kind == MASK:
                x0, y0, x1, y1 = bounds_of(label.places)
                boxes = [other.places for same, other in entry.labels if same == name and other.kind == BOX]
                assert any(max(abs(x0 - a), abs(y0 - b), abs(x1 - c), abs(y1 - d)) < 0.03 for a, b, c, d in boxes)
