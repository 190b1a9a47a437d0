"""Augment: a pipeline as cards on the left, what it does to photographs on the right."""

import secrets
from dataclasses import replace

import streamlit as st

from vpc2.augment.code import to_code
from vpc2.augment.ops import OPS
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import edit_add
from vpc2.ui import cache, chrome, state
from vpc2.ui.language import _, number, say
from vpc2.ui.steps import describe_outcome, edit_pipeline
from vpc2.ui.tray import draw_tray

COLUMNS = {3: 4, 5: 3, 8: 3}  # for so many draws and the original beside them
DRAWS = tuple(COLUMNS)
SIDE_PX = 384


def draw_tiles(pipeline, photos, draws):
    cost_ms, device = 0.0, "cpu"
    for photo in photos:
        result = chrome.guarded(cache.drawn, pipeline, photo, draws, SIDE_PX)
        if result is None:
            continue
        cost_ms, device = cost_ms + result["ms"], result["device"]
        st.markdown(f"### {chrome.literal(photo['name'])}")
        grid = st.grid(COLUMNS[draws], min_column_width=150, gap="small")
        with grid.cell(), st.container(key=f"tile-{photo['digest']}-original", gap="xxsmall"):
            st.image(result["original"], alt=_("The original photograph"), width="stretch")
            st.caption(f"**{_('Original')}**")
        for i, (picture, steps) in enumerate(zip(result["pictures"], result["steps"], strict=True)):
            said = [describe_outcome(*step) for step in steps]
            with grid.cell(), st.container(key=f"tile-{photo['digest']}-{i}", gap="xxsmall"):
                st.image(picture, alt="; ".join(said) or _("Unchanged"), width="stretch")
                st.caption("  \n".join(said) or _("Unchanged"))
    return cost_ms, device


pipeline = state.load("pipeline")
chrome.draw_heading(_("Augment"), _("One photograph, many draws: see what your net will see."), "pipeline")
left, right = st.columns([1, 2.6], gap="medium")

with left:
    preset = st.selectbox(
        _("Start from a preset"),
        list(PIPELINES),
        index=None,
        format_func=lambda key: say(PIPELINES[key].title),
        placeholder=_("Choose a preset"),
        key=state.key("pipeline", "preset"),
    )
    if preset:
        state.save(replace(PIPELINES[preset].pipeline, seed=pipeline.seed), from_outside=True)
        st.rerun()
    pipeline = edit_pipeline(pipeline)
    added = st.selectbox(
        _("Add a step"),
        list(OPS),
        index=None,
        format_func=lambda key: f"{say(OPS[key].title)} · {key}",
        placeholder=_("Type to search: rotation, blur…"),
        key=state.key("pipeline", "add", str(len(pipeline.steps)), pipeline.free_id()),
    )
    if added:
        grown = chrome.guarded(edit_add, pipeline, added)
        if grown:
            st.session_state["pipeline/selected"] = grown.steps[-1].id
            state.save(grown)
            st.rerun()

with right:
    photos = draw_tray("augment")
    shown, coded = st.tabs([_("Draws"), _("Code")])
    with shown:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            if st.button(_("Draw again"), type="primary", icon=":material/casino:", key="redraw"):
                state.save(replace(pipeline, seed=secrets.randbelow(2**31)), from_outside=False)
                st.rerun()
            draws = st.segmented_control(
                _("Draws"), DRAWS, default=DRAWS[1], required=True, key="draws", label_visibility="collapsed", persist_state="session"
            )
            cost = st.empty()
        cost_ms, device = draw_tiles(pipeline, photos, draws)
        if photos:
            cost.caption(
                _("Seed {seed} · {n} draws in {ms} ms on {device}").format(
                    seed=pipeline.seed, n=draws * len(photos), ms=number(cost_ms, ",.0f"), device=device.upper()
                )
            )
    with coded:
        st.caption(_("This script makes exactly the draws above: same seed, same pixels."))
        st.code(to_code(pipeline), language="python", line_numbers=False)
        st.download_button(_("Save the script"), to_code(pipeline), file_name="pipeline.py", on_click="ignore", icon=":material/download:")
