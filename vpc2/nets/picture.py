"""A net drawn as a row of solid volumes, to scale, as one SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

from vpc2.nets.facts import Summary
from vpc2.nets.joins import shape_text
from vpc2.nets.layers import LAYERS

# Okabe-Ito, the same on every page: convolution blue, pooling green, normalisation grey, activation yellow, dense purple, reshaping sky.
COLOURS = {
    "convolution": "#0072B2",
    "pooling": "#009E73",
    "normalisation": "#8A8A8A",
    "activation": "#E6B800",
    "dense": "#AA5F94",
    "reshaping": "#56B4E9",
    "regularisation": "#B0AFA8",
}
INPUT = "#C8C4BC"
_SLABS = ("activation", "normalisation", "regularisation")
_TALLEST_PX, _LEAST_PX, _GAP_PX, _SLAB_PX, _TOP_PX, _FOOT_PX = 130.0, 5.0, 26.0, 5.0, 26.0, 46.0


@dataclass(frozen=True)
class _Solid:
    """One volume or bar on the page: where it stands and how large it is, in pixels."""

    x: float
    width: float
    height: float
    depth: float
    colour: str
    title: str
    name: str
    shape: str
    is_problem: bool


def _side_px(side: int, largest: int) -> float:
    """Return the drawn length of a side: true to scale in its square root, which keeps 7 visible beside 224."""
    return max(_LEAST_PX, _TALLEST_PX * math.sqrt(side / max(largest, 1)))


def _channels_px(channels: int) -> float:
    return 4.0 + 5.5 * math.log2(1 + channels)


def _solids(summary: Summary, input_shape: tuple[int, int, int], input_name: str) -> list[_Solid]:
    largest = max(input_shape[1:])
    solids, x = [], 34.0
    steps = [(None, "", input_shape), *((facts, facts.kind, facts.output) for facts in summary.layers)]
    last_shape: tuple[int, ...] | None = None
    for facts, kind, shape in steps:
        colour = INPUT if facts is None else COLOURS.get(LAYERS[kind].family, INPUT)
        is_problem = facts is not None and facts.problem is not None
        if shape is None and not is_problem:
            break
        is_slab = facts is not None and LAYERS[kind].family in _SLABS and shape == last_shape and not is_problem
        shape = shape or last_shape or input_shape
        if len(shape) == 3:
            height, depth = _side_px(shape[1], largest), 0.32 * _side_px(shape[2], largest)
            width = _SLAB_PX if is_slab else _channels_px(shape[0])
        else:
            height, depth, width = 18.0 + 9.0 * math.log2(1 + shape[0]), 4.0, _SLAB_PX if is_slab else 12.0
        if is_slab and solids:
            x -= _GAP_PX - 3.0
        name = "" if is_slab else (input_name if facts is None else facts.name)
        title = f"{name or kind}: {shape_text(shape)}"
        solids.append(_Solid(x, width, height, depth, colour, title, name, "" if is_slab else shape_text(shape), is_problem))
        x += width + depth * 0.75 + _GAP_PX
        last_shape = shape
    return solids


def to_svg(
    summary: Summary, input_shape: tuple[int, int, int], *, ink: str = "#333333", problem_ink: str = "#C4320A", input_name: str = "input"
) -> str:
    """Return the net as an SVG: sides by the square root of their pixels, widths by the logarithm of the channels.

    Layers that change nothing but values (activation, normalisation, dropout) are thin slabs behind the volume they
    belong to. A layer that does not fit is outlined in `problem_ink`, and what follows it is not drawn.
    """
    solids = _solids(summary, input_shape, input_name)
    end = max((s.x + s.width + s.depth for s in solids), default=0.0) + 40
    height = _TOP_PX + max((s.height + s.depth * 0.6 for s in solids), default=0.0) + _FOOT_PX
    middle = _TOP_PX + (height - _TOP_PX - _FOOT_PX) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {end:.0f} {height:.0f}" width="{end:.0f}" height="{height:.0f}" '
        f'font-family="system-ui, sans-serif" font-size="10.5" fill="{ink}">'
    ]
    lowest = False
    for solid in solids:
        rise = solid.depth * 0.6
        top = middle - (solid.height - rise) / 2
        x0, x1, dx = solid.x, solid.x + solid.width, solid.depth * 0.75
        bottom = top + solid.height
        edge = problem_ink if solid.is_problem else "#00000033"
        stroke = f'stroke="{edge}" stroke-width="{2 if solid.is_problem else 0.6}" stroke-linejoin="round"'
        parts.append(
            f"<g><title>{escape(solid.title)}</title>"
            f'<path d="M{x0:.1f} {top:.1f}h{solid.width:.1f}v{solid.height:.1f}h-{solid.width:.1f}z" fill="{solid.colour}" {stroke}/>'
            f'<path d="M{x0:.1f} {top:.1f}l{dx:.1f} -{rise:.1f}h{solid.width:.1f}L{x1:.1f} {top:.1f}z" '
            f'fill="{solid.colour}" fill-opacity=".55" {stroke}/>'
            f'<path d="M{x1:.1f} {top:.1f}l{dx:.1f} -{rise:.1f}v{solid.height:.1f}L{x1:.1f} {bottom:.1f}z" '
            f'fill="{solid.colour}" fill-opacity=".78" {stroke}/>'
        )
        if solid.name:
            # Neighbours' labels stand on two lines in turns, so that narrow volumes do not write over each other.
            y = height - (20 if lowest else 34)
            lowest = not lowest
            centre = x0 + solid.width / 2
            colour = f' fill="{problem_ink}"' if solid.is_problem else ""
            parts.append(f'<text x="{centre:.1f}" y="{y:.0f}" text-anchor="middle"{colour}>{escape(solid.shape)}</text>')
            parts.append(
                f'<text x="{centre:.1f}" y="{top - rise - 6:.1f}" text-anchor="middle" opacity=".75"{colour}>{escape(solid.name)}</text>'
            )
        parts.append("</g>")
    parts.append("</svg>")
    return "".join(parts)
