"""Build: a net one takes in the hand, its arithmetic live, what its units see, and its code to take home."""

import streamlit as st

from vpc2.nets.presets import NETS
from vpc2.nets.shapes import summarise
from vpc2.nets.spec import edit_add
from vpc2.ui import chrome, comparing, layers, state, taking
from vpc2.ui.inspector import draw_inspector
from vpc2.ui.language import _, number, say

top = st.container()
picture = st.container(key="volumes")
net = state.load("net")
left, right = st.columns([1, 2], gap="medium")

with left:
    preset = st.selectbox(
        _("Start from a net"),
        list(NETS),
        index=None,
        format_func=lambda key: say(NETS[key].title),
        placeholder=_("Choose a preset"),
        key=state.key("net", "preset"),
    )
    if preset:
        state.save(NETS[preset].net, from_outside=True)
        st.session_state.pop("net/selected", None)
        st.rerun()
    net = layers.edit_input(net)
    with st.container(height=560, border=False, key="layers"):
        net = layers.edit_layers(net, summarise(net))
    kind = layers.choose_layer(net)
    if kind:
        grown = chrome.guarded(edit_add, net, kind, at=layers.position_after_chosen(net))
        if grown:
            state.save(grown)
            st.rerun()

with right:
    inspector = st.container()
    with inspector:
        net = draw_inspector(net, summarise(net), layers.chosen_layer(net))
    state.save(net)
    summary = summarise(net)
    layers.draw_totals(summary)
    comparing.draw_note(net)

views = {
    _("All layers"): layers.draw_table,
    _("Where the parameters are"): layers.draw_parameter_chart,
    _("Compare"): comparing.draw_compare,
    _("PyTorch code"): taking.draw_code,
}
comparing.open_pair()
# Only the tab that is open is computed.
for tab, draw in zip(st.tabs(list(views), key="build/tabs", on_change="rerun"), views.values(), strict=True):
    if tab.open:
        with tab:
            draw(net, summary)
with picture:
    layers.draw_picture(net, summary)
with top:
    chrome.draw_heading(
        _("Build"), _("A net you can take in your hands: {params} parameters.").format(params=number(summary.params)), "net"
    )
