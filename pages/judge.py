"""Judge: one classifier, one photograph seen many ways, and a whole test set with and without."""

import streamlit as st

from vpc2.ui import chrome, judging
from vpc2.ui.language import _
from vpc2.ui.tray import draw_tray

chrome.draw_heading(_("Judge"), _("Does it really know? Ask it once, then ask it from several sides and merge the answers."))
left, right = st.columns([1, 2.6], gap="medium")

with left:
    name = judging.choose_classifier()
    views = judging.choose_views(name)

with right:
    photographs, test_set = st.tabs([_("Photographs"), _("Test set")])
    with photographs:
        for photo in draw_tray("judge", most=3, first=("chelsea",)):
            chrome.guarded(judging.draw_answer, name, photo, views)
    with test_set:
        chrome.guarded(judging.draw_test_set, name, views)
