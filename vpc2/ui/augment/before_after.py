"""Augment page, tab Compare: a slider between a photograph and one draw of it, their difference and both brightness histograms."""

from __future__ import annotations

import streamlit as st

from vpc2.augment.spec import Pipeline
from vpc2.figures.augment import histogram_figure
from vpc2.text import Text
from vpc2.ui.augment.draws import SIDE_PX, Photo, choose_draw
from vpc2.ui.components.compare_slider import compare_slider
from vpc2.ui.computed import augmented
from vpc2.ui.session import notices
from vpc2.ui.session.i18n import _, number, points
from vpc2.ui.widgets import page_frame, photo_picker
from vpc2.ui.widgets.buttons import button

_ADDED_TO_TRAY = Text("{name} is now in the tray.")


def show_before_after(pipeline: Pipeline, photos: list[Photo]) -> None:
    """Draw the comparison of one draw with its original, and the buttons that add the draw to the tray or save it at full size."""
    if not photos:
        return
    photo, draw = choose_draw(photos, "compare")
    comparison = page_frame.show_or_refuse(augmented.before_after, pipeline, photo, draw, 2 * SIDE_PX)
    if comparison is None:
        return
    slider, facts = st.columns([1.7, 1], gap="medium")
    words = {"before": _("Before"), "after": _("After"), "slide": _("How much of the original is shown")}
    with slider:
        compare_slider(comparison["before"], comparison["after"], key="compare/slider", words=words)
    with facts:
        summary = _("{share} % of the pixels changed, by {mean} of 1 on average.").format(
            share=points(comparison["changed"], 0), mean=number(comparison["mean"], ".3f")
        )
        st.image(
            comparison["difference"],
            alt=summary,
            width="stretch",
            caption=_("Difference, brightened {n} times").format(n=number(comparison["gain"], ".1f")),
        )
        st.markdown(summary)
        figure = histogram_figure(*comparison["histograms"], names=(words["before"], words["after"]), x_title=_("brightness"))
        st.plotly_chart(
            figure, key="compare/histogram", alt=_("How bright the pixels are, before and after"), config={"displayModeBar": False}
        )
    with st.container(horizontal=True):
        name = _("{name}, draw {n}").format(name=photo["name"], n=draw + 1)
        if button(_("Take this picture as input"), icon=":material/input:", key="compare/take"):
            photo_picker.add_pixels(augmented.full_size_draw(pipeline, photo, draw), name)
            notices.add_note(_ADDED_TO_TRAY.fill(name=name))
            st.rerun()
        st.download_button(
            _("Save at full size"),
            lambda: augmented.full_size_draw_png(pipeline, photo, draw),
            file_name="draw.png",
            mime="image/png",
            icon=":material/download:",
            on_click="ignore",
        )
