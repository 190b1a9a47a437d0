"""Learning rate schedules (`SCHEDULES`) and the plan of a run's steps under limits in epochs and seconds. Pure arithmetic."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import cos, inf, pi

from vpc2.catalog import Catalog, Entry
from vpc2.text import Text

WARM_S = 1.0  # the first steps allocate memory and select kernels, so they are not used to measure the pace


def constant(progress: float, steps: float = inf) -> float:
    """Return 1: a constant learning rate."""
    return 1.0


def cosine(progress: float, steps: float = inf) -> float:
    """Return the cosine schedule of Loshchilov and Hutter, SGDR (2017), without restarts: from 1 to 0."""
    return (1 + cos(pi * progress)) / 2


def one_cycle(progress: float, steps: float = inf) -> float:
    """Return the one-cycle schedule of Smith and Topin, Super-Convergence (2018), with the constants of torch's `OneCycleLR`.

    From 1/25 up to 1 over the first 30 %, then down to 4e-6, both along a cosine; the momentum stays as it is. As in torch the
    peak is the last of those first steps, which moves it forward by a step: `steps` is how many there are.
    """
    low, end, peak = 1 / 25, 1 / 25 / 1e4, 0.3
    if steps < inf:
        peak = (peak * steps - 1) / max(steps - 1, 1)
    if progress < peak:
        return 1 + (low - 1) * cosine(progress / peak)
    return end + (1 - end) * cosine((progress - peak) / (1 - peak))


def step(progress: float, steps: float = inf) -> float:
    """Return 1, a tenth of it from the middle on, a hundredth over the last quarter, as He et al. (2016) trained on CIFAR-10."""
    return 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01


@dataclass(frozen=True, kw_only=True)
class Schedule(Entry):
    """A learning rate schedule: `factor` maps the progress of a run (0 to 1) and its number of steps to a factor of the learning rate.

    A `factor` that does not depend on the number of steps takes the progress alone.
    """

    factor: Callable[..., float]

    @cached_property
    def takes_steps(self) -> bool:
        """True if `factor` takes the number of steps as a second argument."""
        kinds = [parameter.kind for parameter in inspect.signature(self.factor).parameters.values()]
        plain = kinds.count(inspect.Parameter.POSITIONAL_ONLY) + kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return plain > 1 or inspect.Parameter.VAR_POSITIONAL in kinds

    def at(self, progress: float, steps: float) -> float:
        """Return the factor of the learning rate at this progress (0 to 1)."""
        return self.factor(progress, steps) if self.takes_steps else self.factor(progress)


SCHEDULES: Catalog[Schedule] = Catalog(
    Text("schedule"),
    Schedule(
        key="constant",
        title=Text("Constant"),
        help=Text("The same from the first step to the last."),
        factor=constant,
    ),
    Schedule(
        key="cosine",
        title=Text("Cosine"),
        help=Text("Falls along a cosine to zero."),
        factor=cosine,
    ),
    Schedule(
        key="one_cycle",
        title=Text("One cycle"),
        help=Text("Rises first, then falls to nearly nothing."),
        factor=one_cycle,
    ),
    Schedule(
        key="step",
        title=Text("In steps"),
        help=Text("A tenth of it after half the run, a hundredth after three quarters."),
        factor=step,
    ),
    Schedule(
        key="linear",
        title=Text("Linear"),
        help=Text("Falls along a straight line to zero."),
        factor=lambda progress: 1 - progress,
    ),
)


class Plan:
    """The last step and the progress (0 to 1) of each step, under a limit in epochs and one in seconds.

    Progress is 0 at the first step and 1 at the last, as in torch's schedules, so that the final learning rate is used for a step in
    short runs, too. As long as the epochs fit into the time budget, the clock has no influence, and the same recipe gives the same
    curve. Once the measured pace (validation included) shows that the time budget ends first, the last step is moved forward to where
    it ends, and the rest of the schedule is spread over the remaining steps; so a slow or busy machine still anneals its learning rate
    to the end. A run that has reached that end is over.
    """

    def __init__(self, steps_per_epoch: int, epochs: int, budget_s: float):
        self.steps_per_epoch = steps_per_epoch
        self.full = steps_per_epoch * epochs
        self.budget_s = budget_s
        self.total = self.full
        self.progress = 0.0
        self.was_cut = False  # then the progress depends on the clock, and no formula of the step alone gives it
        self._mark: tuple[int, float] | None = None

    def to_doc(self) -> dict:
        """Return the state of the plan as JSON values; the limits come from the recipe."""
        return {"total": self.total, "progress": self.progress, "mark": self._mark, "was_cut": self.was_cut}

    def from_doc(self, doc: dict) -> None:
        """Restore the state from `to_doc`."""
        self.total, self.progress = doc["total"], doc["progress"]
        self._mark = tuple(doc["mark"]) if doc["mark"] is not None else None
        self.was_cut = doc.get("was_cut", self.is_cut)

    @property
    def epochs(self) -> float:
        """The number of epochs now planned; a fraction if the time budget ends within an epoch."""
        return self.total / self.steps_per_epoch

    @property
    def is_cut(self) -> bool:
        """True if the time budget, not the epochs, ends the run."""
        return self.total < self.full

    def advance(self, step: int, elapsed_s: float) -> None:
        """Update the plan after `step` steps and `elapsed_s` seconds."""
        self._measure(step, elapsed_s)
        self.was_cut = self.was_cut or self.is_cut
        if self.was_cut:
            left = self.total - step
            self.progress = 1.0 if left <= 1 else self.progress + (1 - self.progress) / left
        else:
            self.progress = min(step / max(self.full - 1, 1), 1.0)

    def _measure(self, step: int, elapsed_s: float) -> None:
        if elapsed_s >= self.budget_s:
            self.total = min(self.total, step)
            return
        if self.was_cut and self.progress >= 1:  # a plan extended now would continue at a learning rate of almost zero
            return
        if self._mark is None:
            if elapsed_s >= min(WARM_S, 0.1 * self.budget_s):
                self._mark = (step, elapsed_s)
            return
        done, since_s = step - self._mark[0], elapsed_s - self._mark[1]
        if done < 2 or since_s <= 0:
            return
        fits = step + int((self.budget_s - elapsed_s) * done / since_s)
        if fits >= self.full:
            self.total = self.full
            return
        full_epochs = fits // self.steps_per_epoch * self.steps_per_epoch
        self.total = max(full_epochs if full_epochs > step else fits, step + 1)

    def is_over(self, step: int) -> bool:
        """True when no step is left."""
        return step >= self.total
