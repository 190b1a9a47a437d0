"""Build page, tab See it, view Receptive field: the theoretical field of one unit, layer by layer, beside its effective field."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vpc2.nets.drawing.volumes import COLOURS
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.nets.summary.receptive_field import Rectangle, field_of, fields_up_to, pixels_reaching, whole_image_layers
from vpc2.ui.build.unit_selection import ACCENT, chosen_unit, select_unit
from vpc2.ui.components.point_picker import point_picker
from vpc2.ui.computed import net_views
from vpc2.ui.session.i18n import _, number, percent
from vpc2.ui.widgets import page_frame

MAX_RECTANGLES = 12  # in one picture
SPREAD = 0.7  # where 95 % of the gradient lies in a smaller share of the visible pixels, the middle counts most

Photo = dict[str, Any]


def sides_text(rectangle: Rectangle) -> str:
    return f"{number(rectangle.height)}\u00a0×\u00a0{number(rectangle.width)}"


def _box(rectangle: Rectangle, net: Net) -> list[float]:
    height, width = net.input[1:]
    inside = rectangle.clipped(height, width)
    return [inside.left / width, inside.top / height, inside.right / width, inside.bottom / height]


def show_field(net: Net, summary: Summary, facts: LayerFacts, photo: Photo) -> None:
    """Draw the theoretical receptive field of one unit, layer by layer, and beside it the effective one (from gradients)."""
    assert facts.output is not None
    unit = chosen_unit(net, facts)
    field, input_rectangle = field_of(facts, unit), Rectangle(0, 0, net.input[1], net.input[2])
    visible = pixels_reaching(facts, unit)
    sentence = _("One unit of {layer} sees {field} of {all} pixels: {share} of the picture.").format(
        layer=facts.name,
        field=sides_text(visible),
        all=sides_text(input_rectangle),
        share=percent(visible.area / input_rectangle.area, None),
    )
    if visible == input_rectangle:
        sentence = _("One unit of {layer} sees all {all} pixels.").format(layer=facts.name, all=sides_text(input_rectangle))
    st.markdown(f"#### {sentence}")
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
    elif visible.area < field.area:
        notes.append(
            _("Its field is {field} pixels; {share} of it lies outside, in the padding.").format(
                field=sides_text(field), share=percent(1 - visible.area / field.area, None)
            )
        )
    st.caption(" ".join(notes))
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_theoretical(net, summary, facts, photo, unit, sentence)
    with right:
        page_frame.show_or_refuse(_draw_effective, net, summary, facts, photo, unit, field)


def _draw_theoretical(net: Net, summary: Summary, facts: LayerFacts, photo: Photo, unit: tuple[int, int], alt: str) -> None:
    fields = fields_up_to(summary, facts.id, unit)
    if len(fields) > MAX_RECTANGLES:  # the last one, and others evenly
        fields = [fields[i * (len(fields) - 1) // (MAX_RECTANGLES - 1)] for i in range(MAX_RECTANGLES)]
    rectangles = [
        {
            "box": _box(field, net),
            "colour": ACCENT if layer is facts else COLOURS.get(LAYERS[layer.kind].family, ACCENT),
            "caption": f"{layer.name}: {sides_text(field)} px",
        }
        for layer, field in fields
    ]
    st.markdown(f"**{_('What it can see: the theoretical receptive field')}**")
    words = {
        "image": alt,
        "hint": _("Click on the photograph, or use the arrow keys, to choose another unit."),
        "film": _("Layer by layer"),
        "play": _("Layer by layer"),
    }
    point_picker(net_views.resized_photo(photo, net.input), rectangles, key="see/field", words=words, on_event=select_unit(net, facts))


def _draw_effective(net: Net, summary: Summary, facts: LayerFacts, photo: Photo, unit: tuple[int, int], field: Rectangle) -> None:
    st.markdown(f"**{_('What moves it: the effective receptive field')}**")
    with st.spinner(_("Asking the gradient…")):
        field_heat = net_views.compute_effective_field(net, facts.id, unit)
    if field_heat.is_dead:
        st.info(_("No pixel moves this unit: its gradient is zero in all {n} draws.").format(n=field_heat.runs), icon=":material/info:")
        return
    inside = field.clipped(*net.input[1:])
    share = field_heat.energy_pixels / max(inside.area, 1)
    sentence = _("{n} pixels hold 95 % of its gradient: {share} of what it can see.").format(
        n=number(field_heat.energy_pixels), share=percent(min(share, 1), None)
    )
    finding = (
        _("Most of it is in the middle, as Luo and others found.")
        if share < SPREAD
        else _("So far it uses most of what it sees; the more layers, the more only the middle counts.")
    )
    outside = 1 - field_heat.share_inside(field)
    if outside > 5e-4 and (names := whole_image_layers(summary, facts.id)):
        finding = _("{share} comes from outside of the rectangle: {layers} looks at the whole picture.").format(
            share=percent(outside, None), layers=", ".join(names)
        )
    words = {"image": sentence, "hint": _("The brighter, the more the unit moves with this pixel. The frame is what it can see.")}
    point_picker(
        net_views.gradient_overlay(photo, net, field_heat),
        [{"box": _box(field, net), "colour": ACCENT, "caption": ""}],
        key="see/effective",
        words=words,
        on_event=select_unit(net, facts),
        is_pixelated=True,
    )
    st.markdown(f"**{sentence}** {finding}")
    st.caption(
        _(
            "Squared gradient of a random mix of the unit's channels, averaged over {n} draws of fresh weights and pictures of noise "
            "(Luo and others, 2016)."
        ).format(n=field_heat.runs)
    )
