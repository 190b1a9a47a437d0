"""SVG of a net: the exported file, and the SVG paths that the canvas draws."""

from __future__ import annotations

from collections.abc import Collection
from xml.sax.saxutils import escape

from vpc2.nets.drawing.volumes import JOINT, LINE, NAME_ABOVE, Joint, Solid, Wire, lay_out_net
from vpc2.nets.summary.layer_summary import Summary
from vpc2.version import APP

_CORNER = 8.0  # the radius of a wire's bend


def faces(solid: Solid) -> tuple[tuple[str, str], ...]:
    """Return path and colour of a solid's front, top and side, from the upper left corner of the front; flat solids have only a front."""
    w, h, dx, dy = solid.width, solid.height, solid.back_dx, solid.back_dy
    front = (f"M0 0h{w:.1f}v{h:.1f}h-{w:.1f}z", solid.colour)
    if not solid.depth:
        return (front,)
    top = (f"M0 0l{dx:.1f} -{dy:.1f}h{w:.1f}l-{dx:.1f} {dy:.1f}z", _lighter(solid.colour, 0.42))
    return front, top, (f"M{w:.1f} 0l{dx:.1f} -{dy:.1f}v{h:.1f}l-{dx:.1f} {dy:.1f}z", _lighter(solid.colour, 0.16))


def _lighter(colour: str, white: float) -> str:
    """Return a colour (#RRGGBB) mixed with the share `white` (0 to 1) of white."""
    return "#" + "".join(f"{round(int(colour[i : i + 2], 16) * (1 - white) + 255 * white):02X}" for i in (1, 3, 5))


def stripes_path(solid: Solid) -> str:
    """Return the path of the stripes on the front of a closed block, which show that it contains layers."""
    return "".join(f"M{solid.width * share:.1f} 0v{solid.height:.1f}" for share in (1 / 3, 2 / 3))


def wire_path(wire: Wire) -> str:
    """Return the path of a wire with rounded bends."""
    corners = wire.corners
    path = f"M{corners[0][0]:.1f} {corners[0][1]:.1f}"
    for previous, corner, following in zip(corners, corners[1:], corners[2:], strict=False):
        bend_start, bend_end = _toward(corner, previous), _toward(corner, following)
        path += f"L{bend_start[0]:.1f} {bend_start[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {bend_end[0]:.1f} {bend_end[1]:.1f}"
    return f"{path}L{corners[-1][0]:.1f} {corners[-1][1]:.1f}"


def arrow_path(wire: Wire) -> str:
    """Return the path of the arrowhead at the end of a wire, empty where it has none."""
    if not wire.has_arrow:
        return ""
    (x0, y0), (x, y) = wire.corners[-2:]
    dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
    return f"M{x:.1f} {y:.1f}l{-6 * dx - 3.5 * dy:.1f} {-6 * dy - 3.5 * dx:.1f}l{7 * dy:.1f} {7 * dx:.1f}z"


def _toward(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Return the point on the way from a corner to `other` where the bend begins: its radius away, at most half of the way."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = abs(dx) + abs(dy)
    share = min(_CORNER, length / 2) / length if length else 0.0
    return corner[0] + dx * share, corner[1] + dy * share


def sign_path(joint: Joint) -> str:
    """Return the path of the sign in the circle of a joint."""
    x, y, r = joint.x, joint.y, JOINT * 0.5
    if joint.sign == "+":
        return f"M{x - r:.1f} {y:.1f}h{2 * r:.1f}M{x:.1f} {y - r:.1f}v{2 * r:.1f}"
    if joint.sign == "×":
        return f"M{x - 3:.1f} {y - 3:.1f}l6 6M{x + 3:.1f} {y - 3:.1f}l-6 6"
    return f"M{x - 3:.1f} {y - r:.1f}v{2 * r:.1f}M{x:.1f} {y - r:.1f}v{2 * r:.1f}M{x + 3:.1f} {y - r:.1f}v{2 * r:.1f}"


def to_svg(
    summary: Summary,
    input_shape: tuple[int, int, int],
    opened: Collection[str] = (),
    *,
    ink: str = "#333333",
    ground: str = "none",
    problem_ink: str = "#C4320A",
    language: str = "en",
) -> str:
    """Return the net as an SVG: the same drawing as on the canvas, with the blocks in `opened` drawn open.

    A layer that does not fit is outlined in `problem_ink` and marked; the layers behind it are drawn as ghosts.
    """
    layout = lay_out_net(summary, input_shape, opened)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width:.0f} {layout.height:.0f}" width="{layout.width:.0f}" '
        f'height="{layout.height:.0f}" font-family="system-ui, sans-serif" font-size="11" fill="{ink}"><!-- {APP} -->'
    ]
    if ground != "none":
        parts.append(f'<rect width="100%" height="100%" fill="{ground}"/>')
    frames = [solid for solid in layout.solids if solid.role == "frame"]
    parts += [_frame(solid, problem_ink, language) for solid in frames]
    for wire in layout.wires:
        parts.append(f'<path d="{wire_path(wire)}" fill="none" stroke="{ink}" stroke-opacity=".55" stroke-width="1.3"/>')
        parts += [f'<path d="{arrow_path(wire)}" fill-opacity=".65"/>'] * wire.has_arrow
    parts += [_volume(solid, ink, problem_ink, language) for solid in layout.solids if solid.role != "frame"]
    for joint in layout.joints:
        parts.append(f'<g fill="{ground}" stroke="{ink}" stroke-width="1.4"><circle cx="{joint.x:.1f}" cy="{joint.y:.1f}" r="{JOINT}"/>')
        parts.append(f'<path d="{sign_path(joint)}"/></g>')
    return "".join([*parts, "</svg>"])


def _title(solid: Solid, language: str) -> str:
    lines = " ".join(line.say(language) for line in solid.lines)
    return f"<title>{escape(f'{solid.name.say(language)}: {lines}' if lines else solid.name.say(language))}</title>"


def _frame(solid: Solid, problem_ink: str, language: str) -> str:
    edge = problem_ink if solid.is_problem else solid.colour
    lines = " ".join(line.say(language) for line in solid.lines)
    sides = f'x="{solid.x:.1f}" y="{solid.y:.1f}" width="{solid.width:.1f}" height="{solid.height:.1f}"'
    return (
        f'<g>{_title(solid, language)}<rect {sides} rx="8" fill="{solid.colour}" fill-opacity=".08" stroke="{edge}" stroke-width="1.4"/>'
        f'<text x="{solid.x + 10:.1f}" y="{solid.y + 18:.1f}" font-weight="600">{escape(solid.name.say(language))}'
        f'<tspan dx="8" font-weight="400">{escape(lines)}</tspan></text></g>'
    )


def _volume(solid: Solid, ink: str, problem_ink: str, language: str) -> str:
    is_hollow = solid.is_ghost or solid.role == "slot"
    edge = problem_ink if solid.is_problem else ink if is_hollow else "#00000040"
    stroke = f'stroke="{edge}" stroke-width="{2 if solid.is_problem else 0.8}" stroke-linejoin="round"'
    stroke += ' stroke-dasharray="4 3"' if is_hollow or solid.is_fixed else ""
    parts = [f'<g>{_title(solid, language)}<g transform="translate({solid.x:.1f} {solid.y:.1f})">']
    parts += [f'<path d="{path}" fill="{"none" if is_hollow else colour}" {stroke}/>' for path, colour in faces(solid)]
    if solid.role == "block" and not is_hollow:
        parts.append(f'<path d="{stripes_path(solid)}" fill="none" stroke="#FFFFFF" stroke-opacity=".6"/>')
    parts.append("</g>")
    colour = f' fill="{problem_ink}" font-weight="600"' if solid.is_problem else ""
    _left, top, _right, bottom = solid.box
    if solid.role == "slot":
        middle = solid.y + solid.height / 2 + 4
        parts.append(f'<text x="{solid.centre:.1f}" y="{middle:.1f}" text-anchor="middle">{escape(solid.name.say(language))}</text>')
    elif not solid.is_slab:
        mark = "! " if solid.is_problem else ""
        name = escape(mark + solid.name.say(language))
        parts.append(f'<text x="{solid.centre:.1f}" y="{top - NAME_ABOVE:.1f}" text-anchor="middle"{colour}>{name}</text>')
        for i, line in enumerate(solid.lines):
            y = bottom + 2 + LINE * (i + 1)
            parts.append(f'<text x="{solid.centre:.1f}" y="{y:.1f}" text-anchor="middle"{colour}>{escape(line.say(language))}</text>')
    parts.append("</g>")
    return "".join(parts)
