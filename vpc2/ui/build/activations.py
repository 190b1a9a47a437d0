"""What a photograph becomes inside the net: the feature maps of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.ui.build.unit_selection import ACCENT, other_weights
from vpc2.ui.components.point_picker import point_picker
from vpc2.ui.computed import net_views
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, number, percent

if TYPE_CHECKING:
    from vpc2.nets.inspection.activations import FeatureMaps
from vpc2.ui.build.receptive_field import Photo


def draw_activations(net: Net, summary: Summary, facts: LayerFacts, photo: Photo) -> None:
    """Draw what the photograph is at one layer: its channels as pictures, and one of them large with its numbers."""
    assert facts.output is not None
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
    st.markdown(_("{share} of its values are exactly zero.").format(share=percent(maps.zeros_of_all, None)))
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
        zeros=percent(maps.zeros[chosen], None),
    )
    with right if is_picture else left:
        st.image(net_views.enlarged(maps.maps[chosen]), alt=f"{title}. {numbers}", width="stretch")
        st.markdown(f"**{title}**  \n{numbers}")
    st.caption(
        _("The net is as built, not trained: its weights are random (seed {seed}), the photograph in values from 0 to 1.").format(seed=seed)
    )


def _draw_sheet(maps: FeatureMaps, chosen: int, title: str, said: str) -> None:
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
    point_picker(net_views.sheet_of(maps), [{"box": box, "colour": ACCENT, "said": title}], key="see/sheet", words=words, on_event=choose)
