import pytest
import torch

from vpc2.training.schedule import SCHEDULES, Plan
from vpc2.training.settings import SETTINGS


def test_every_schedule_of_the_settings_is_there():
    assert set(SCHEDULES) == set(SETTINGS.knob("schedule").options)


def test_one_cycle_and_cosine_are_torchs():
    steps = 400
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    torchs = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1.0, total_steps=steps, pct_start=0.3, cycle_momentum=False)
    for step in range(steps - 1):
        # torch reaches its end at the last step, ours one step later.
        assert SCHEDULES["one_cycle"].factor(step / (steps - 1)) == pytest.approx(torchs.get_last_lr()[0], abs=0.01)
        optimiser.step()
        torchs.step()
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    torchs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps)
    for step in range(steps):
        assert SCHEDULES["cosine"].factor(step / steps) == pytest.approx(torchs.get_last_lr()[0], abs=1e-6)
        optimiser.step()
        torchs.step()


def test_the_steps_are_torchs():
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    torchs = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones=[200, 300], gamma=0.1)
    for step in range(400):
        assert SCHEDULES["step"].factor(step / 400) == pytest.approx(torchs.get_last_lr()[0])
        optimiser.step()
        torchs.step()


def walk(plan, seconds_a_step):
    """Drive a plan by a clock of our own; return the progress of each step."""
    step, elapsed, seen = 0, 0.0, []
    while not plan.is_over(step):
        seen.append(plan.progress)
        step += 1
        elapsed += seconds_a_step(step)
        plan.advance(step, elapsed)
    return seen, elapsed


def test_while_the_epochs_fit_the_clock_has_no_say():
    quick, _ = walk(Plan(10, 20, budget_s=100), lambda step: 0.1)
    uneven, _ = walk(Plan(10, 20, budget_s=100), lambda step: 0.05 + 0.2 * (step % 2))
    assert quick == uneven == [step / 200 for step in range(200)]


@pytest.mark.parametrize("pace", [lambda step: 0.1, lambda step: 0.05 if step < 100 else 0.2, lambda step: 0.2 if step < 50 else 0.05])
def test_when_the_seconds_end_first_the_schedule_still_reaches_its_end(pace):
    plan = Plan(10, 200, budget_s=25)
    seen, elapsed = walk(plan, pace)
    assert plan.is_cut
    assert 20 <= elapsed <= 25.3
    assert seen == sorted(seen) and 0.95 < seen[-1] < 1
    assert max(b - a for a, b in zip(seen, seen[1:], strict=False)) < 0.08


def test_an_epoch_longer_than_the_budget_is_cut():
    plan = Plan(10_000, 5, budget_s=10)
    seen, elapsed = walk(plan, lambda step: 0.05)
    assert 9 <= elapsed <= 10.1 and seen[-1] > 0.95


def test_a_first_slow_step_does_not_shorten_the_run():
    seen, _ = walk(Plan(10, 10, budget_s=10), lambda step: 2.0 if step == 1 else 0.05)
    assert len(seen) == 100
