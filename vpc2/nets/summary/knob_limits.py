"""The values of a layer's parameters that fit its input shape, so that the form offers no impossible ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vpc2.knobs import Pair, Whole
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.shape_rules import Shape, ShapeMismatch

FittingValues = Sequence[int]  # in rising order: a range, or divisors


def fitting_values(kind: str, params: dict[str, Any], shape: Shape) -> dict[str, tuple[FittingValues, ...]]:
    """Return, for each whole-number knob of a layer, the values around the present one at which it fits `shape`, all others unchanged.

    A knob of two sides has one entry where both are the same number, and two, for height and width, where they differ.
    Empty where the layer does not fit at present.
    """
    entry = LAYERS[kind]

    def fits(key: str, value: Any) -> bool:
        try:
            entry.output({**params, key: value}, shape)
        except ShapeMismatch:
            return False
        return True

    limits: dict[str, tuple[FittingValues, ...]] = {}
    for knob in entry.knobs:
        value = params[knob.key]
        if not isinstance(knob, Whole | Pair) or isinstance(value, str) or not fits(knob.key, value):
            continue
        if isinstance(value, list):
            heights = _around(lambda side, key=knob.key, other=value[1]: fits(key, [side, other]), value[0], knob)
            widths = _around(lambda side, key=knob.key, other=value[0]: fits(key, [other, side]), value[1], knob)
            limits[knob.key] = (heights, widths)
        elif knob.key in entry.divides:
            limits[knob.key] = (tuple(n for n in _divisors(shape[0]) if n <= knob.high and fits(knob.key, n)),)
        elif step := params.get(dict(entry.multiples).get(knob.key, "")):
            limits[knob.key] = (range(step, knob.high + 1, step),)
        else:
            limits[knob.key] = (_around(lambda value, key=knob.key: fits(key, value), value, knob),)
    return limits


def _around(fits: Any, value: int, knob: Whole | Pair) -> range:
    """Return the range of values around `value` that fit; between `value` and a bound, those that fit come first."""
    return range(_furthest(fits, value, knob.low), _furthest(fits, value, knob.high) + 1)


def _furthest(fits: Any, value: int, bound: int) -> int:
    """Return the last value from `value` towards `bound` that fits, by bisection."""
    if fits(bound):
        return bound
    fitting, failing = value, bound
    while abs(failing - fitting) > 1:
        middle = (fitting + failing) // 2
        fitting, failing = (middle, failing) if fits(middle) else (fitting, middle)
    return fitting


def _divisors(number: int) -> tuple[int, ...]:
    return tuple(n for n in range(1, number + 1) if number % n == 0)
