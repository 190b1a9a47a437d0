"""Augment page, tab Mix: MixUp, CutMix and the like over the chosen photographs, and the shares of the mixed label."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from vpc2.augment.mixes import MIXES
from vpc2.augment.spec import Pipeline, edit_mix
from vpc2.figures.augment import label_mix_svg
from vpc2.rng import seed_of
from vpc2.ui import markdown
from vpc2.ui.augment.pipeline_editor import PALETTE
from vpc2.ui.computed import augmented
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, localize, number, percent
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button
from vpc2.ui.widgets.knob_input import show_knob

SIDE_PX = 320


def show_mixing(pipeline: Pipeline, photos: list[dict[str, Any]]) -> None:
    """Draw the chosen photographs mixed, each with its mixed label as a stacked bar; on demand the mix becomes part of the pipeline."""
    key, params = _choose_mix()
    if len(photos) < MIXES[key].fewest:
        st.info(_("To mix this way, choose photographs above: at least {n}.").format(n=MIXES[key].fewest), icon=":material/photo_library:")
        return
    result = page_frame.show_or_refuse(
        _mix_photos, key, tuple(sorted((name, repr(value)) for name, value in params.items())), pipeline.seed, photos, params
    )
    if result is None:
        return
    colours = {photo["digest"]: PALETTE[i % len(PALETTE)] for i, photo in enumerate(photos)}
    grid = st.grid(3, min_column_width=200, gap="small")
    for i, (picture, shares) in enumerate(zip(result["pictures"], result["shares"], strict=True)):
        parts = sorted(((share, photo) for share, photo in zip(shares, photos, strict=True) if share > 0.0005), key=lambda part: -part[0])
        caption = " · ".join(f"{markdown.escape(photo['name'])} {percent(share, None)}" for share, photo in parts)
        with grid.cell(), st.container(key=f"tile-mix-{i}", gap="xxsmall"):
            st.image(picture, alt=caption, width="stretch")
            st.image(
                label_mix_svg([share for share, _photo in parts], [colours[photo["digest"]] for _share, photo in parts]),
                alt=caption,
                width="stretch",
            )
            st.caption(f"{caption}  \nλ = {number(shares[i], '.2f')}")
    st.caption(
        _(
            "The label is mixed in these shares: each is the part of the result's pixels that comes from that photograph. "
            "λ is what is left of the photograph itself."
        )
    )
    if button(_("Mix again"), icon=":material/casino:", key="mix/again"):
        st.session_state["mix/count"] = st.session_state.get("mix/count", 0) + 1
        st.rerun()


def _choose_mix() -> tuple[str, dict[str, Any]]:
    """Let the visitor choose the mix, its parameters and whether training batches are mixed too; return the mix's key and parameters."""
    pipeline: Pipeline = workspace.load("pipeline")
    current = pipeline.mix
    method, knobs = st.columns([1, 2.4], gap="medium")
    options = list(MIXES)
    key = method.selectbox(
        _("Way of mixing"),
        options,
        index=options.index(current.kind) if current else 0,
        format_func=lambda key: localize(MIXES[key].title),
        key=workspace.key("pipeline", "mix", "way"),
    )
    method.caption(localize(MIXES[key].help))
    params = {}
    with knobs, st.container(horizontal=True):
        for knob in MIXES[key].knobs:
            value = current.params[knob.key] if current and current.kind == key else knob.clean(knob.default)
            with st.container(width=280):
                params[knob.key] = show_knob(knob, value, key=workspace.key("pipeline", "mix", key, knob.key))
        is_kept = st.toggle(
            _("Mix when training too"),
            value=current is not None,
            key=workspace.key("pipeline", "mix", "kept"),
            help=_("The pipeline then mixes every batch that a net is trained on, and the labels in the same shares."),
        )
    workspace.save(edit_mix(pipeline, key if is_kept else None, params))
    return key, params


def _mix_photos(key: str, params_key: tuple, seed: int, photos: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
    digests = tuple(photo["digest"] for photo in photos)
    mix_seed = seed_of(seed, "mix", key, *digests, st.session_state.get("mix/count", 0))
    return _compute_mixes(key, params_key, digests, mix_seed, params, [photo["pixels"] for photo in photos])


@st.cache_data(max_size="64MB", show_spinner=False)
def _compute_mixes(
    key: str, params_key: tuple, digests: tuple[str, ...], seed: int, _params: dict[str, Any], _pixels: list[np.ndarray]
) -> dict[str, Any]:
    """Return the mixed images as JPEG and the label shares as lists; the photographs are cropped to squares of one size first."""
    import torch

    from vpc2.augment.mixing import mix_images
    from vpc2.images.encode import resize_square, to_jpeg, to_tensor

    with augmented.computation_slot():
        images = torch.stack([to_tensor(resize_square(_crop_centre(pixels), SIDE_PX)) for pixels in _pixels])
        mixed, shares = mix_images(key, _params, images, seed)
    return {"pictures": [to_jpeg(image) for image in mixed], "shares": shares.tolist()}


def _crop_centre(pixels: np.ndarray) -> np.ndarray:
    """Return the largest central square of an image, (H, W, 3)."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = math.floor((height - side) / 2), math.floor((width - side) / 2)
    return pixels[top : top + side, left : left + side]
