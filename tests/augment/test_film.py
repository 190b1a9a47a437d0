"""A draw step by step: the film ends in the draw, and each step owns its randomness."""

from dataclasses import replace

import pytest
import torch

from vpc2 import codec
from vpc2.augment.export.kornia_code import to_code
from vpc2.augment.pipeline import draw_images, film_draw
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import edit_param, edit_redraw, edit_solo

IMAGE = torch.rand((3, 48, 64), generator=torch.Generator().manual_seed(0))
STRONG = PIPELINES["strong"].pipeline


@pytest.mark.parametrize("key", PIPELINES)
def test_the_film_ends_in_the_draw(key):
    pipeline = PIPELINES[key].pipeline
    for number, draw in enumerate(draw_images(pipeline, IMAGE, 3, image_key="k")):
        film = film_draw(pipeline, IMAGE, number, image_key="k")
        assert len(film) == sum(step.on for step in pipeline.steps)
        assert torch.equal(film[-1].image, draw.image)
        assert tuple(frame.steps[0] for frame in film) == draw.steps


def test_a_frame_whose_step_was_not_applied_changes_nothing():
    before, seen = IMAGE, 0
    for number in range(20):
        before = IMAGE
        for frame in film_draw(STRONG, IMAGE, number):
            if not frame.steps[0].is_applied:
                assert torch.equal(frame.image, before)
                seen += 1
            before = frame.image
    assert seen > 5


def test_drawing_one_step_again_leaves_the_values_of_the_others():
    step = STRONG.steps[1]
    again = edit_redraw(STRONG, step.id)
    changed = 0
    for old, new in zip(draw_images(STRONG, IMAGE, 8), draw_images(again, IMAGE, 8), strict=True):
        for before, after in zip(old.steps, new.steps, strict=True):
            if before.step_id == step.id:
                changed += before != after
            else:
                assert before == after
    assert changed
    assert draw_images(edit_redraw(again, step.id), IMAGE, 8)[0].steps != draw_images(again, IMAGE, 8)[0].steps or changed > 1


def test_moving_one_knob_leaves_every_other_draw_of_values():
    knob = (
        next(step for step in STRONG.steps if step.op == "RandomAffine")
        if any(s.op == "RandomAffine" for s in STRONG.steps)
        else STRONG.steps[0]
    )
    moved = edit_param(STRONG, knob.id, "p", 1.0)
    for old, new in zip(draw_images(STRONG, IMAGE, 8), draw_images(moved, IMAGE, 8), strict=True):
        assert [a for a in old.steps if a.step_id != knob.id] == [b for b in new.steps if b.step_id != knob.id]


def test_a_step_alone_does_what_it_does_in_the_whole():
    for step in STRONG.steps:
        alone = draw_images(edit_solo(STRONG, step.id), IMAGE, 6)
        whole = draw_images(STRONG, IMAGE, 6)
        for one, other in zip(alone, whole, strict=True):
            assert [one.steps[0].is_applied] == [outcome.is_applied for outcome in other.steps if outcome.step_id == step.id]


def test_redraws_travel_and_stand_in_the_code():
    again = edit_redraw(replace(STRONG, seed=11), STRONG.steps[0].id)
    assert codec.from_token(codec.to_token(again)).spec == again
    scope = {"__name__": "exported"}
    exec(compile(to_code(again), "exported", "exec"), scope)
    for number, draw in enumerate(draw_images(again, IMAGE, 3, image_key="x")):
        torch.testing.assert_close(scope["augment"](IMAGE, number, "x"), draw.image, atol=2e-6, rtol=0)  # the quick way rounds
