"""Build: a net one takes in the hand, its arithmetic live, what its units see, and all of it to take home."""

import streamlit as st

from vpc2.nets.presets import NETS
from vpc2.nets.shapes import summarise
from vpc2.ui import bringing, canvas, chrome, comparing, layers, seeing, state, taking
from vpc2.ui.controls import pick
from vpc2.ui.inspector import draw_inspector
from vpc2.ui.language import _, number, say

top = st.container()
net = state.load("net")
with st.container(horizontal=True, gap="small", key="start"):
    preset = pick(
        _("Start from a net"),
        list(NETS),
        format_func=lambda key: say(NETS[key].title),
        placeholder=_("Choose a preset"),
        key="net/preset",
        width=340,
    )
    if preset:
        state.save(NETS[preset].net, from_outside=True)
        canvas.forget()
        st.rerun()
    net = layers.edit_input(net)
stage, totals = st.container(key="canvas"), st.container()
edited = draw_inspector(net, summarise(net), layers.chosen_layer(net))
state.save(edited)
if edited != net:  # what fits beside the new value, and the layer's headline, stand above it
    st.rerun()
summary = summarise(net)
with stage:
    canvas.draw_canvas(net, summary)
with totals:
    layers.draw_totals(summary)
    comparing.draw_note(net)

views = {
    _("All layers"): layers.draw_table,
    _("Where the parameters are"): layers.draw_parameter_chart,
    _("See it"): seeing.draw_seeing,
    _("Compare"): comparing.draw_compare,
    _("Bring in"): bringing.draw_bringing,
    _("Take home"): taking.draw_home,
}
comparing.open_pair()
# Only the tab that is open is computed.
for tab, draw in zip(st.tabs(list(views), key="build/tabs", on_change="rerun"), views.values(), strict=True):
    if tab.open:
        with tab:
            draw(net, summary)
with top:
    chrome.draw_heading(
        _("Build"), _("A net you can take in your hands: {params} parameters.").format(params=number(summary.params)), "net"
    )
