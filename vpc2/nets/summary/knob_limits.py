"""How far each knob of a layer may go for the shape that comes in, so that an impossible layer cannot be dialled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vpc2.knobs import Pair, Whole
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.shape_rules import Misfit, Shape

Reach = Sequence[int]  # the values that fit, in order: a range, or the divisors there are


def reachable(kind: str, params: dict[str, Any], shape: Shape) -> dict[str, tuple[Reach, ...]]:
    """Return, for each whole-number knob of a layer, the values around today's at which it fits `shape`, everything else kept.

    A knob of two sides has one entry where both are the same number, and two, for height and width, where they differ.
    Empty where the layer does not fit now.
    """
    entry = LAYERS[kind]

    def fits(key: str, value: Any) -> bool:
        try:
            entry.output({**params, key: value}, shape)
        except Misfit:
            return False
        return True

    found: dict[str, tuple[Sequence[int], ...]] = {}
    for knob in entry.knobs:
        now = params[knob.key]
        if not isinstance(knob, Whole | Pair) or isinstance(now, str) or not fits(knob.key, now):
            continue
        if isinstance(now, list):
            high = _around(lambda side, key=knob.key, other=now[1]: fits(key, [side, other]), now[0], knob)
            wide = _around(lambda side, key=knob.key, other=now[0]: fits(key, [other, side]), now[1], knob)
            found[knob.key] = (high, wide)
        elif knob.key in entry.divides:
            found[knob.key] = (tuple(n for n in _divisors(shape[0]) if n <= knob.high and fits(knob.key, n)),)
        elif step := params.get(dict(entry.multiples).get(knob.key, "")):
            found[knob.key] = (range(step, knob.high + 1, step),)
        else:
            found[knob.key] = (_around(lambda value, key=knob.key: fits(key, value), now, knob),)
    return found


def _around(fits: Any, now: int, knob: Whole | Pair) -> range:
    """Return the span of values around `now` that fit; between `now` and a bound, what fits comes first."""
    return range(_furthest(fits, now, knob.low), _furthest(fits, now, knob.high) + 1)


def _furthest(fits: Any, now: int, bound: int) -> int:
    """Return the last value from `now` towards `bound` that fits, by halving."""
    if fits(bound):
        return bound
    good, bad = now, bound
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good


def _divisors(number: int) -> tuple[int, ...]:
    return tuple(n for n in range(1, number + 1) if number % n == 0)
