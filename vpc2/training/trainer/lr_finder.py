"""Learning rate range test of Smith, Cyclical Learning Rates (2017), section 3.3.

The learning rate grows exponentially from step to step; the rate at which the loss falls fastest is suggested. The weights are
discarded.
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
from vpc2.training.trainer.state import StopRequests
from vpc2.training.trainer.trainer import Trainer, open_trainer

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100
MEMORY = 0.9  # decay of the running mean of the loss
RISEN = 4.0  # stop once the mean is this many times the lowest mean: the rate is far too high
WARM = 10  # first steps that are ignored: the running mean still rests on few values

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
    """Return the learning rate at which this recipe's loss falls fastest, or None if it never falls.

    `report` is called with a `start`, one `rate` event per step (step, learning_rate, loss, mean) and an `end` with the
    `suggestion`. Raises `Refusal` for a recipe that cannot be trained.
    """
    stop_requests = StopRequests(should_stop, lambda: False)
    with open_trainer(recipe, report, stop_requests, device=device, data=data) as trainer:
        trainer.begin()
        rates, means = [], []
        mean = weight = 0.0
        for step, index in zip(range(1, STEPS + 1), _batches(trainer), strict=False):
            if stop_requests():
                break
            rate = LOWEST * (HIGHEST / LOWEST) ** ((step - 1) / (STEPS - 1))
            loss, _ = trainer.run_step(index, rate)
            if not math.isfinite(loss):
                break
            trainer.step = step
            mean, weight = MEMORY * mean + (1 - MEMORY) * loss, MEMORY * weight + (1 - MEMORY)
            rates.append(rate)
            means.append(mean / weight)
            report({"type": "rate", "step": step, "learning_rate": rate, "loss": loss, "mean": means[-1]})
            if means[-1] > RISEN * min(means):
                break
        suggestion = suggest(rates, means)
        if stop_requests.request:
            reason = _STOPPED
        elif suggestion is None:
            reason = _NOT_FOUND
        else:
            reason = _FOUND.fill(rate=suggestion, high=rates[means.index(min(means))])
        report(
            {
                "type": "end",
                "state": "stopped" if stop_requests.request else "finished",
                "reason": reason.in_every_language(),
                "suggestion": suggestion,
                "elapsed_s": round(trainer.elapsed_s, 3),
            }
        )
        return suggestion


def _batches(trainer: Trainer) -> Iterator[Tensor]:
    while True:
        yield from trainer.training_data.epoch_order(trainer.order_generator).to(trainer.device).tensor_split(trainer.steps_per_epoch)


def suggest(rates: Sequence[float], means: Sequence[float]) -> float | None:
    """Return the rate, to two digits, at which the mean loss falls fastest over the logarithm of the rate, before its minimum.

    None if the minimum is less than 2 % below the first value.
    """
    if len(means) <= WARM + 2:
        return None
    lowest = min(range(len(means)), key=means.__getitem__)
    if means[lowest] > 0.98 * means[WARM] or lowest <= WARM + 1:
        return None
    # The rates are equally spaced in the logarithm, so the slope is the difference; the sum of two smooths a zigzag.
    slopes = [after - before for before, after in pairwise(means[WARM : lowest + 1])]
    steepest = min(range(len(slopes)), key=lambda i: slopes[i] + slopes[max(i - 1, 0)])
    return float(f"{rates[WARM + steepest]:.2g}")
