"""Sweeps of strength: every value is one the knob takes, the first step does least, and what is frozen stays frozen."""

import pytest

from vpc2.augment.operations.catalog import OPS
from vpc2.augment.pipeline import draw_images
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, edit_add, edit_solo
from vpc2.augment.strength import STRENGTHS, edit_strengths, strengths_of
from vpc2.images.encode import resize_square, to_tensor
from vpc2.images.samples import load_sample

SWEEPS = [(key, knob) for key, entry in OPS.items() for knob in strengths_of(entry)]


@pytest.fixture(scope="module")
def photo():
    return to_tensor(resize_square(load_sample("chelsea").pixels, 64))


def test_every_operation_has_a_strength_but_the_policies_that_have_no_knob_for_it():
    assert {key for key, entry in OPS.items() if not strengths_of(entry)} == {"AutoAugment", "TrivialAugment"}


@pytest.mark.parametrize(("key", "knob"), SWEEPS)
def test_more_strength_changes_a_photograph_more(key, knob, photo):
    sweep = edit_strengths(edit_add(Pipeline(), key), "s1", knob)
    values = [value for value, _pipeline in sweep]
    assert values[0] is None and 3 < len(values) <= STRENGTHS + 1
    assert all(OPS[key].knob(knob).clean(value) == value for value in values[1:])

    def change(pipeline):
        return sum(float((draw.image - photo).abs().mean()) for draw in draw_images(pipeline, photo, 6))

    off, least, *_middle, most = [change(pipeline) for _value, pipeline in sweep]
    assert off == 0.0 and least < most


@pytest.mark.parametrize(
    ("key", "knob", "wanted"),
    [
        ("RandomRotation", "degrees", [[-45.0, 45.0], [-90.0, 90.0], [-180.0, 180.0]]),
        ("RandomResizedCrop", "scale", [[0.76, 1.0], [0.52, 1.0], [0.05, 1.0]]),
        ("RandomBrightness", "brightness", [[0.75, 1.25], [0.5, 1.5], [0.0, 2.0]]),
        ("RandomGaussianNoise", "std", [0.12, 0.25, 0.5]),
    ],
)
def test_a_span_opens_to_both_sides_and_a_number_walks_to_its_limit(key, knob, wanted):
    values = [value for value, _pipeline in edit_strengths(edit_add(Pipeline(), key), "s1", knob)]
    assert [values[2], values[4], values[8]] == wanted


def test_everything_else_stays_frozen(photo):
    pipeline = PIPELINES["strong"].pipeline
    for value, stronger in edit_strengths(pipeline, "s1", "degrees"):
        for before, after in zip(draw_images(pipeline, photo, 4), draw_images(stronger, photo, 4), strict=True):
            sampled = {step.step_id: step.values for step in after.steps}
            assert all(sampled[step.step_id] == step.values for step in before.steps if step.step_id != "s1")
            assert ("s1" in sampled) == (value is not None)
    alone = edit_solo(stronger, "s1").steps[0].params
    assert alone == {**pipeline.steps[0].params, "degrees": [-180.0, 180.0], "p": 1.0}
