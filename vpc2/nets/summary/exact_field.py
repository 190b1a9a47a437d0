"""Exact receptive fields: a span of units followed back, window by window, to the input image. Standard library only.

A span of a layer's units is followed back through the layers before it; where branches meet, their spans are united.
With `clips_padding` only real values are followed, as by a gradient; without it, padding counts as if the image continued there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vpc2.nets.layers.window_rules import Span, Windows, hull

MAX_POSITION = 10**12  # positions are clipped here: absurd strides would outgrow every float


class BackwardStep(Protocol):
    """One step back through a layer: from a span of its outputs along one axis (0 height, 1 width) to the span of its inputs.

    `is_uniform` where all its windows are alike; `cost` is the number of windows that one unit is followed through.
    """

    @property
    def is_uniform(self) -> bool: ...

    @property
    def cost(self) -> int: ...

    def input_span(self, axis: int, span: Span, clips_padding: bool) -> Span | None: ...


@dataclass(frozen=True, eq=False, slots=True)
class BackwardPath:
    """The path from a layer's outputs back to the image, as a linked list: the last step, and the path before it (None: the image).

    `is_uniform` where the receptive fields of all units have one size and are equally far apart; `cost` is the number of windows
    that one unit is followed through.
    """

    step: BackwardStep
    previous: BackwardPath | None
    is_uniform: bool
    cost: int


def extend_path(path: BackwardPath | None, step: BackwardStep) -> BackwardPath:
    """Return the path with one more step at its end."""
    return BackwardPath(step, path, step.is_uniform and (path is None or path.is_uniform), step.cost + cost_of(path))


def cost_of(path: BackwardPath | None) -> int:
    """Return the number of windows that one unit is followed through, 0 for a path of length 0."""
    return path.cost if path else 0


def follow_back(
    path: BackwardPath | None, axis: int, span: Span | None, *, clips_padding: bool, until: BackwardPath | None = None
) -> Span | None:
    """Return the span of the image (or of the layer where `until` ends) that a span of outputs depends on, None where on nothing."""
    while path is not until and span is not None:
        assert path is not None  # `until` is on the path to the image
        span = path.step.input_span(axis, span, clips_padding)
        path = path.previous
    return span and (max(span[0], -MAX_POSITION), min(span[1], MAX_POSITION))


@dataclass(frozen=True, eq=False, slots=True)
class WindowLayer:
    """The step through a layer with a window; `sides` are the height and width of its input."""

    windows: Windows
    sides: tuple[int, int]
    cost: int = 1

    @property
    def is_uniform(self) -> bool:
        return self.windows[0].is_uniform and self.windows[1].is_uniform

    def input_span(self, axis: int, span: Span, clips_padding: bool) -> Span | None:
        return self.windows[axis].input_span(span, self.sides[axis] if clips_padding else None)


@dataclass(frozen=True, eq=False, slots=True)
class DenseLayer:
    """The step through a dense layer: every output depends on all inputs; `sides` are the height and width of the last image."""

    sides: tuple[int, int]
    is_uniform: bool = True
    cost: int = 1

    def input_span(self, axis: int, span: Span, clips_padding: bool) -> Span:
        return 0, self.sides[axis] - 1


@dataclass(frozen=True, eq=False, slots=True)
class BranchedLayer:
    """The step through parallel branches, from where they meet (`ends`) back to where they begin (`start`)."""

    start: BackwardPath | None
    ends: tuple[BackwardPath | None, ...]
    is_uniform: bool

    @property
    def cost(self) -> int:
        return sum(cost_of(end) - cost_of(self.start) for end in self.ends)

    def input_span(self, axis: int, span: Span, clips_padding: bool) -> Span | None:
        return hull(follow_back(end, axis, span, clips_padding=clips_padding, until=self.start) for end in self.ends)


@dataclass(frozen=True, eq=False, slots=True)
class RepeatedLayers:
    """The step through `times` copies in sequence of the layers from `start` to `end`; `sides` are those of the image between them."""

    start: BackwardPath | None
    end: BackwardPath | None
    times: int
    sides: tuple[int, int]
    is_uniform: bool

    @property
    def cost(self) -> int:
        return (cost_of(self.end) - cost_of(self.start)) * min(self.times, 3 if self.is_uniform else max(self.sides))

    def input_span(self, axis: int, span: Span, clips_padding: bool) -> Span | None:
        last_growth = None
        for copies in range(1, self.times + 1):
            new = follow_back(self.end, axis, span, clips_padding=clips_padding, until=self.start)
            if new is None or new == span:
                return new
            growth = new[0] - span[0], new[1] - span[1]
            # Uniform copies grow the span by the same each time; once it covers the image, only the part outside still grows.
            if not clips_padding and (self.is_uniform and growth == last_growth or new[0] <= 0 and new[1] >= self.sides[axis] - 1):
                copies_left = self.times - copies
                return max(new[0] + copies_left * growth[0], -MAX_POSITION), min(new[1] + copies_left * growth[1], MAX_POSITION)
            if new[0] <= -MAX_POSITION or new[1] >= MAX_POSITION:
                return new
            span, last_growth = new, growth
        return span


def is_uniform_between(start: BackwardPath | None, end: BackwardPath | None) -> bool:
    """True where every step from `start` to `end` has windows that are all alike."""
    while end is not start:
        assert end is not None  # `start` is on the path to the image
        if not end.step.is_uniform:
            return False
        end = end.previous
    return True
