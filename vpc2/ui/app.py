"""The script behind every page: navigation over `pages/`, language, and what a link carries. A plain script, so AppTest runs it."""

import streamlit as st

from vpc2.ui import buttons, chrome, guarding, lecture, preload, state
from vpc2.ui.components.visitor import draw_visitor
from vpc2.ui.language import _, draw_language_switch, language

chrome.set_page()
st.html(chrome.CSS)
# Before anyone is let in: a server that does not know its pages yet would lead whoever signs in to the first one.
page = st.navigation(
    [
        st.Page(chrome.script("home"), title=_("Home"), icon=":material/home:", default=True),
        st.Page(chrome.script("augment"), title=_("Augment"), icon=":material/auto_fix_high:", url_path="augment"),
        st.Page(chrome.script("build"), title=_("Build"), icon=":material/deployed_code:", url_path="build"),
        st.Page(chrome.script("train"), title=_("Train"), icon=":material/model_training:", url_path="train"),
        st.Page(chrome.script("judge"), title=_("Judge"), icon=":material/balance:", url_path="judge"),
    ],
    position="top" if guarding.is_in() else "hidden",
)
guarding.let_in()
state.open_link(lecture.tokens())
state.restore()
st.session_state.page = page.url_path
draw_language_switch()
page.run()
buttons.forget_presses()
draw_visitor(
    language(),
    state.workspace(),
    session=state.session_word(),
    opened=st.session_state.get("opened", ""),
    is_named=state.is_named(),
    settled=st.session_state.get("visitor/settled", {}),
)
preload.begin()
