"""Caches are cleared once after the last visitor has left, and not before."""

import pytest

from vpc2.ui.server import idle


@pytest.fixture
def day(monkeypatch):
    """A simulated clock, advanced by the sleeps of `watch`: the visits (start, end) to fill in, and a function that runs it."""
    clock, cleared_at = [0.0], []
    visits: dict[str, tuple[float, float]] = {}
    monkeypatch.setattr(idle, "clear_caches", lambda: cleared_at.append(clock[0]))
    monkeypatch.setattr(idle, "has_visitors", lambda: any(a <= clock[0] < b for a, b in visits.values()))

    def run(seconds):
        idle.watch(lambda: clock[0], lambda s: clock.__setitem__(0, clock[0] + s), rounds=int(seconds / idle.POLL_S))
        return cleared_at

    return visits, run


def test_caches_are_kept_while_a_visitor_is_connected_and_before_the_first(day):
    visits, run = day
    visits["ana"] = (200.0, 1e9)
    assert run(600) == []


def test_caches_are_cleared_once_each_time_the_last_visitor_leaves(day):
    visits, run = day
    visits["ana"], visits["beto"], visits["carla"] = (10.0, 100.0), (50.0, 130.0), (400.0, 410.0)
    first, second = run(900)
    assert 130 + idle.QUIET_S - idle.POLL_S <= first <= 130 + idle.QUIET_S + 2 * idle.POLL_S
    assert 410 + idle.QUIET_S - idle.POLL_S <= second <= 410 + idle.QUIET_S + 2 * idle.POLL_S


def test_caches_survive_a_short_absence(day):
    visits, run = day
    visits["ana"], visits["again"] = (0.0, 100.0), (100.0 + idle.QUIET_S / 2, 1e9)
    assert run(600) == []


def test_what_is_kept_of_draws_and_data_is_dropped():
    import torch

    from vpc2.augment.pipeline import draw_images
    from vpc2.augment.presets import PIPELINES
    from vpc2.ui.computed import augmented, datasets

    draw_images(PIPELINES["basic"].pipeline, torch.rand(3, 32, 32), 2, "x", cache=augmented.STAGES)
    datasets.load_cached_dataset("digits", 8)
    assert augmented.STAGES.bytes and datasets._cache().bytes
    idle.clear_caches()
    assert not augmented.STAGES.bytes and not datasets._cache().bytes
