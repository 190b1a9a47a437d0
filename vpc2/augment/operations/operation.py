"""The entry of an operation, and the knobs that many of them share. Standard library only; the table is `catalog.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from vpc2.catalog import Entry
from vpc2.knobs import Knob, Number, Span, Whole
from vpc2.text import Text


@dataclass(frozen=True, kw_only=True)
class Operation(Entry):
    """One operation of Kornia.

    `pairs` are numeric knobs that Kornia takes twice, `tensors` spans that it takes as tensors; `is_sized` is True where it takes the
    picture's size. `shows` names the sampled values to show: Kornia's name, label, unit. `needs_side_px` gives the smallest side it works
    on; smaller pictures pass unchanged with a note. Labels do not follow where `moves_labels` is False on a geometric operation (Kornia
    leaves boxes and points where they were). `is_policy` marks an automatic policy, which draws operations itself and has no probability.
    `strengths` names the knobs that are its strength, the most important first, each with the value that changes nothing (or least).
    `preview_note` says why a small draw is not the large one downscaled, None where it is. `quick` names a class that computes the same on
    a CPU faster.

    `torchvision` and `albumentations` are the nearest call in those libraries, with parameters in braces; empty where there is none. At
    fixed values it makes the same picture, up to `gaps`: a library and the mean difference of its pictures in units of 255. `unlike` says
    what else differs there: how values are sampled.
    """

    pairs: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()
    is_sized: bool = False
    fixed: tuple[tuple[str, Any], ...] = ()
    shows: tuple[tuple[str, Text, str], ...] = ()
    needs_side_px: Callable[[dict[str, Any]], int] = lambda params: 1
    moves_labels: bool = True
    is_policy: bool = False
    strengths: tuple[tuple[str, float], ...] = ()
    preview_note: Text | None = None
    quick: str = ""
    torchvision: str = ""
    albumentations: str = ""
    gaps: tuple[tuple[str, float], ...] = ()
    unlike: tuple[tuple[str, str], ...] = ()

    def resolve_quick(self) -> Any:
        """Return the object named by `quick`, or by `target` where there is none; imports its module."""
        return replace(self, target=self.quick or self.target).resolve()


def chance(default: float = 0.5) -> Number:
    return Number(
        key="p",
        title=Text("Chance"),
        default=default,
        low=0.0,
        high=1.0,
        step=0.05,
        help=Text("How often the step is applied at all: 1 is always."),
    )


def span(key: str, title: Text, default: tuple[float, float], low: float, high: float, step: float = 0.01, **more: Any) -> Span:
    return Span(key=key, title=title, default=list(default), low=low, high=high, step=step, **more)


def kernel(default: int, high: int = 31, low: int = 3) -> Whole:
    return Whole(key="kernel_size", title=Text("Kernel"), default=default, low=low, high=high, odd=True, unit="px", scales=True)


def operation(key: str, family: str, title: Text, help_: Text, *knobs: Knob, p: float = 0.5, **more: Any) -> Operation:
    """Return an operation of Kornia with its probability as the last knob."""
    return Operation(
        key=key,
        family=family,
        title=title,
        help=help_,
        knobs=(*knobs, chance(p)),
        **{"target": f"kornia.augmentation.{key}", **more},
    )


NO_LABEL = Text("")
ANGLE = Text("angle")
TURNS = Text("Positive angles turn counter-clockwise.")
SLANTS = Text("Positive angles push the top to the right and the bottom to the left.")
SCALE = Text("scale")


def reflects(params: dict[str, Any]) -> int:
    """Return the smallest side that a kernel with reflection padding works on."""
    return params["kernel_size"] // 2 + 1
