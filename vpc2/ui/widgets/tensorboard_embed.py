"""Link to TensorBoard in a new tab, or TensorBoard embedded in the page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from vpc2.ui import addresses
from vpc2.ui.server import routes
from vpc2.ui.session.i18n import _

HEIGHT_PX = 820


def show_tensorboard(run_ids: Sequence[str]) -> None:
    """Draw a link to TensorBoard with these runs and a switch that embeds it.

    The address is the app's own, so that it also works from another machine.
    """
    if not routes.is_serving():
        st.caption(_("TensorBoard is there where the app is started with streamlit_app.py."))
        return
    address = f"{addresses.base_path()}/tensorboard/{'+'.join(run_ids)}/"
    st.link_button(_("Open in TensorBoard"), address, icon=":material/monitoring:")
    if st.toggle(_("Show it here"), key=f"board/{'+'.join(run_ids)}"):
        st.iframe(address, height=HEIGHT_PX)
