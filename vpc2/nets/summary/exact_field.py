"""The way back from a layer to the picture, window by window: exactly what one unit sees. Standard library only.

A span of a layer's places is followed back through the layers before it; where branches meet, the spans of all of them are joined.
With `is_inside` only real values are followed, as a gradient is; without, padding counts as if the picture went on there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vpc2.nets.layers.window_rules import Span, Windows, hull

FURTHEST = 10**12  # places are followed up to here: absurd strides would outgrow every float


class Hop(Protocol):
    """One step back: what a span of a layer's outputs along one side (0 height, 1 width) looks at in its input."""

    @property
    def is_even(self) -> bool: ...

    @property
    def cost(self) -> int: ...

    def back(self, axis: int, span: Span, is_inside: bool) -> Span | None: ...


@dataclass(frozen=True, eq=False, slots=True)
class Route:
    """The way to a layer's outputs: the last hop, and the way before it, None at the picture.

    `is_even` where all units of the layer see equally much, each next one equally far further; `cost` is how many windows one unit is
    followed through.
    """

    hop: Hop
    before: Route | None
    is_even: bool
    cost: int


def extend(route: Route | None, hop: Hop) -> Route:
    """Return a way with one more hop."""
    return Route(hop, route, hop.is_even and (route is None or route.is_even), hop.cost + cost_of(route))


def cost_of(route: Route | None) -> int:
    """Return how many windows one unit is followed through on its way back, 0 at the picture."""
    return route.cost if route else 0


def follow(route: Route | None, axis: int, span: Span | None, *, is_inside: bool, until: Route | None = None) -> Span | None:
    """Return the places of the picture (or of where `until` leads) that a span of outputs looks at, None where at nothing."""
    while route is not until and span is not None:
        assert route is not None  # `until` stands on the way to the picture
        span = route.hop.back(axis, span, is_inside)
        route = route.before
    return span and (max(span[0], -FURTHEST), min(span[1], FURTHEST))


@dataclass(frozen=True, eq=False, slots=True)
class Through:
    """A layer with a window; `sides` is the height and width of what comes in."""

    windows: Windows
    sides: tuple[int, int]
    cost: int = 1

    @property
    def is_even(self) -> bool:
        return self.windows[0].is_even and self.windows[1].is_even

    def back(self, axis: int, span: Span, is_inside: bool) -> Span | None:
        return self.windows[axis].seen(span, self.sides[axis] if is_inside else None)


@dataclass(frozen=True, eq=False, slots=True)
class Everything:
    """A dense layer: it looks at all places that come in."""

    sides: tuple[int, int]
    is_even: bool = True
    cost: int = 1

    def back(self, axis: int, span: Span, is_inside: bool) -> Span:
        return 0, self.sides[axis] - 1


@dataclass(frozen=True, eq=False, slots=True)
class Fork:
    """Branches that begin at `start` and meet again."""

    start: Route | None
    ends: tuple[Route | None, ...]
    is_even: bool

    @property
    def cost(self) -> int:
        return sum(cost_of(end) - cost_of(self.start) for end in self.ends)

    def back(self, axis: int, span: Span, is_inside: bool) -> Span | None:
        return hull(follow(end, axis, span, is_inside=is_inside, until=self.start) for end in self.ends)


@dataclass(frozen=True, eq=False, slots=True)
class Loop:
    """`times` copies in a row of the way from `start` to `end`; `side` is that of the picture between them."""

    start: Route | None
    end: Route | None
    times: int
    sides: tuple[int, int]
    is_even: bool

    @property
    def cost(self) -> int:
        return (cost_of(self.end) - cost_of(self.start)) * min(self.times, 3 if self.is_even else max(self.sides))

    def back(self, axis: int, span: Span, is_inside: bool) -> Span | None:
        grown = None
        for done in range(1, self.times + 1):
            now = follow(self.end, axis, span, is_inside=is_inside, until=self.start)
            if now is None or now == span:
                return now
            growth = now[0] - span[0], now[1] - span[1]
            # Copies that are even grow by the same each time; where all of the picture is seen, only what lies outside grows on.
            if not is_inside and (self.is_even and growth == grown or now[0] <= 0 and now[1] >= self.sides[axis] - 1):
                more = self.times - done
                return max(now[0] + more * growth[0], -FURTHEST), min(now[1] + more * growth[1], FURTHEST)
            if now[0] <= -FURTHEST or now[1] >= FURTHEST:
                return now
            span, grown = now, growth
        return span


def is_even_between(start: Route | None, end: Route | None) -> bool:
    """True where every hop from `start` to `end` has windows that are all alike."""
    while end is not start:
        assert end is not None  # `start` stands on the way to the picture
        if not end.hop.is_even:
            return False
        end = end.before
    return True
