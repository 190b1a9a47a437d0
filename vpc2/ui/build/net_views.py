"""Build page, tab See it: the choice of photograph, layer and view (receptive field, close-up, activations)."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from vpc2.nets.inspection.kernels import has_window
from vpc2.nets.layers.branch_rules import shape_text
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.nets.summary.receptive_field import has_field
from vpc2.ui.build.activations import show_activations
from vpc2.ui.build.convolution_stepper import show_stepper
from vpc2.ui.build.receptive_field import show_field
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _
from vpc2.ui.widgets import page_frame, photo_picker


@st.fragment
def show_net_views(net: Net, summary: Summary) -> None:
    """Draw the selected view of the net for the visitor's photograph; a fragment: its widgets rerun only this part of the page."""
    photos = photo_picker.show_photo_picker("build", max_photos=1)
    views: dict[str, tuple[str, Callable[[LayerFacts], bool], Callable[..., None]]] = {
        "field": (_("Receptive field"), has_field, show_field),
        "closely": (_("Close-up"), has_window, show_stepper),
        "maps": (_("Activations"), lambda facts: facts.output is not None, show_activations),
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
        page_frame.show_or_refuse(draw, net, summary, facts, photos[0])


def _choose_layer(summary: Summary, fits: Callable[[LayerFacts], bool], view: str) -> LayerFacts | None:
    """Draw the choice of layer; the default is the layer selected on the canvas, or the nearest one before it that this view can show."""
    order = [facts.id for facts in summary.walk()]
    offered = {facts.id: facts for facts in summary.walk() if facts.output is not None and fits(facts)}
    if not offered:
        return None
    selected = st.session_state.get("net/selected")
    if selected in order:
        default = [id_ for id_ in order[: order.index(selected) + 1] if id_ in offered][-1:]
    else:
        default = [id_ for id_, facts in offered.items() if facts.output and len(facts.output) == 3][-1:] if view == "field" else []
    ids = list(offered)
    return offered[
        st.selectbox(
            _("Layer"),
            ids,
            index=ids.index(default[0]) if default else 0,
            format_func=lambda id_: f"{offered[id_].name} · {shape_text(offered[id_].output)}",
            key=workspace.key("net", "see", view, selected or "", "-".join(ids)[:80], str(len(ids))),
            width=280,
        )
    ]
