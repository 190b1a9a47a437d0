"""A moved knob is computed from its own step on, gives what it gives without anything kept, and keeps a bounded amount."""

import threading
from collections import Counter

import pytest
import torch

from vpc2.augment import pipeline as pipelines
from vpc2.augment.draw_cache import DrawCache
from vpc2.augment.pipeline import draw_images
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import edit_add, edit_order, edit_param, edit_redraw, edit_remove

STRONG = PIPELINES["strong"].pipeline
IDS = [step.id for step in STRONG.steps]
IMAGE = torch.rand((3, 40, 56), generator=torch.Generator().manual_seed(0))
MOVED = {
    "the last knob": (edit_param(STRONG, IDS[-1], "p", 1.0), IDS[-1:]),
    "the first knob": (edit_param(STRONG, IDS[0], "p", 0.25), IDS),
    "one drawn again": (edit_redraw(STRONG, IDS[1]), IDS[1:]),
    "one more": (edit_add(STRONG, "RandomInvert"), ["s5"]),
    "one fewer": (edit_remove(STRONG, IDS[-1]), []),
    "another order": (edit_order(STRONG, [*IDS[:2], *reversed(IDS[2:])]), list(reversed(IDS[2:]))),
    "nothing": (STRONG, []),
}


@pytest.fixture
def applied(monkeypatch):
    """Count how often each step is applied to a picture."""
    counts, apply_step = Counter(), pipelines.apply_step

    def counting(step, *given):
        counts[step.id] += 1
        return apply_step(step, *given)

    monkeypatch.setattr(pipelines, "apply_step", counting)
    return counts


@pytest.mark.parametrize("moved", MOVED)
def test_only_the_steps_from_the_moved_one_on_are_applied(moved, applied):
    pipeline, expected = MOVED[moved]
    kept = DrawCache(2**24)
    draw_images(STRONG, IMAGE, 5, "k", cache=kept)
    assert applied == dict.fromkeys(IDS, 5)
    applied.clear()
    draws = draw_images(pipeline, IMAGE, 5, "k", cache=kept)
    assert applied == dict.fromkeys(expected, 5)
    for draw, plain in zip(draws, draw_images(pipeline, IMAGE, 5, "k"), strict=True):
        assert torch.equal(draw.image, plain.image) and draw.steps == plain.steps


@pytest.mark.parametrize(
    ("image", "key", "seed"),
    [(IMAGE, "another", STRONG.seed), (IMAGE[:, 1:], "k", STRONG.seed), (IMAGE, "k", STRONG.seed + 1)],
    ids=["photograph", "size", "seed"],
)
def test_cached_draws_of_another_input_are_not_used(image, key, seed, applied):
    kept = DrawCache(2**24)
    draw_images(STRONG, IMAGE, 3, "k", cache=kept)
    applied.clear()
    draw_images(pipelines.Pipeline(STRONG.steps, seed), image, 3, key, cache=kept)
    assert applied == dict.fromkeys(IDS, 3)


def test_the_draw_cache_is_bounded_and_keeps_the_stage_in_use(applied):
    """Two hundred moves of the last knob, with room for the draws of two steps."""
    kept = DrawCache(5 * 2 * IMAGE.nbytes)
    for move in range(200):
        draw_images(edit_param(STRONG, IDS[-1], "p", move / 200), IMAGE, 5, "k", cache=kept)
        assert kept.bytes <= kept.limit_bytes
    assert all(applied[step_id] == 5 for step_id in IDS[:-1]) and applied[IDS[-1]] == 1000


def test_a_picture_larger_than_the_limit_is_not_kept():
    kept = DrawCache(IMAGE.nbytes - 1)
    draw_images(STRONG, IMAGE, 1, "k", cache=kept)
    assert kept.bytes == 0


def test_neighbours_in_threads_share_what_is_kept():
    kept, differing = DrawCache(30 * IMAGE.nbytes), []
    expected = {seed: draw_images(pipelines.Pipeline(STRONG.steps, seed), IMAGE, 4, "k") for seed in range(3)}

    def work(seed):
        for _ in range(10):
            draws = draw_images(pipelines.Pipeline(STRONG.steps, seed % 3), IMAGE, 4, "k", cache=kept)
            differing.extend(seed for a, b in zip(draws, expected[seed % 3], strict=True) if not torch.equal(a.image, b.image))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not differing and kept.bytes <= kept.limit_bytes
