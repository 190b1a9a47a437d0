"""Which learning rate to begin with: the range test of Smith, Cyclical Learning Rates (2017), section 3.3.

The rate grows from step to step while the loss is watched; where it falls fastest is a good rate. The weights are thrown away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor

from vpc2.data.imageset import ImageSet
from vpc2.text import Text
from vpc2.training.spec import Recipe
from vpc2.training.trainer.trainer import StopRequests, Trainer, open_trainer

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100
MEMORY = 0.9  # of the running mean of the loss
RISEN = 4.0  # times the lowest mean: the rate is far too high
WARM = 10  # steps that say little: the mean is young

_FOUND = Text("The loss falls fastest at a learning rate of {rate:.2g}; from {high:.2g} on it rises again.")
_NOT_FOUND = Text("The loss never fell, at any learning rate: check the data, or try another net.")
_STOPPED = Text("Stopped before there was a suggestion.")


def find_rate(
    recipe: Recipe,
    report: Callable[[dict[str, Any]], object],
    *,
    should_stop: Callable[[], bool] = lambda: False,
    device: str | None = None,
    data: ImageSet | None = None,
) -> float | None:
    """Return the learning rate at which this recipe's loss falls fastest, or None where it never falls.

    `report` hears a `start`, a `rate` event a step (step, learning_rate, loss, mean) and an `end` with the `suggestion`.
    Raises `Refusal` for what cannot be trained.
    """
    stop_requests = StopRequests(should_stop, lambda: False)
    with open_trainer(recipe, report, stop_requests, device=device, data=data) as run:
        run.begin()
        tried, means = [], []
        mean = weight = 0.0
        for step, index in zip(range(1, STEPS + 1), _batches(run), strict=False):
            if stop_requests():
                break
            rate = LOWEST * (HIGHEST / LOWEST) ** ((step - 1) / (STEPS - 1))
            loss, _ = run.run_step(index, rate)
            if not math.isfinite(loss):
                break
            run.step = step
            mean, weight = MEMORY * mean + (1 - MEMORY) * loss, MEMORY * weight + (1 - MEMORY)
            tried.append(rate)
            means.append(mean / weight)
            report({"type": "rate", "step": step, "learning_rate": rate, "loss": loss, "mean": means[-1]})
            if means[-1] > RISEN * min(means):
                break
        found = suggest(tried, means)
        if stop_requests.asked:
            reason = _STOPPED
        elif found is None:
            reason = _NOT_FOUND
        else:
            reason = _FOUND.fill(rate=found, high=tried[means.index(min(means))])
        report(
            {
                "type": "end",
                "state": "stopped" if stop_requests.asked else "finished",
                "reason": reason.in_every_language(),
                "suggestion": found,
                "elapsed_s": round(run.elapsed_s, 3),
            }
        )
        return found


def _batches(run: Trainer) -> Iterator[Tensor]:
    while True:
        yield from run.training_data.order(run.order).to(run.device).tensor_split(run.steps_per_epoch)


def suggest(rates: Sequence[float], means: Sequence[float]) -> float | None:
    """Return the rate, to two digits, where the mean loss falls fastest over the logarithm of the rate, up to its lowest point.

    None where the lowest point is hardly below the first.
    """
    if len(means) <= WARM + 2:
        return None
    lowest = min(range(len(means)), key=means.__getitem__)
    if means[lowest] > 0.98 * means[WARM] or lowest <= WARM + 1:
        return None
    # Over equal steps of the logarithm, the slope is the difference; the mean of two smooths a zigzag.
    slopes = [after - before for before, after in pairwise(means[WARM : lowest + 1])]
    steepest = min(range(len(slopes)), key=lambda i: slopes[i] + slopes[max(i - 1, 0)])
    return float(f"{rates[WARM + steepest]:.2g}")
