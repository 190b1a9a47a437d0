"""Augment: a pipeline as cards on the left, what it does to photographs on the right."""

from dataclasses import replace

import streamlit as st

from vpc2.augment.ops import OPS
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import edit_add
from vpc2.ui import chrome, exporting, labels, libraries, mixing, safety, state, studio
from vpc2.ui.controls import pick
from vpc2.ui.language import _, say
from vpc2.ui.steps import edit_pipeline, name_operation, shown_pipeline
from vpc2.ui.tray import draw_tray

top = st.container()
pipeline = state.load("pipeline")
with st.container(key="studio"):
    left, right = st.columns([1, 2.6], gap="medium")

with left:
    preset = pick(
        _("Start from a preset"),
        list(PIPELINES),
        format_func=lambda key: say(PIPELINES[key].title),
        placeholder=_("Choose a preset"),
        key="pipeline/preset",
    )
    if preset:
        state.save(replace(PIPELINES[preset].pipeline, seed=pipeline.seed), from_outside=True)
        st.rerun()
    pipeline = edit_pipeline(pipeline)
    added = pick(
        _("Add a step"),
        list(OPS),
        format_func=name_operation,
        placeholder=_("Type to search: rotation, blur…"),
        key="pipeline/add",
    )
    if added:
        grown = chrome.guarded(edit_add, pipeline, added)
        if grown:
            st.session_state["pipeline/selected"] = grown.steps[-1].id
            state.save(grown)
            st.rerun()

with right:
    photos = draw_tray("augment")
    views = {
        _("Draws"): studio.draw_draws,
        _("Filmstrip"): studio.draw_film,
        _("Compare"): studio.draw_compare,
        _("Labels"): labels.draw_label_tab,
        _("Mix"): mixing.draw_mixing,
        _("Safe?"): safety.draw_safety,
        _("Libraries"): libraries.draw_libraries,
        _("Code"): studio.draw_code,
        _("Export"): exporting.draw_export,
    }
    # Only the tab that is open is computed.
    for tab, draw in zip(st.tabs(list(views), key="augment/tabs", on_change="rerun"), views.values(), strict=True):
        if tab.open:
            with tab:
                draw(shown_pipeline(pipeline), photos)
with top:
    chrome.draw_heading(_("Augment"), _("One photograph, many draws: see what your net will see."), "pipeline")
