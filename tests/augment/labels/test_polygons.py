"""Outlines against pycocotools, which fills polygons for the COCO benchmark, and there and back again."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from vpc2.augment.labels.polygons import to_pixels, to_polygons

HEIGHT, WIDTH = 120, 160
POLYGONS = {
    "triangle": [10.2, 10.2, 140.7, 30.1, 60.3, 110.9],
    "star": [80.0, 5.0, 95.0, 50.0, 150.0, 55.0, 105.0, 75.0, 120.0, 115.0, 80.0, 90.0, 35.0, 112.0, 55.0, 75.0, 10.0, 50.0, 65.0, 48.0],
    "partly outside": [-30.0, 20.0, 100.0, -10.0, 200.0, 140.0, 20.0, 100.0],
}


def agreement(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("polygon", POLYGONS.values(), ids=POLYGONS)
def test_a_polygon_fills_what_pycocotools_fills(polygon):
    theirs = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([polygon], HEIGHT, WIDTH))).astype(bool)
    assert agreement(to_pixels(polygon, HEIGHT, WIDTH), theirs) > 0.97


def test_a_box_fills_exactly_its_pixels():
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[20:60, 30:90] = True
    assert np.array_equal(to_pixels([30, 20, 90, 20, 90, 60, 30, 60], HEIGHT, WIDTH), wanted)


@pytest.mark.parametrize("polygon", POLYGONS.values(), ids=POLYGONS)
def test_the_outline_of_a_mask_is_its_mask_with_few_corners(polygon):
    pixels = to_pixels(polygon, HEIGHT, WIDTH)
    (outline,) = to_polygons(pixels)
    assert agreement(to_pixels(outline, HEIGHT, WIDTH), pixels) > 0.97
    assert len(outline) // 2 < 60
    assert min(outline) >= 0 and max(outline[::2]) <= WIDTH and max(outline[1::2]) <= HEIGHT


def test_a_torn_mask_has_several_outlines_crumbs_have_none_and_holes_are_filled():
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[10:30, 10:40] = pixels[50:110, 60:140] = pixels[5, 150] = True
    pixels[60:70, 80:90] = False
    large, small = to_polygons(pixels)
    pixels[5, 150], pixels[60:70, 80:90] = False, True
    assert agreement(to_pixels(large, HEIGHT, WIDTH) | to_pixels(small, HEIGHT, WIDTH), pixels) > 0.98
    assert to_polygons(np.zeros((4, 5), bool)) == []
    assert agreement(to_pixels(to_polygons(np.ones((40, 50), bool))[0], 40, 50), np.ones((40, 50), bool)) > 0.99
