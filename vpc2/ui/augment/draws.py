"""The Augment page's right side: draws, the film of one draw, before and after, and whether labels survive."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import streamlit as st

from vpc2.augment.export.kornia_code import to_code
from vpc2.augment.export.other_libraries import to_albumentations, to_torchvision
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.spec import Pipeline
from vpc2.figures.augment import histogram_figure
from vpc2.ui.augment.pipeline_editor import describe_outcome
from vpc2.ui.components.compare_slider import compare_slider
from vpc2.ui.computed import augmented
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, number, say
from vpc2.ui.widgets import page_frame, photo_picker
from vpc2.ui.widgets.buttons import button
from vpc2.words import Text

COLUMNS = {3: 4, 5: 3, 8: 3}  # for so many draws and the original beside them
DRAWS = tuple(COLUMNS)
SIDE_PX = 384
MOST_DRAWS = 8

Photo = dict[str, Any]
_TAKEN = Text("{name} is now in the tray.", "{name} ya está en la bandeja.")


def draw_draws(pipeline: Pipeline, photos: list[Photo]) -> None:
    """Draw the original and its draws for every photograph, each with what was applied and the values it sampled."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if button(_("Draw again"), type="primary", icon=":material/casino:", key="redraw"):
            workspace.save(replace(workspace.load("pipeline"), seed=secrets.randbelow(2**31)))
            st.rerun()
        draws = st.segmented_control(
            _("Draws"), DRAWS, default=DRAWS[1], required=True, key="draws", label_visibility="collapsed", persist_state="session"
        )
        cost = st.empty()
    for step in pipeline.steps:
        if step.on and OPS[step.op].preview_note is not None:
            st.caption(
                _("{step}: at full size it looks a little different. {why}").format(
                    step=say(OPS[step.op].title), why=say(OPS[step.op].preview_note)
                )
            )
    cost_ms, device = 0.0, "cpu"
    for photo in photos:
        result = page_frame.guarded(augmented.drawn, pipeline, photo, draws, SIDE_PX)
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
    st.markdown(f"### {page_frame.literal(photo['name'])}")
    grid = st.grid(columns, min_column_width=150, gap="small")
    with grid.cell(), st.container(key=f"tile-{photo['digest']}-original", gap="xxsmall"):
        st.image(result["original"], alt=_("The original photograph"), width="stretch")
        st.caption(f"**{_('Original')}**")
    for i, (picture, steps) in enumerate(zip(result["pictures"], result["steps"], strict=True)):
        said = [describe_outcome(*step) for step in steps]
        with grid.cell(), st.container(key=f"tile-{photo['digest']}-{i}", gap="xxsmall"):
            st.image(picture, alt="; ".join(said) or _("Unchanged"), width="stretch")
            st.caption("  \n".join(said) or _("Unchanged"))


def _choose_draw(photos: list[Photo], key: str) -> tuple[Photo, int]:
    """Let the visitor choose one photograph and one draw of it; the number counts from 0."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = {photo["digest"]: photo["name"] for photo in photos}
        chosen = st.selectbox(
            _("Photograph"), list(names), format_func=names.get, key=f"{key}/photo/{'-'.join(sorted(names))[:200]}", width=260
        )
        shown = st.segmented_control(
            _("Draw"), range(1, MOST_DRAWS + 1), default=1, required=True, key=f"{key}/draw", persist_state="session"
        )
    return next(photo for photo in photos if photo["digest"] == chosen), shown - 1


def draw_film(pipeline: Pipeline, photos: list[Photo]) -> None:
    """Draw one draw after every step: the picture, and what that step did to it."""
    if not photos:
        return
    photo, draw = _choose_draw(photos, "film")
    film = page_frame.guarded(augmented.filmed, pipeline, photo, draw, SIDE_PX)
    if film is None:
        return
    grid = st.grid("auto", min_column_width=210, gap="small")
    with grid.cell(), st.container(key="tile-film-original", gap="xxsmall"):
        st.image(film["original"], alt=_("The original photograph"), width="stretch")
        st.caption(f"**{_('Original')}**")
    for i, (picture, outcome) in enumerate(zip(film["pictures"], film["steps"], strict=True), 1):
        said = describe_outcome(*outcome)
        with grid.cell(), st.container(key=f"tile-film-{outcome[0]}", gap="xxsmall"):
            st.image(picture, alt=said, width="stretch")
            st.caption(f"**{i}** {said}")


def draw_compare(pipeline: Pipeline, photos: list[Photo]) -> None:
    """Draw one draw over its original, their difference, and how the brightness of the pixels moved."""
    if not photos:
        return
    photo, draw = _choose_draw(photos, "compare")
    pair = page_frame.guarded(augmented.compared, pipeline, photo, draw, 2 * SIDE_PX)
    if pair is None:
        return
    slider, facts = st.columns([1.7, 1], gap="medium")
    words = {"before": _("Before"), "after": _("After"), "slide": _("How much of the original is shown")}
    with slider:
        compare_slider(pair["before"], pair["after"], key="compare/slider", words=words)
    with facts:
        said = _("{share} % of the pixels changed, by {mean} of 1 on average.").format(
            share=number(100 * pair["changed"], ".0f"), mean=number(pair["mean"], ".3f")
        )
        st.image(
            pair["difference"],
            alt=said,
            width="stretch",
            caption=_("Difference, brightened {n} times").format(n=number(pair["gain"], ".1f")),
        )
        st.markdown(said)
        figure = histogram_figure(*pair["histograms"], names=(words["before"], words["after"]), value=_("brightness"))
        st.plotly_chart(
            figure, key="compare/histogram", alt=_("How bright the pixels are, before and after"), config={"displayModeBar": False}
        )
    with st.container(horizontal=True):
        name = _("{name}, draw {n}").format(name=photo["name"], n=draw + 1)
        if button(_("Take this picture as input"), icon=":material/input:", key="compare/take"):
            photo_picker.add_pixels(augmented.full_draw(pipeline, photo, draw), name)
            workspace.remember_note(_TAKEN.fill(name=name))
            st.rerun()
        st.download_button(
            _("Save at full size"),
            lambda: augmented.full_draw_png(pipeline, photo, draw),
            file_name="draw.png",
            mime="image/png",
            icon=":material/download:",
            on_click="ignore",
        )


def draw_code(pipeline: Pipeline, photos: list[Photo]) -> None:
    """Show the pipeline as a script: the one that makes these very draws, or the nearest in another library."""
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
