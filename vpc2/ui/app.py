"""The main script: navigation over `pages/`, access control, language, links and the stored workspace. Plain, so that AppTest runs it."""

import streamlit as st

from vpc2.ui.components.browser_storage import show_browser_storage
from vpc2.ui.home import lecture_map
from vpc2.ui.server import preload
from vpc2.ui.session import sign_in, workspace
from vpc2.ui.session.i18n import _, language, show_language_switch
from vpc2.ui.widgets import buttons, page_frame

page_frame.set_page()
st.html(page_frame.CSS)
# Before the sign-in: without registered pages, the redirect after the sign-in would lead to the first page instead of the requested one.
page = st.navigation(
    [
        st.Page(page_frame.script_path("home"), title=_("Home"), icon=":material/home:", default=True),
        st.Page(page_frame.script_path("augment"), title=_("Augment"), icon=":material/auto_fix_high:", url_path="augment"),
        st.Page(page_frame.script_path("build"), title=_("Build"), icon=":material/deployed_code:", url_path="build"),
        st.Page(page_frame.script_path("train"), title=_("Train"), icon=":material/model_training:", url_path="train"),
        st.Page(page_frame.script_path("judge"), title=_("Judge"), icon=":material/balance:", url_path="judge"),
    ],
    position="top" if sign_in.has_access() else "hidden",
)
sign_in.require_access()
workspace.open_link(lecture_map.example_tokens())
workspace.restore()
st.session_state.page = page.url_path
show_language_switch()
page.run()
page_frame.show_version()
buttons.clear_presses()
show_browser_storage(
    language(),
    workspace.workspace_tokens(),
    session=workspace.session_id(),
    opened=st.session_state.get("opened", ""),
    is_identified=workspace.is_identified(),
    settled=st.session_state.get("visitor/settled", {}),
)
preload.signal_first_page()
