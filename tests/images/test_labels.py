"""Labels drawn on pictures: where they are said to be, and nowhere else."""

import numpy as np

from vpc2.images.labels import COLOUR, draw_labels
from vpc2.images.samples import SAMPLES, load_sample


def test_a_box_is_drawn_on_its_edges_only():
    pixels = np.full((100, 120, 3), 128, np.uint8)
    drawn = draw_labels(pixels, [(20, 10, 80, 70)], [])
    assert (pixels == 128).all()
    bright = (drawn == COLOUR).all(axis=2)
    assert bright[10, 20:80].all() and bright[69, 20:80].all() and bright[10:70, 20].all() and bright[10:70, 79].all()
    assert (drawn[20:60, 30:70] == 128).all() and (drawn[80:, :] == 128).all()


def test_a_point_is_a_ring_around_its_place():
    drawn = draw_labels(np.zeros((60, 60, 3), np.uint8), [], [(30, 20)])
    rows, columns = (drawn == COLOUR).all(axis=2).nonzero()
    assert abs(rows.mean() - 20) < 0.6 and abs(columns.mean() - 30) < 0.6


def test_what_lies_outside_is_no_error():
    assert draw_labels(np.zeros((8, 8, 3), np.uint8), [(-5, -5, 20, 20), (3, 3, 3, 3)], [(99, -99)]).shape == (8, 8, 3)


def test_samples_are_labelled_inside_their_frames():
    for key, entry in SAMPLES.items():
        assert load_sample(key).pixels.size and entry.boxes and entry.points
        for x0, y0, x1, y1 in entry.boxes:
            assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1
        assert all(0 <= part <= 1 for point in entry.points for part in point)
