"""Build page, tab See it, view Activations: the feature maps of one layer for a photograph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.ui.build.unit_selection import ACCENT, choose_weights
from vpc2.ui.components.point_picker import point_picker
from vpc2.ui.computed import net_views
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, number, percent

if TYPE_CHECKING:
    from vpc2.nets.inspection.activations import FeatureMaps
from vpc2.ui.build.receptive_field import Photo


def show_activations(net: Net, summary: Summary, facts: LayerFacts, photo: Photo) -> None:
    """Draw one layer's feature maps as a sheet, and the selected channel enlarged with its minimum, maximum, mean and share of zeros."""
    assert facts.output is not None
    is_picture = len(facts.output) == 3
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = choose_weights()
        is_shared_scale = st.toggle(_("One scale for all"), key="see/together", help=_("Black and white mean the same in every map."))
        page_number = 1
        if is_picture and facts.output[0] > net_views.MAX_MAPS:
            pages = -(-facts.output[0] // net_views.MAX_MAPS)
            page_number = st.number_input(
                _("Channels, {n} at a time").format(n=net_views.MAX_MAPS),
                1,
                pages,
                key=workspace.key("net", "see/page", facts.id, str(pages)),
                width=200,
            )
    with st.spinner(_("Sending the photograph through the net…")):
        maps = net_views.compute_feature_maps(net, facts.id, photo, seed, net_views.MAX_MAPS * (page_number - 1), is_shared_scale)
    if is_picture:
        height, width = facts.output[1:]
        sentence = _("{layer} makes {n} maps of {size} of the photograph.").format(
            layer=facts.name, n=number(maps.channels), size=f"{height}\u00a0×\u00a0{width}"
        )
    else:
        sentence = _("{layer} makes {n} numbers of the photograph.").format(layer=facts.name, n=number(facts.output[0]))
    st.markdown(f"#### {sentence}")
    st.markdown(_("{share} of its values are exactly zero.").format(share=percent(maps.zeros_of_all, None)))
    left, right = st.columns([3, 2], gap="medium")
    channel = min(st.session_state.get("see/channel", 0), len(maps.maps) - 1)
    if is_picture:
        title = _("{layer}, channel {n}").format(layer=facts.name, n=number(maps.first + channel + 1))
        with left:
            _draw_sheet(maps, channel, title, sentence)
    else:
        title = _("The {n} numbers of {layer}, in rows").format(n=number(facts.output[0]), layer=facts.name)
    statistics = _("From {low} (black) to {high} (white), mean {mean}; {zeros} are zero.").format(
        low=number(maps.low[channel], ".3g"),
        high=number(maps.high[channel], ".3g"),
        mean=number(maps.mean[channel], ".3g"),
        zeros=percent(maps.zeros[channel], None),
    )
    with right if is_picture else left:
        st.image(net_views.enlarged_map(maps.maps[channel]), alt=f"{title}. {statistics}", width="stretch")
        st.markdown(f"**{title}**  \n{statistics}")
    st.caption(
        _("The net is as built, not trained: its weights are random (seed {seed}), the photograph in values from 0 to 1.").format(seed=seed)
    )


def _draw_sheet(maps: FeatureMaps, selected: int, title: str, alt: str) -> None:
    """Draw all feature maps side by side; a click or the arrow keys select one."""
    count = len(maps.maps)
    columns = min(net_views.SHEET_COLUMNS, count)
    rows = -(-count // columns)

    def choose(kind: str, value: tuple[float, float]) -> None:
        if kind == "place":
            index = min(int(value[0] * rows), rows - 1) * columns + min(int(value[1] * columns), columns - 1)
        else:
            current = min(st.session_state.get("see/channel", 0), count - 1)
            index = current + int(value[0]) * columns + int(value[1])
        st.session_state["see/channel"] = min(max(index, 0), count - 1)

    row, column = divmod(selected, columns)
    box = [column / columns, row / rows, (column + 1) / columns, (row + 1) / rows]
    words = {"image": alt, "hint": _("Each square is one channel. Click one, or use the arrow keys, to see it large.")}
    point_picker(
        net_views.feature_map_sheet(maps), [{"box": box, "colour": ACCENT, "caption": title}], key="see/sheet", words=words, on_event=choose
    )
