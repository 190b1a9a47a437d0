"""Augment page, tab Code: the pipeline as a script for Kornia, torchvision v2 or Albumentations."""

from __future__ import annotations

import streamlit as st

from vpc2.augment.export.kornia_code import to_code
from vpc2.augment.export.other_libraries import to_albumentations, to_torchvision
from vpc2.augment.spec import Pipeline
from vpc2.ui.augment.draws import Photo
from vpc2.ui.session.i18n import _


def show_code(pipeline: Pipeline, photos: list[Photo]) -> None:
    """Show the pipeline as a script: Kornia code that reproduces the draws on the page, or the nearest calls of another library."""
    writers = {"Kornia": to_code, "torchvision v2": to_torchvision, "Albumentations": to_albumentations}
    library = st.segmented_control(
        _("Library"), list(writers), default="Kornia", required=True, key="code/library", label_visibility="collapsed"
    )
    if library == "Kornia":
        st.caption(_("This script makes exactly the draws above: same seed, same pixels."))
    else:
        st.caption(_("The nearest calls of this library, with the same chances and ranges; its draws are its own."))
    code = writers[library](pipeline)
    st.code(code, language="python", line_numbers=False)
    st.download_button(_("Save the script"), code, file_name="pipeline.py", on_click="ignore", icon=":material/download:")
