"""A small draw is a faithful picture of the large one, or its entry says why not."""

import numpy as np
import pytest
from kornia.metrics import ssim
from PIL import Image

from vpc2.augment.operations.catalog import OPS
from vpc2.augment.pipeline import draw_images
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, edit_add, edit_scale
from vpc2.images.encode import resize_pixels, to_pixels, to_tensor
from vpc2.images.samples import load_sample

LARGE, SMALL = 768, 384
PIXELS = np.asarray(Image.fromarray(load_sample("astronaut").pixels).resize((LARGE, LARGE), Image.Resampling.BICUBIC))
FAITHFUL = 0.97


def likeness(key):
    """Return how like the large draw, made small, is to the small one: the median SSIM of three draws, of nine of a policy's."""
    pipeline = edit_add(Pipeline(), key, {} if OPS[key].is_policy else {"p": 1.0})
    small, found = to_tensor(resize_pixels(PIXELS, SMALL)), []
    for number in range(9 if OPS[key].is_policy else 3):
        large = draw_images(pipeline, to_tensor(PIXELS), number + 1, first=number)[0].image
        shown = draw_images(edit_scale(pipeline, SMALL / LARGE), small, number + 1, first=number)[0].image
        found.append(ssim(to_tensor(resize_pixels(to_pixels(large), SMALL))[None], shown[None], 11).mean().item())
    return sorted(found)[len(found) // 2]


@pytest.mark.parametrize("key", OPS)
def test_a_preview_is_faithful_or_the_entry_says_why_not(key):
    found = likeness(key)
    assert (found > FAITHFUL) == (OPS[key].preview_note is None), found


@pytest.mark.parametrize("key", PIPELINES)
def test_a_scaled_pipeline_is_one_that_a_link_can_carry(key):
    for factor in (0.01, 0.37, 1.0, 3.0):
        scaled = edit_scale(PIPELINES[key].pipeline, factor)
        for step in scaled.steps:
            assert OPS[step.op].clean(step.params) == step.params
    assert edit_scale(PIPELINES[key].pipeline, 1.0) == PIPELINES[key].pipeline
