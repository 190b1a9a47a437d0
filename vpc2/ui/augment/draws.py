"""Augment page, tab Draws: each photograph beside its augmented draws; and the widget that chooses one photograph and one draw."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import streamlit as st

from vpc2.augment.operations.catalog import OPS
from vpc2.augment.spec import Pipeline
from vpc2.ui import markdown
from vpc2.ui.augment.pipeline_editor import describe_outcome
from vpc2.ui.computed import augmented
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

COLUMNS = {3: 4, 5: 3, 8: 3}  # columns of the grid by the number of draws; the original takes one more cell
DRAWS = tuple(COLUMNS)
SIDE_PX = 384
MAX_DRAWS = 8

Photo = dict[str, Any]


def show_gallery(pipeline: Pipeline, photos: list[Photo]) -> None:
    """Draw every photograph and its draws, each with the steps that were applied and the values that were sampled."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if button(_("Draw again"), type="primary", icon=":material/casino:", key="redraw"):
            workspace.save(replace(workspace.load("pipeline"), seed=secrets.randbelow(2**31)))
            st.rerun()
        draws = st.segmented_control(
            _("Draws"), DRAWS, default=DRAWS[1], required=True, key="draws", label_visibility="collapsed", persist_state="session"
        )
        cost = st.empty()
    for step in pipeline.steps:
        entry = OPS[step.op]
        if step.on and entry.preview_note is not None:
            st.caption(
                _("{step}: at full size it looks a little different. {why}").format(
                    step=localize(entry.title), why=localize(entry.preview_note)
                )
            )
    cost_ms, device = 0.0, "cpu"
    for photo in photos:
        result = page_frame.show_or_refuse(augmented.augmented_draws, pipeline, photo, draws, SIDE_PX)
        if result is not None:
            cost_ms, device = cost_ms + result["ms"], result["device"]
            _draw_tiles(photo, result, COLUMNS[draws])
    if photos:
        cost.caption(
            _("Seed {seed} · {n} draws in {ms} ms on {device}").format(
                seed=pipeline.seed, n=draws * len(photos), ms=number(cost_ms, ",.0f"), device=device.upper()
            )
        )


def _draw_tiles(photo: Photo, result: dict[str, Any], columns: int) -> None:
    st.markdown(f"### {markdown.escape(photo['name'])}")
    grid = st.grid(columns, min_column_width=150, gap="small")
    with grid.cell(), st.container(key=f"tile-{photo['digest']}-original", gap="xxsmall"):
        st.image(result["original"], alt=_("The original photograph"), width="stretch")
        st.caption(f"**{_('Original')}**")
    for i, (picture, steps) in enumerate(zip(result["pictures"], result["steps"], strict=True)):
        outcomes = [describe_outcome(*step) for step in steps]
        with grid.cell(), st.container(key=f"tile-{photo['digest']}-{i}", gap="xxsmall"):
            st.image(picture, alt="; ".join(outcomes) or _("Unchanged"), width="stretch")
            st.caption("  \n".join(outcomes) or _("Unchanged"))


def choose_draw(photos: list[Photo], key: str) -> tuple[Photo, int]:
    """Let the visitor choose one photograph and one draw of it; return the photograph and the draw's index, from 0."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = {photo["digest"]: photo["name"] for photo in photos}
        digest = st.selectbox(
            _("Photograph"), list(names), format_func=names.__getitem__, key=f"{key}/photo/{'-'.join(sorted(names))[:200]}", width=260
        )
        draw_number = st.segmented_control(
            _("Draw"), range(1, MAX_DRAWS + 1), default=1, required=True, key=f"{key}/draw", persist_state="session"
        )
    return next(photo for photo in photos if photo["digest"] == digest), draw_number - 1
