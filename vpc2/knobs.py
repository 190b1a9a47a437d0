"""Knobs: the types of parameters, with their names, ranges and validation.

A knob is the only validator of its value: the page, a JSON file, a link and the command line all call `clean`. Values are plain JSON
(numbers, strings, booleans, lists), so a spec is serialised without conversion.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from vpc2.text import Refusal, Text, shown

_NOT_A_NUMBER = Text("{name} must be a number, not {value}.")
_NOT_FINITE = Text("{name} must be a number within bounds.")
_NOT_WHOLE = Text("{name} must be a whole number, not {value}.")
_OUT_OF_RANGE = Text("{name} must lie between {low:,} and {high:,}; {value} does not.")
_NOT_ODD = Text("{name} must be odd; {value} is even.")
_NOT_A_PAIR = Text("{name} must be one whole number or two, height and width; {value} is not.")
_NOT_A_SPAN = Text("{name} must be two numbers, the lower first; {value} is not.")
_NOT_AN_OPTION = Text("{name} must be one of {options}; {value} is not.")
_NOT_A_FLAG = Text("{name} must be true or false, not {value}.")


@dataclass(frozen=True, kw_only=True)
class Knob:
    """One parameter of an entry.

    `key` is the target's own argument name, `aliases` older or shorter names accepted in files, `unit` the unit ("px", "°"), and `scales`
    is True where the value is a length in pixels of the picture, so that a preview at another size must scale it.
    """

    key: str
    title: Text
    default: object
    help: Text = Text("")
    aliases: tuple[str, ...] = ()
    unit: str = ""
    scales: bool = False

    def clean(self, value: object) -> object:
        """Return `value` in its canonical form; raise `Refusal` naming this knob for an invalid one."""
        raise TypeError(f"{type(self).__name__} has no rule of its own")

    def refuse(self, text: Text, value: object, **values: object) -> Refusal:
        """Return the refusal of `value`, to be raised."""
        return Refusal(text.fill(name=self.title, value=shown(value), **values), field=self.key)

    def extremes(self) -> tuple[object, ...]:
        """Return the default and the extreme allowed values; every one of them must work (tested for every entry)."""
        return (self.default,)


def _finite(knob: Knob, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise knob.refuse(_NOT_A_NUMBER, value)
    if isinstance(value, int) and value.bit_length() > 64 or not math.isfinite(value):
        raise knob.refuse(_NOT_FINITE, value)
    return value


@dataclass(frozen=True, kw_only=True)
class Number(Knob):
    """A real number in [low, high]."""

    low: float
    high: float
    step: float = 0.01

    def clean(self, value: object) -> float:
        number = float(_finite(self, value))
        if not self.low <= number <= self.high:
            raise self.refuse(_OUT_OF_RANGE, value, low=self.low, high=self.high)
        return number

    def extremes(self) -> tuple[object, ...]:
        return (self.default, self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Whole(Knob):
    """An integer in [low, high]; only odd ones where `odd` is set."""

    low: int
    high: int
    odd: bool = False

    def clean(self, value: object) -> int:
        number = _finite(self, value)
        if number != int(number):
            raise self.refuse(_NOT_WHOLE, value)
        if not self.low <= number <= self.high:
            raise self.refuse(_OUT_OF_RANGE, value, low=self.low, high=self.high)
        if self.odd and number % 2 == 0:
            raise self.refuse(_NOT_ODD, value)
        return int(number)

    def extremes(self) -> tuple[object, ...]:
        return (self.default, self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Pair(Knob):
    """An integer in [low, high] for both sides of a picture, or two of them, [height, width]; or one of `words`."""

    low: int
    high: int
    words: dict[str, Text] = field(default_factory=dict)

    def clean(self, value: object) -> int | str | list[int]:
        if isinstance(value, str) and self.words:
            if value not in self.words:
                raise self.refuse(_NOT_AN_OPTION, value, options=", ".join(self.words))
            return value
        if not isinstance(value, list | tuple):
            return self._clean_side(value)
        if len(value) != 2:
            raise self.refuse(_NOT_A_PAIR, value)
        height, width = (self._clean_side(side) for side in value)
        return height if height == width else [height, width]

    def _clean_side(self, value: object) -> int:
        number = _finite(self, value)
        if number != int(number):
            raise self.refuse(_NOT_WHOLE, value)
        if not self.low <= number <= self.high:
            raise self.refuse(_OUT_OF_RANGE, value, low=self.low, high=self.high)
        return int(number)

    def extremes(self) -> tuple[object, ...]:
        return (self.default, self.low, self.high, [self.low, self.low + 1], *self.words)


@dataclass(frozen=True, kw_only=True)
class Span(Knob):
    """A pair [from, to] inside [low, high], from which each draw samples one number.

    Where `symmetric` is set, a single number d means [-d, d], as in Kornia's `degrees=15`. `whole` requires integers.
    """

    low: float
    high: float
    step: float = 0.01
    whole: bool = False
    symmetric: bool = False

    def clean(self, value: object) -> list:
        if self.symmetric and isinstance(value, int | float) and not isinstance(value, bool):
            value = [-value, value]
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise self.refuse(_NOT_A_SPAN, value)
        ends = [_finite(self, end) for end in value]
        if self.whole and any(end != int(end) for end in ends):
            raise self.refuse(_NOT_WHOLE, next(end for end in ends if end != int(end)))
        if ends[0] > ends[1]:
            raise self.refuse(_NOT_A_SPAN, f"{ends[0]:g}, {ends[1]:g}")
        for end in ends:
            if not self.low <= end <= self.high:
                raise self.refuse(_OUT_OF_RANGE, end, low=self.low, high=self.high)
        return [int(end) if self.whole else float(end) for end in ends]

    def extremes(self) -> tuple[object, ...]:
        return (self.default, [self.low, self.low], [self.high, self.high], [self.low, self.high])


@dataclass(frozen=True, kw_only=True)
class Choice(Knob):
    """One key of `options`, a table from key to its title."""

    options: Mapping[str, Text] = field(default_factory=dict)

    def clean(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise self.refuse(_NOT_AN_OPTION, value, options=", ".join(self.options))
        return value

    def extremes(self) -> tuple[object, ...]:
        return (self.default, *self.options)


@dataclass(frozen=True, kw_only=True)
class Flag(Knob):
    """A boolean."""

    def clean(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise self.refuse(_NOT_A_FLAG, value)
        return value

    def extremes(self) -> tuple[object, ...]:
        return (self.default, False, True)
