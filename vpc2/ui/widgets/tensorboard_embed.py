"""TensorBoard on the page: in a tab of its own, or right here."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from vpc2.ui import addresses
from vpc2.ui.server import routes
from vpc2.ui.session.i18n import _

HEIGHT_PX = 820


def draw_tensorboard(run_ids: Sequence[str]) -> None:
    """Offer TensorBoard with these runs, under the app's own address, so that a student in another room reaches it too."""
    if not routes.is_serving():
        st.caption(_("TensorBoard is there where the app is started with streamlit_app.py."))
        return
    address = f"{addresses.base_path()}/tensorboard/{'+'.join(run_ids)}/"
    st.link_button(_("Open in TensorBoard"), address, icon=":material/monitoring:")
    if st.toggle(_("Show it here"), key=f"board/{'+'.join(run_ids)}"):
        st.iframe(address, height=HEIGHT_PX)
