"""The server of the scratch page: with the app's own routes, without its pages."""

from pathlib import Path

import streamlit as st

from vpc2.ui.server import routes

app = st.App(Path(__file__).with_name("components_page.py").resolve(), routes=routes.ROUTES)
