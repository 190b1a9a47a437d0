"""Sweeps over the strength of one step: which knobs are its strength, and the pipelines of a sweep, all else unchanged.

Standard library only.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from vpc2.augment.operations.catalog import OPS
from vpc2.augment.operations.operation import Operation
from vpc2.augment.spec import Pipeline, edit_step
from vpc2.knobs import Knob, Number, Span, Whole

STRENGTHS = 8


def strengths_of(entry: Operation) -> dict[str, float]:
    """Return the knobs that are an operation's strength, each with the value that changes nothing (or least).

    For an operation that names none (a flip, an inversion) it is the probability, where it has one.
    """
    return dict(entry.strengths or [(knob.key, 0.0) for knob in entry.knobs if knob.key == "p"])


def strength_at(knob: Knob, neutral: float, share: float) -> Any:
    """Return a knob's value at a share (0 to 1) of the way from `neutral` to its limits.

    A span widens to both sides, a number moves to its farther limit.
    """
    if isinstance(knob, Span):
        kind = int if knob.whole else float
        return [kind(_round(neutral + share * (end - neutral), 1 if knob.whole else knob.step, knob)) for end in (knob.low, knob.high)]
    if not isinstance(knob, Number | Whole):
        raise TypeError(f"{knob.key} of {type(knob).__name__} has no way to grow stronger")
    far = knob.high if knob.high - neutral >= neutral - knob.low else knob.low
    value = neutral + share * (far - neutral)
    if isinstance(knob, Whole):
        return int(_round(value, 2, knob, knob.low | 1) if knob.odd else _round(value, 1, knob))
    return _round(value, knob.step, knob)


def _round(value: float, step: float, knob: Number | Whole | Span, start: float = 0.0) -> float:
    """Return the nearest round value, within the limits."""
    return min(max(round(start + round((value - start) / step) * step, 9), knob.low), knob.high)


def edit_strengths(pipeline: Pipeline, step_id: str, key: str) -> list[tuple[Any, Pipeline]]:
    """Return the sweep of one knob of one step: at most `STRENGTHS` rising values, each with its pipeline.

    The first has the value None: the step is off. In all others it is applied to every draw, unless its probability is what rises; every
    other step, and every seed, stays the same.
    """
    step = next(step for step in pipeline.steps if step.id == step_id)
    entry = OPS[step.op]
    knob, neutral = entry.knob(key), strengths_of(entry)[key]
    always = {"p": 1.0} if "p" in step.params else {}
    sweep: list[tuple[Any, Pipeline]] = [(None, edit_step(pipeline, step_id, lambda step: replace(step, on=False)))]
    for i in range(1, STRENGTHS + 1):
        value = knob.clean(strength_at(knob, neutral, i / STRENGTHS))
        if value != sweep[-1][0]:
            params = {**step.params, **always, key: value}
            sweep.append((value, edit_step(pipeline, step_id, partial(replace, on=True, params=params))))
    return sweep
