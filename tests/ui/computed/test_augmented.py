"""The cache of draws: an edited step recomputes only from that step on, and the cache is bounded."""

from dataclasses import replace

import pytest

from vpc2.augment import pipeline as pipelines
from vpc2.augment.draw_cache import DrawCache
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import edit_param
from vpc2.images.samples import load_sample
from vpc2.ui.computed import augmented

STRONG = PIPELINES["strong"].pipeline
PHOTO = vars(load_sample("coffee"))


@pytest.fixture
def applied(monkeypatch):
    """Record each step that is applied to a draw, starting with empty caches."""
    names, apply_step = [], pipelines.apply_step
    monkeypatch.setattr(pipelines, "apply_step", lambda step, *given: names.append(step.id) or apply_step(step, *given))
    monkeypatch.setattr(augmented, "STAGES", DrawCache(augmented.STAGES.limit_bytes))
    augmented._augmented_draws.clear()
    return names


def test_a_moved_knob_draws_from_its_own_step_on(applied):
    augmented.augmented_draws(STRONG, PHOTO, 3, 96)
    assert len(applied) == 3 * 4
    applied.clear()
    moved = edit_param(STRONG, "s3", "p", 1.0)
    kept = augmented.augmented_draws(moved, PHOTO, 3, 96)
    assert sorted(applied) == ["s3"] * 3 + ["s4"] * 3
    augmented.STAGES = DrawCache(0)
    augmented._augmented_draws.clear()
    afresh = augmented.augmented_draws(moved, PHOTO, 3, 96)
    assert kept["pictures"] == afresh["pictures"] and kept["steps"] == afresh["steps"]


def test_the_same_draws_are_not_drawn_again_and_a_name_changes_none(applied):
    first = augmented.augmented_draws(STRONG, PHOTO, 3, 96)
    applied.clear()
    assert augmented.augmented_draws(replace(STRONG, name="another"), PHOTO, 3, 96)["pictures"] == first["pictures"] and not applied


def test_two_hundred_moves_keep_a_bounded_amount(applied, monkeypatch):
    monkeypatch.setattr(augmented, "STAGES", DrawCache(2**20))
    for move in range(200):
        augmented.augmented_draws(edit_param(STRONG, f"s{move % 4 + 1}", "p", move / 200), PHOTO, 2, 48)
        assert 0 < augmented.STAGES.bytes <= 2**20
