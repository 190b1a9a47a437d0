"""When all have left, what was kept goes, once, and nothing before."""

import pytest

from vpc2.ui.server import idle


@pytest.fixture
def day(monkeypatch):
    """A clock that moves as the watcher sleeps, a list of when it forgot, and who is there at which hour."""
    clock, forgotten = [0.0], []
    there: dict[str, tuple[float, float]] = {}
    monkeypatch.setattr(idle, "forget_all", lambda: forgotten.append(clock[0]))
    monkeypatch.setattr(idle, "is_anybody_there", lambda: any(a <= clock[0] < b for a, b in there.values()))

    def run(seconds):
        idle.watch(lambda: clock[0], lambda s: clock.__setitem__(0, clock[0] + s), rounds=int(seconds / idle.LOOK_S))
        return forgotten

    return there, run


def test_nothing_is_forgotten_while_somebody_is_there_or_before_anybody_came(day):
    there, run = day
    there["ana"] = (200.0, 1e9)
    assert run(600) == []


def test_it_is_forgotten_once_after_the_last_has_left_and_once_more_after_the_next(day):
    there, run = day
    there["ana"], there["beto"], there["carla"] = (10.0, 100.0), (50.0, 130.0), (400.0, 410.0)
    first, second = run(900)
    assert 130 + idle.QUIET_S - idle.LOOK_S <= first <= 130 + idle.QUIET_S + 2 * idle.LOOK_S
    assert 410 + idle.QUIET_S - idle.LOOK_S <= second <= 410 + idle.QUIET_S + 2 * idle.LOOK_S


def test_a_short_absence_costs_nothing(day):
    there, run = day
    there["ana"], there["again"] = (0.0, 100.0), (100.0 + idle.QUIET_S / 2, 1e9)
    assert run(600) == []


def test_what_is_kept_of_draws_and_data_is_dropped():
    import torch

    from vpc2.augment.pipeline import draw_images
    from vpc2.augment.presets import PIPELINES
    from vpc2.ui.computed import augmented, datasets

    draw_images(PIPELINES["basic"].pipeline, torch.rand(3, 32, 32), 2, "x", cache=augmented.STAGES)
    datasets.load_set("digits", 8)
    assert augmented.STAGES.bytes and datasets._cache().bytes
    idle.forget_all()
    assert not augmented.STAGES.bytes and not datasets._cache().bytes
