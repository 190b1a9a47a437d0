"""The Build page's view "See it": what a unit sees, one window in numbers, and what a photograph becomes inside the net."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from vpc2.nets.drawing.layout import COLOURS
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.nets.summary.receptive_field import Rectangle, field_of, fields_up_to, pixels_reaching, whole_image_layers
from vpc2.ui.build.unit_selection import ACCENT, chosen_unit, move_place
from vpc2.ui.components.point_picker import point_picker
from vpc2.ui.computed import net_views
from vpc2.ui.session.i18n import _, number, percent
from vpc2.ui.widgets import page_frame

if TYPE_CHECKING:
    pass

MOST_SHOWN = 12  # rectangles in one picture
SPREAD = 0.7  # with a smaller part of its field than this, a unit is moved by the middle of it

Photo = dict[str, Any]


def sides_text(rectangle: Rectangle) -> str:
    return f"{number(rectangle.height)}\u00a0×\u00a0{number(rectangle.width)}"


def _box(rectangle: Rectangle, net: Net) -> list[float]:
    height, width = net.input[1:]
    inside = rectangle.clipped(height, width)
    return [inside.left / width, inside.top / height, inside.right / width, inside.bottom / height]


def draw_field(net: Net, summary: Summary, facts: LayerFacts, photo: Photo) -> None:
    """Draw what one unit can see, layer by layer, and beside it what really moves it."""
    assert facts.output is not None
    unit = chosen_unit(net, facts)
    field, whole = field_of(facts, unit), Rectangle(0, 0, net.input[1], net.input[2])
    inside = pixels_reaching(facts, unit)
    said = _("One unit of {layer} sees {field} of {all} pixels: {share} of the picture.").format(
        layer=facts.name, field=sides_text(inside), all=sides_text(whole), share=percent(inside.area / whole.area, None)
    )
    if inside == whole:
        said = _("One unit of {layer} sees all {all} pixels.").format(layer=facts.name, all=sides_text(whole))
    st.markdown(f"#### {said}")
    notes = []
    if len(facts.output) == 3:
        row, column = (number(index + 1) for index in unit)
        notes.append(
            _("Unit in row {row} of {rows}, column {column} of {columns}.").format(
                row=row, rows=number(facts.output[1]), column=column, columns=number(facts.output[2])
            )
        )
    if LAYERS[facts.kind].family == "dense":
        notes.append(_("A dense layer looks at everything that reaches it, at every place."))
    elif inside.area < field.area:
        notes.append(
            _("Its field is {field} pixels; {share} of it lies outside, in the padding.").format(
                field=sides_text(field), share=percent(1 - inside.area / field.area, None)
            )
        )
    st.caption(" ".join(notes))
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_theoretical(net, summary, facts, photo, unit, said)
    with right:
        page_frame.guarded(_draw_effective, net, summary, facts, photo, unit, field)


def _draw_theoretical(net: Net, summary: Summary, facts: LayerFacts, photo: Photo, unit: tuple[int, int], said: str) -> None:
    fields = fields_up_to(summary, facts.id, unit)
    if len(fields) > MOST_SHOWN:  # the last one, and others evenly
        fields = [fields[i * (len(fields) - 1) // (MOST_SHOWN - 1)] for i in range(MOST_SHOWN)]
    rectangles = [
        {
            "box": _box(field, net),
            "colour": ACCENT if one is facts else COLOURS.get(LAYERS[one.kind].family, ACCENT),
            "said": f"{one.name}: {sides_text(field)} px",
        }
        for one, field in fields
    ]
    st.markdown(f"**{_('What it can see: the theoretical receptive field')}**")
    words = {
        "image": said,
        "hint": _("Click on the photograph, or use the arrow keys, to choose another unit."),
        "film": _("Layer by layer"),
        "play": _("Layer by layer"),
    }
    point_picker(net_views.photographed(photo, net.input), rectangles, key="see/field", words=words, on_event=move_place(net, facts))


def _draw_effective(net: Net, summary: Summary, facts: LayerFacts, photo: Photo, unit: tuple[int, int], field: Rectangle) -> None:
    st.markdown(f"**{_('What moves it: the effective receptive field')}**")
    with st.spinner(_("Asking the gradient…")):
        found = net_views.effective(net, facts.id, unit)
    if found.is_dead:
        st.info(_("No pixel moves this unit: its gradient is zero in all {n} draws.").format(n=found.runs), icon=":material/info:")
        return
    inside = field.clipped(*net.input[1:])
    share = found.energy_pixels / max(inside.area, 1)
    said = _("{n} pixels hold 95 % of its gradient: {share} of what it can see.").format(
        n=number(found.energy_pixels), share=percent(min(share, 1), None)
    )
    finding = (
        _("Most of it is in the middle, as Luo and others found.")
        if share < SPREAD
        else _("So far it uses most of what it sees; the more layers, the more only the middle counts.")
    )
    outside = 1 - found.share_inside(field)
    if outside > 5e-4 and (names := whole_image_layers(summary, facts.id)):
        finding = _("{share} comes from outside of the rectangle: {layers} looks at the whole picture.").format(
            share=percent(outside, None), layers=", ".join(names)
        )
    words = {"image": said, "hint": _("The brighter, the more the unit moves with this pixel. The frame is what it can see.")}
    point_picker(
        net_views.heated(photo, net, found),
        [{"box": _box(field, net), "colour": ACCENT, "said": ""}],
        key="see/effective",
        words=words,
        on_event=move_place(net, facts),
        is_pixelated=True,
    )
    st.markdown(f"**{said}** {finding}")
    st.caption(
        _(
            "Squared gradient of a random mix of the unit's channels, averaged over {n} draws of fresh weights and pictures of noise "
            "(Luo and others, 2016)."
        ).format(n=found.runs)
    )
