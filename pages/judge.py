"""Judge page: evaluation of one classifier on photographs and a test set, robustness, explanations, attacks, and exports."""

import streamlit as st

from vpc2.ui.judge import attacks, explanations, export_report, robustness, single_photo, test_pictures, test_set
from vpc2.ui.session.i18n import _
from vpc2.ui.widgets import classifier_picker, page_frame

page_frame.show_heading(_("Judge"), _("Does it really know? Ask it once, then ask it from several sides and merge the answers."))
left, right = st.columns([1, 2.6], gap="medium")

with left:
    ref = classifier_picker.choose_classifier()
    classifier_picker.show_classifier_upload()
    classifier_picker.choose_dataset(ref)
    views = classifier_picker.choose_views(ref)
    all_views = single_photo.choose_draw_views(views)

with right:
    photos = test_pictures.choose_pictures(ref)
    tabs = {
        _("Photographs"): lambda: single_photo.show_photos(ref, photos, all_views),
        _("Test set"): lambda: test_set.show_test_set(ref, views),
        _("Robustness"): lambda: robustness.show_robustness(ref, photos),
        _("Look inside"): lambda: explanations.show_explanations(ref, photos),
        _("Attacks"): lambda: attacks.show_attacks(ref, photos),
        _("Take home"): lambda: export_report.show_export(ref, photos, views),
    }
    # Only the tab that is open is computed.
    for tab, draw in zip(st.tabs(list(tabs), key="judge/tabs", on_change="rerun"), tabs.values(), strict=True):
        if tab.open:
            with tab:
                page_frame.show_or_refuse(draw)
