"""Two thousand random pipelines on odd pictures: never an error, never outside [0, 1], never NaN, and each survives its link."""

import random

import pytest
import torch

from vpc2 import codec
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.pipeline import augment_batch, draw_images
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.knobs import Choice, Flag, Span, Whole

SHAPES = [(1, 1), (1, 30), (30, 1), (2, 3), (5, 5), (7, 64), (17, 23), (28, 28), (33, 48)]
PICTURES = {
    "noise": lambda shape, draw: torch.rand((3, *shape), generator=torch.Generator().manual_seed(draw)),
    "black": lambda shape, draw: torch.zeros((3, *shape)),
    "white": lambda shape, draw: torch.ones((3, *shape)),
    "one bright pixel": lambda shape, draw: torch.zeros((3, *shape)).index_fill_(2, torch.tensor([0]), 1.0),
}


def value_of(knob, chance: random.Random):
    """Return a random value of a knob, its ends more often than they would come by chance."""
    if chance.random() < 0.3:
        return chance.choice(knob.extremes())
    if isinstance(knob, Flag):
        return chance.random() < 0.5
    if isinstance(knob, Choice):
        return chance.choice(list(knob.options))
    if isinstance(knob, Whole):
        value = chance.randint(int(knob.low), int(knob.high))
        return value if value % 2 or not knob.odd else min(value + 1, int(knob.high)) | 1
    if isinstance(knob, Span):
        low, high = sorted(chance.uniform(knob.low, knob.high) for _ in range(2))
        return [round(low), round(high)] if knob.whole else [low, high]
    return chance.uniform(knob.low, knob.high)


@pytest.mark.parametrize("part", range(20))
def test_no_pipeline_breaks_a_picture(part):
    chance = random.Random(part)
    for number in range(100):
        pipeline = Pipeline(seed=chance.randrange(2**31))
        for key in chance.choices(list(OPS), k=chance.randint(1, 4)):
            pipeline = edit_add(pipeline, key, {knob.key: value_of(knob, chance) for knob in OPS[key].knobs})
        what, shape = chance.choice(list(PICTURES)), chance.choice(SHAPES)
        image = PICTURES[what](shape, number)
        for result in (draw_images(pipeline, image, 1)[0].image, augment_batch(pipeline, image.repeat(2, 1, 1, 1), number)):
            told = f"{what} {shape}: {codec.to_json(pipeline)}"
            assert result.shape[-3:] == image.shape, told
            assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1, told
        assert codec.from_token(codec.to_token(pipeline)).spec == pipeline
