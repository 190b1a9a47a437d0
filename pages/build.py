"""Build page: canvas and inspector of the net, its totals, and tabs with tables, views, comparison, import and export."""

import streamlit as st

from vpc2.nets.presets import NETS
from vpc2.nets.summary.summarise import summarise
from vpc2.ui.build import canvas, export_net, import_net, layer_table, net_comparison, net_views
from vpc2.ui.build.inspector import show_inspector
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.knob_input import pick_once

top = st.container()
net = workspace.load("net")
with st.container(horizontal=True, gap="small", key="start"):
    preset = pick_once(
        _("Start from a net"),
        list(NETS),
        format_func=lambda key: localize(NETS[key].title),
        placeholder=_("Choose a preset"),
        key="net/preset",
        width=340,
    )
    if preset:
        workspace.save(NETS[preset].net, from_outside=True)
        canvas.clear_selection()
        st.rerun()
    net = layer_table.edit_input(net)
stage, totals = st.container(key="canvas"), st.container()
edited = show_inspector(net, summarise(net), layer_table.chosen_layer(net))
workspace.save(edited)
if edited != net:  # the limits of the other knobs and the layer's title, drawn above, depend on the new value
    st.rerun()
summary = summarise(net)
with stage:
    canvas.show_canvas(net, summary)
with totals:
    layer_table.show_totals(summary)
    net_comparison.show_published_note(net)

views = {
    _("All layers"): layer_table.show_table,
    _("Where the parameters are"): layer_table.show_parameter_chart,
    _("See it"): net_views.show_net_views,
    _("Compare"): net_comparison.show_compare,
    _("Bring in"): import_net.show_import,
    _("Take home"): export_net.show_export,
}
net_comparison.open_linked_pair()
# Only the tab that is open is computed.
for tab, draw in zip(st.tabs(list(views), key="build/tabs", on_change="rerun"), views.values(), strict=True):
    if tab.open:
        with tab:
            draw(net, summary)
with top:
    page_frame.show_heading(
        _("Build"), _("A net you can take in your hands: {params} parameters.").format(params=number(summary.params)), "net"
    )
