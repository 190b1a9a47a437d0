"""Judge: one classifier asked from many sides, over a test set, under hard conditions, under attack, and from inside."""

import streamlit as st

from vpc2.ui import attacking, chrome, enduring, insides, judging, judging_set, looking, taking_judged
from vpc2.ui.language import _
from vpc2.ui.tray import draw_tray

chrome.draw_heading(_("Judge"), _("Does it really know? Ask it once, then ask it from several sides and merge the answers."))
left, right = st.columns([1, 2.6], gap="medium")

with left:
    ref = judging.choose_classifier()
    judging.draw_opening()
    judging.choose_set(ref)
    views = judging.choose_views(ref)
    asked = looking.choose_draws(views)

with right:
    photos = draw_tray("judge", most=3, first=("chelsea",))
    tabs = {
        _("Photographs"): lambda: looking.draw_photos(ref, photos, asked),
        _("Test set"): lambda: judging_set.draw_test_set(ref, views),
        _("Robustness"): lambda: enduring.draw_robustness(ref, photos),
        _("Look inside"): lambda: insides.draw_insides(ref, photos),
        _("Attacks"): lambda: attacking.draw_attacks(ref, photos),
        _("Take home"): lambda: taking_judged.draw_home(ref, photos, views),
    }
    # Only the tab that is open is computed.
    for tab, draw in zip(st.tabs(list(tabs), key="judge/tabs", on_change="rerun"), tabs.values(), strict=True):
        if tab.open:
            with tab:
                chrome.guarded(draw)
