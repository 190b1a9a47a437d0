"""Augment page, tab Filmstrip: one draw after each step of the pipeline."""

from __future__ import annotations

import streamlit as st

from vpc2.augment.spec import Pipeline
from vpc2.ui.augment.draws import SIDE_PX, Photo, choose_draw
from vpc2.ui.augment.pipeline_editor import describe_outcome
from vpc2.ui.computed import augmented
from vpc2.ui.session.i18n import _
from vpc2.ui.widgets import page_frame


def show_filmstrip(pipeline: Pipeline, photos: list[Photo]) -> None:
    """Draw the image of one draw after every step, with what that step did to it."""
    if not photos:
        return
    photo, draw = choose_draw(photos, "film")
    film = page_frame.show_or_refuse(augmented.images_after_steps, pipeline, photo, draw, SIDE_PX)
    if film is None:
        return
    grid = st.grid("auto", min_column_width=210, gap="small")
    with grid.cell(), st.container(key="tile-film-original", gap="xxsmall"):
        st.image(film["original"], alt=_("The original photograph"), width="stretch")
        st.caption(f"**{_('Original')}**")
    for i, (picture, outcome) in enumerate(zip(film["pictures"], film["steps"], strict=True), 1):
        caption = describe_outcome(*outcome)
        with grid.cell(), st.container(key=f"tile-film-{outcome[0]}", gap="xxsmall"):
            st.image(picture, alt=caption, width="stretch")
            st.caption(f"**{i}** {caption}")
