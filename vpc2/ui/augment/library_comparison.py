"""Augment page, tab Libraries: one operation at the same strength in Kornia, torchvision and Albumentations: images, difference, time."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from vpc2.augment.spec import Pipeline
from vpc2.ui.computed import augmented
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

SIDE_PX = 384
BATCH, BATCH_SIDE_PX = 64, 224
NAMES = {"kornia": "Kornia", "torchvision": "torchvision v2", "albumentations": "Albumentations"}


def show_libraries(pipeline: Pipeline, photos: list[dict[str, Any]]) -> None:
    """Draw one operation, matched across every installed library, on the first photograph."""
    from vpc2.augment.library_comparison import MATCHES

    chosen = next((step.op for step in pipeline.steps if step.op in MATCHES), next(iter(MATCHES)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = st.selectbox(
            _("Operation"),
            list(MATCHES),
            index=list(MATCHES).index(chosen),
            format_func=lambda key: localize(MATCHES[key].title),
            key="libraries/op",
            width=280,
        )
        st.caption(localize(MATCHES[key].help))
    if not photos:
        return
    results = page_frame.show_or_refuse(_apply_in_each, key, photos[0]["digest"], photos[0]["pixels"])
    if results is None:
        return
    grid = st.grid(3, min_column_width=200, gap="small")
    for library, facts in results.items():
        with grid.cell(), st.container(key=f"tile-lib-{library}", gap="xxsmall"):
            st.image(facts["picture"], alt=NAMES[library], width="stretch")
            caption = (
                _("the reference")
                if library == "kornia"
                else _("differs from Kornia by {mean} of 255 on average, by {most} at most").format(
                    mean=number(facts["mean"], ".2f"), most=number(facts["most"])
                )
            )
            st.caption(f"**{NAMES[library]}**  \n{caption}  \n{number(facts['ms'], ',.0f' if facts['ms'] >= 100 else '.3g')} ms")
    _draw_fastest(results)
    if "albumentations" not in results:
        st.caption(_("Albumentations is not installed here, or has no equal of this operation."))
    if button(_("Time a batch of {n}").format(n=BATCH), icon=":material/timer:", key="libraries/time"):
        with st.spinner(_("Timing {n} pictures in turns…").format(n=BATCH)):
            times = page_frame.show_or_refuse(_time_batch, key, photos[0]["digest"], photos[0]["pixels"])
        if times is not None:
            rows = sorted(times["ms"].items(), key=lambda row: row[1])
            st.table(
                {
                    _("Library"): [NAMES[library] for library, ms_ in rows],
                    _("Batch of {n}, {side} px (ms)").format(n=BATCH, side=BATCH_SIDE_PX): [number(ms, ",.0f") for lib_, ms in rows],
                    _("Times the quickest"): [number(ms / rows[0][1], ",.1f") for lib_, ms in rows],
                },
                border="horizontal",
                hide_index=True,
                alt=_("Milliseconds of each library for a batch"),
            )
            st.caption(_("Kornia ran on {device}, the others on the CPU; medians of turns.").format(device=times["device"].upper()))


def _draw_fastest(results: dict[str, dict[str, Any]]) -> None:
    """Say which library is fastest for one image, also where it is not Kornia."""
    fastest = min(results, key=lambda library: results[library]["ms"])
    slowest = max(results, key=lambda library: results[library]["ms"])
    st.markdown(
        _("For one picture of {side} px, {quick} is quickest; {slow} takes {times} times as long.").format(
            side=SIDE_PX, quick=NAMES[fastest], slow=NAMES[slowest], times=number(results[slowest]["ms"] / results[fastest]["ms"], ",.1f")
        )
    )


@st.cache_data(max_size="64MB", show_spinner=False)
def _apply_in_each(key: str, image_key: str, _pixels: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return, by library: its image as JPEG, the mean and largest difference from Kornia's (0 to 255), and its milliseconds."""
    from vpc2.augment.library_comparison import apply_match, time_match
    from vpc2.images.encode import resize_pixels, to_jpeg
    from vpc2.system.device import pick_device

    pixels = resize_pixels(_pixels, SIDE_PX)
    with augmented.computation_slot():
        pictures = apply_match(key, pixels, pick_device())
        times = time_match(key, pixels, 1, device=pick_device())
    gaps = {library: np.abs(picture.astype(int) - pictures["kornia"].astype(int)) for library, picture in pictures.items()}
    return {
        library: {
            "picture": to_jpeg(picture),
            "mean": float(gaps[library].mean()),
            "most": int(gaps[library].max()),
            "ms": times[library],
        }
        for library, picture in pictures.items()
    }


@st.cache_data(max_size="1MB", show_spinner=False)
def _time_batch(key: str, image_key: str, _pixels: np.ndarray) -> dict[str, Any]:
    """Return the milliseconds of each library for a batch (`ms`), and the device that Kornia ran on."""
    from vpc2.augment.library_comparison import time_match
    from vpc2.images.encode import resize_square
    from vpc2.system.device import pick_device

    with augmented.computation_slot():
        return {
            "ms": time_match(key, resize_square(_pixels, BATCH_SIDE_PX), BATCH, turns=3, device=pick_device()),
            "device": pick_device(),
        }
