"""What one takes home from the Build page."""

from __future__ import annotations

import streamlit as st

from vpc2.nets.code import to_code
from vpc2.nets.facts import Summary
from vpc2.nets.spec import Net
from vpc2.ui.language import _


def draw_code(net: Net, summary: Summary) -> None:
    """Show the net as PyTorch code, to copy or to save."""
    code = to_code(net)
    st.code(code, language="python")
    st.download_button(_("Save the code"), code, file_name="net.py", on_click="ignore", icon=":material/download:")
