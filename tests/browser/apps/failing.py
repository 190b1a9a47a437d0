"""A server whose page fails, in its script and in a fragment: with the app's own handler of errors."""

from pathlib import Path

import streamlit as st

from vpc2.ui.server import errors

app = st.App(Path(__file__).with_name("failing_page.py").resolve(), on_script_error=errors.on_script_error)
