"""Home page: title, three examples to start with, the topics of the lecture as cards, the limits of the server."""

import streamlit as st

from vpc2.ui.home import lecture_map, server_limits
from vpc2.ui.session.i18n import _, localize
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

page_frame.show_notes()
words, picture = st.columns([1.15, 1], gap="large", vertical_alignment="center")
with words:
    st.title(_("See what a convolutional net sees."), anchor=False)
    st.markdown(
        _(
            "Augment photographs, build a net by hand, train it for a minute while the loss streams, "
            "and judge its answers from several sides. Everything you make travels to the next page."
        )
    )
    with st.container(horizontal=True, gap="small"):
        for i, first in enumerate(lecture_map.FIRST.values()):
            if button(localize(first.title), type="primary" if i == 0 else "secondary", icon=first.icon, key=f"first/{i}"):
                lecture_map.open_card(first)
with picture:
    lecture_map.show_hero()

st.markdown(f"## {_('The lecture as a map')}")
st.caption(_("Each card opens the right page with the right example already there."))
grid = st.grid("auto", min_column_width=280, gap="small")
for card in lecture_map.CARDS.values():
    with grid.cell(), st.container(border=True, height="stretch", key=f"card-{card.key}", gap="xsmall"):
        st.markdown(f"**{localize(card.title)}**")
        st.caption(localize(card.help))
        st.page_link(
            page_frame.script_path(card.page),
            label=_("Open"),
            icon=":material/arrow_forward:",
            query_params=lecture_map.link_parameters(card),
        )

server_limits.show_limits()
