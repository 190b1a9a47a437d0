"""Augment page: the pipeline editor on the left; on the right, tabs with its effect on photographs."""

from dataclasses import replace

import streamlit as st

from vpc2.augment.operations.catalog import OPS
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import edit_add
from vpc2.ui.augment import before_after, code, draws, export, filmstrip, label_safety, labels, library_comparison, mixing
from vpc2.ui.augment.pipeline_editor import displayed_pipeline, edit_pipeline, name_operation
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, localize
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.knob_input import pick_once
from vpc2.ui.widgets.photo_picker import show_photo_picker

top = st.container()
pipeline = workspace.load("pipeline")
with st.container(key="studio"):
    left, right = st.columns([1, 2.6], gap="medium")

with left:
    preset = pick_once(
        _("Start from a preset"),
        list(PIPELINES),
        format_func=lambda key: localize(PIPELINES[key].title),
        placeholder=_("Choose a preset"),
        key="pipeline/preset",
    )
    if preset:
        workspace.save(replace(PIPELINES[preset].pipeline, seed=pipeline.seed), from_outside=True)
        st.rerun()
    pipeline = edit_pipeline(pipeline)
    operation = pick_once(
        _("Add a step"),
        list(OPS),
        format_func=name_operation,
        placeholder=_("Type to search: rotation, blur…"),
        key="pipeline/add",
    )
    if operation:
        longer = page_frame.show_or_refuse(edit_add, pipeline, operation)
        if longer:
            st.session_state["pipeline/selected"] = longer.steps[-1].id
            workspace.save(longer)
            st.rerun()

with right:
    photos = show_photo_picker("augment")
    views = {
        _("Draws"): draws.show_gallery,
        _("Filmstrip"): filmstrip.show_filmstrip,
        _("Compare"): before_after.show_before_after,
        _("Labels"): labels.show_label_tab,
        _("Mix"): mixing.show_mixing,
        _("Safe?"): label_safety.show_label_safety,
        _("Libraries"): library_comparison.show_libraries,
        _("Code"): code.show_code,
        _("Take home"): export.show_export,
    }
    # Only the tab that is open is computed.
    for tab, draw in zip(st.tabs(list(views), key="augment/tabs", on_change="rerun"), views.values(), strict=True):
        if tab.open:
            with tab:
                draw(displayed_pipeline(pipeline), photos)
with top:
    page_frame.show_heading(_("Augment"), _("One photograph, many draws: see what your net will see."), "pipeline")
