"""The Build page's view "See it": what a unit sees, one window in numbers, and what a photograph becomes inside the net."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from vpc2.nets.drawing.layout import COLOURS
from vpc2.nets.inspection.kernels import has_window
from vpc2.nets.layers.branch_rules import shape_text
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.nets.summary.receptive_field import Rectangle, field_of, fields_up_to, has_field, seen_by, whole_picture_layers
from vpc2.ui.build.convolution_stepper import draw_closely
from vpc2.ui.build.unit_selection import ACCENT, chosen_unit, move_place, other_weights
from vpc2.ui.components.point_picker import unit_pad
from vpc2.ui.computed import net_views
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, number
from vpc2.ui.widgets import page_frame, photo_picker

if TYPE_CHECKING:
    from vpc2.nets.inspection.activations import Maps

MOST_SHOWN = 12  # rectangles in one picture
SPREAD = 0.7  # with a smaller part of its field than this, a unit is moved by the middle of it

Photo = dict[str, Any]


@st.fragment
def draw_seeing(net: Net, summary: Summary) -> None:
    """Draw what the net sees of the visitor's photograph; only this part of the page runs again for it."""
    photos = photo_picker.draw_tray("build", most=1)
    views: dict[str, tuple[str, Callable[[LayerFacts], bool], Callable[..., None]]] = {
        "field": (_("Receptive field"), has_field, _draw_field),
        "closely": (_("Close-up"), has_window, draw_closely),
        "maps": (_("Activations"), lambda facts: facts.output is not None, _draw_maps),
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = st.segmented_control(
            _("What to see"),
            list(views),
            default="field",
            required=True,
            format_func=lambda key: views[key][0],
            key="see/view",
            persist_state="session",
        )
        _title, fits, draw = views[view]
        facts = _choose_layer(summary, fits, view)
    if facts is None:
        st.info(_("No layer of this net can be shown this way yet: add a convolution."), icon=":material/add:")
    elif photos:
        page_frame.guarded(draw, net, summary, facts, photos[0])


def _choose_layer(summary: Summary, fits: Callable[[LayerFacts], bool], view: str) -> LayerFacts | None:
    """Let the visitor choose a layer: first the one chosen on the page, or the nearest before it that can be shown."""
    order = [facts.id for facts in summary.walk()]
    offered = {facts.id: facts for facts in summary.walk() if facts.output is not None and fits(facts)}
    if not offered:
        return None
    chosen = st.session_state.get("net/selected")
    if chosen in order:
        start = [id_ for id_ in order[: order.index(chosen) + 1] if id_ in offered][-1:]
    else:
        start = [id_ for id_, facts in offered.items() if len(facts.output) == 3][-1:] if view == "field" else []
    ids = list(offered)
    return offered[
        st.selectbox(
            _("Layer"),
            ids,
            index=ids.index(start[0]) if start else 0,
            format_func=lambda id_: f"{offered[id_].name} · {shape_text(offered[id_].output)}",
            key=workspace.key("net", "see", view, chosen or "", "-".join(ids)[:80], str(len(ids))),
            width=280,
        )
    ]


def percent(share: float) -> str:
    """Return a share in per cent: whole ones, and one decimal where it is small."""
    return f"{number(100 * share, '.0f' if share >= 0.095 or share == 0 else '.1f')}\u00a0%"


def sides_text(rectangle: Rectangle) -> str:
    return f"{number(rectangle.height)}\u00a0×\u00a0{number(rectangle.width)}"


def _box(rectangle: Rectangle, net: Net) -> list[float]:
    height, width = net.input[1:]
    inside = rectangle.clipped(height, width)
    return [inside.left / width, inside.top / height, inside.right / width, inside.bottom / height]


def _draw_field(net: Net, summary: Summary, facts: LayerFacts, photo: Photo) -> None:
    """Draw what one unit can see, layer by layer, and beside it what really moves it."""
    unit = chosen_unit(net, facts)
    field, whole = field_of(facts, unit), Rectangle(0, 0, net.input[1], net.input[2])
    inside = seen_by(facts, unit)
    said = _("One unit of {layer} sees {field} of {all} pixels: {share} of the picture.").format(
        layer=facts.name, field=sides_text(inside), all=sides_text(whole), share=percent(inside.area / whole.area)
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
                field=sides_text(field), share=percent(1 - inside.area / field.area)
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
    unit_pad(net_views.photographed(photo, net.input), rectangles, key="see/field", words=words, on_event=move_place(net, facts))


def _draw_effective(net: Net, summary: Summary, facts: LayerFacts, photo: Photo, unit: tuple[int, int], field: Rectangle) -> None:
    st.markdown(f"**{_('What moves it: the effective receptive field')}**")
    with st.spinner(_("Asking the gradient…")):
        found = net_views.effective(net, facts.id, unit)
    if found.is_dead:
        st.info(_("No pixel moves this unit: its gradient is zero in all {n} draws.").format(n=found.runs), icon=":material/info:")
        return
    inside = field.clipped(*net.input[1:])
    share = found.holding_most / max(inside.area, 1)
    said = _("{n} pixels hold 95 % of its gradient: {share} of what it can see.").format(
        n=number(found.holding_most), share=percent(min(share, 1))
    )
    finding = (
        _("Most of it is in the middle, as Luo and others found.")
        if share < SPREAD
        else _("So far it uses most of what it sees; the more layers, the more only the middle counts.")
    )
    outside = 1 - found.share_inside(field)
    if outside > 5e-4 and (names := whole_picture_layers(summary, facts.id)):
        finding = _("{share} comes from outside of the rectangle: {layers} looks at the whole picture.").format(
            share=percent(outside), layers=", ".join(names)
        )
    words = {"image": said, "hint": _("The brighter, the more the unit moves with this pixel. The frame is what it can see.")}
    unit_pad(
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


def _draw_maps(net: Net, summary: Summary, facts: LayerFacts, photo: Photo) -> None:
    """Draw what the photograph is at one layer: its channels as pictures, and one of them large with its numbers."""
    is_picture = len(facts.output) == 3
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = other_weights()
        together = st.toggle(_("One scale for all"), key="see/together", help=_("Black and white mean the same in every map."))
        page = 1
        if is_picture and facts.output[0] > net_views.MOST_MAPS:
            pages = -(-facts.output[0] // net_views.MOST_MAPS)
            page = st.number_input(
                _("Channels, {n} at a time").format(n=net_views.MOST_MAPS),
                1,
                pages,
                key=workspace.key("net", "see/page", facts.id, str(pages)),
                width=200,
            )
    with st.spinner(_("Sending the photograph through the net…")):
        maps = net_views.activated(net, facts.id, photo, seed, net_views.MOST_MAPS * (page - 1), together)
    if is_picture:
        height, width = facts.output[1:]
        said = _("{layer} makes {n} maps of {size} of the photograph.").format(
            layer=facts.name, n=number(maps.channels), size=f"{height}\u00a0×\u00a0{width}"
        )
    else:
        said = _("{layer} makes {n} numbers of the photograph.").format(layer=facts.name, n=number(facts.output[0]))
    st.markdown(f"#### {said}")
    st.markdown(_("{share} of its values are exactly zero.").format(share=percent(maps.zeros_of_all)))
    left, right = st.columns([3, 2], gap="medium")
    chosen = min(st.session_state.get("see/channel", 0), len(maps.maps) - 1)
    if is_picture:
        title = _("{layer}, channel {n}").format(layer=facts.name, n=number(maps.first + chosen + 1))
        with left:
            _draw_sheet(maps, chosen, title, said)
    else:
        title = _("The {n} numbers of {layer}, in rows").format(n=number(facts.output[0]), layer=facts.name)
    numbers = _("From {low} (black) to {high} (white), mean {mean}; {zeros} are zero.").format(
        low=number(maps.low[chosen], ".3g"),
        high=number(maps.high[chosen], ".3g"),
        mean=number(maps.mean[chosen], ".3g"),
        zeros=percent(maps.zeros[chosen]),
    )
    with right if is_picture else left:
        st.image(net_views.enlarged(maps.maps[chosen]), alt=f"{title}. {numbers}", width="stretch")
        st.markdown(f"**{title}**  \n{numbers}")
    st.caption(
        _("The net is as built, not trained: its weights are random (seed {seed}), the photograph in values from 0 to 1.").format(seed=seed)
    )


def _draw_sheet(maps: Maps, chosen: int, title: str, said: str) -> None:
    """Draw all maps side by side, and let the visitor choose one."""
    count = len(maps.maps)
    columns = min(net_views.SHEET_COLUMNS, count)
    rows = -(-count // columns)

    def choose(kind: str, value: tuple[float, float]) -> None:
        if kind == "place":
            at = min(int(value[0] * rows), rows - 1) * columns + min(int(value[1] * columns), columns - 1)
        else:
            now = min(st.session_state.get("see/channel", 0), count - 1)
            at = now + int(value[0]) * columns + int(value[1])
        st.session_state["see/channel"] = min(max(at, 0), count - 1)

    row, column = divmod(chosen, columns)
    box = [column / columns, row / rows, (column + 1) / columns, (row + 1) / rows]
    words = {"image": said, "hint": _("Each square is one channel. Click one, or use the arrow keys, to see it large.")}
    unit_pad(net_views.sheet_of(maps), [{"box": box, "colour": ACCENT, "said": title}], key="see/sheet", words=words, on_event=choose)
