import json
import random

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from vpc2.training.schedule import SCHEDULES, Plan
from vpc2.training.settings import SETTINGS


def test_every_schedule_of_the_settings_is_there():
    assert set(SCHEDULES) == set(SETTINGS.knob("schedule").options)


LENGTHS = (2, 3, 5, 10, 11, 17, 30, 100, 401)
TORCHS = {
    "constant": lambda optimiser, steps: lr_scheduler.ConstantLR(optimiser, factor=1.0),
    "cosine": lambda optimiser, steps: lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps - 1),
    "one_cycle": lambda optimiser, steps: lr_scheduler.OneCycleLR(optimiser, max_lr=1.0, total_steps=steps, cycle_momentum=False),
    "linear": lambda optimiser, steps: lr_scheduler.LinearLR(optimiser, start_factor=1.0, end_factor=0.0, total_iters=steps - 1),
    "step": lambda optimiser, steps: lr_scheduler.MultiStepLR(optimiser, milestones=[steps // 2, 3 * steps // 4], gamma=0.1),
}


def rates_of_torch(key, steps):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs, rates = TORCHS[key](optimiser, steps), []
    for step in range(steps):
        rates.append(theirs.get_last_lr()[0])
        optimiser.step()
        if step < steps - 1:
            theirs.step()
    return rates


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("key", [key for key in SCHEDULES if key in TORCHS])
def test_every_schedule_is_torchs_at_every_step(key, steps):
    plan = Plan(steps, 1, budget_s=1e9)
    seen, _ = walk(plan, lambda step: 0.0)
    ours = [SCHEDULES[key].at(progress, steps) for progress in seen]
    assert ours == pytest.approx(rates_of_torch(key, steps), abs=1e-9)


@pytest.mark.parametrize("steps", LENGTHS)
def test_the_last_step_is_at_the_end_of_its_schedule(steps):
    seen, _ = walk(Plan(steps, 1, budget_s=1e9), lambda step: 0.0)
    assert (seen[0], seen[-1]) == (0, 1)
    ends = {key: SCHEDULES[key].at(seen[-1], steps) for key in ("constant", "cosine", "one_cycle", "step", "linear")}
    assert ends == pytest.approx({"constant": 1, "cosine": 0, "one_cycle": 4e-6, "step": 0.01, "linear": 0}, abs=1e-12)


def test_a_schedule_of_a_single_step_has_a_positive_rate():
    seen, _ = walk(Plan(1, 1, budget_s=1e9), lambda step: 0.0)
    assert seen == [0] and all(0 < entry.at(0.0, 1) <= 1 for entry in SCHEDULES.values())


def walk(plan, seconds_a_step):
    """Drive a plan by a clock of our own; return the progress of each step."""
    step, elapsed, seen = 0, 0.0, []
    while not plan.is_over(step):
        seen.append(plan.progress)
        step += 1
        elapsed += seconds_a_step(step)
        plan.advance(step, elapsed)
    return seen, elapsed


def test_the_clock_does_not_change_the_schedule_while_the_epochs_fit():
    quick, _ = walk(Plan(10, 20, budget_s=100), lambda step: 0.1)
    uneven, _ = walk(Plan(10, 20, budget_s=100), lambda step: 0.05 + 0.2 * (step % 2))
    assert quick == uneven == [step / 199 for step in range(200)]


@pytest.mark.parametrize("pace", [lambda step: 0.1, lambda step: 0.05 if step < 100 else 0.2, lambda step: 0.2 if step < 50 else 0.05])
def test_the_schedule_reaches_its_end_when_the_time_budget_ends_first(pace):
    plan = Plan(10, 200, budget_s=25)
    seen, elapsed = walk(plan, pace)
    assert plan.is_cut
    assert 20 <= elapsed <= 25.3
    assert seen == sorted(seen) and seen[-1] == 1 and seen.count(1) == 1
    assert max(b - a for a, b in zip(seen, seen[1:], strict=False)) < 0.08


def test_what_is_left_of_a_cut_schedule_is_spread_evenly_over_the_steps_left():
    """At a pace that never changes all steps from the cut on are as long as one another, the last one as well."""
    seen, _ = walk(Plan(10, 200, budget_s=25.5), lambda step: 0.1)
    cut = next(i for i, progress in enumerate(seen) if progress > i / 1999 + 1e-9)
    assert len(seen) == 250 and cut < 40
    np.testing.assert_allclose(seen[cut - 1 :], np.linspace(seen[cut - 1], 1, 250 - cut + 1), atol=1e-9)


def test_an_epoch_longer_than_the_budget_is_cut():
    plan = Plan(10_000, 5, budget_s=10)
    seen, elapsed = walk(plan, lambda step: 0.05)
    assert 9 <= elapsed <= 10.1 and seen[-1] == 1


def test_a_first_slow_step_does_not_shorten_the_run():
    seen, _ = walk(Plan(10, 10, budget_s=10), lambda step: 2.0 if step == 1 else 0.05)
    assert len(seen) == 100


@pytest.mark.parametrize("steps_per_epoch", [3, 10, 50, 10_000])
@pytest.mark.parametrize("seed", range(10))
def test_a_clock_that_jumps_leaves_the_schedule_near_its_end_within_the_budget(steps_per_epoch, seed):
    """Steps that take now half, now twice as long, and now and then ten times: as on a machine that others use."""
    draw = random.Random(seed)
    plan = Plan(steps_per_epoch, 400, budget_s=20)
    seen, elapsed = walk(plan, lambda step: 0.02 * draw.choice([0.5, 1, 1, 1, 2, 10 if draw.random() < 0.05 else 1]))
    assert plan.is_cut and 14 <= elapsed <= 20.4
    assert seen == sorted(seen) and seen[-1] > 0.98 and seen.count(1) <= 1


def test_a_plan_that_was_cut_and_fits_again_falls_on_without_a_jump_back():
    """Slow at first, quick later: the clock shortens the plan, then all epochs fit after all."""
    plan = Plan(20, 10, budget_s=20)
    seen, _ = walk(plan, lambda step: 0.3 if step < 20 else 0.02)
    assert len(seen) == 200 and not plan.is_cut and plan.was_cut
    assert seen == sorted(seen) and seen[-1] == 1
    assert max(b - a for a, b in zip(seen, seen[1:], strict=False)) < 0.05


def test_a_plan_taken_up_again_goes_on_as_it_was():
    whole, taken = Plan(10, 200, budget_s=25), Plan(10, 200, budget_s=25)
    for step in range(1, 240):
        for plan in (whole, taken):
            plan.advance(step, 0.1 * step)
        again = Plan(10, 200, budget_s=25)
        again.from_doc(json.loads(json.dumps(taken.to_doc())))
        taken = again
        assert (whole.progress, whole.total) == (taken.progress, taken.total)


def test_a_plan_of_an_earlier_version_is_taken_up():
    plan = Plan(10, 200, budget_s=25)
    plan.from_doc({"total": 240, "progress": 0.5, "mark": [10, 1.0]})
    plan.advance(121, 12.1)
    assert plan.was_cut and 0.5 < plan.progress < 0.51
