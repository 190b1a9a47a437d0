"""The Augment page's mixing: several photographs in one, and what share of each its label keeps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from vpc2.augment.mixing import MIXES
from vpc2.augment.spec import Pipeline
from vpc2.figures.augment import shares_svg
from vpc2.rng import seed_of
from vpc2.ui import cache, chrome
from vpc2.ui.controls import draw_knob
from vpc2.ui.language import _, number, say
from vpc2.ui.steps import PALETTE

SIDE_PX = 320


def draw_mixing(pipeline: Pipeline, photos: list[dict[str, Any]]) -> None:
    """Draw the chosen photographs mixed, with each mixture's label as a stacked bar. The seed is the pipeline's."""
    way, knobs = st.columns([1, 2.4], gap="medium")
    key = way.selectbox(
        _("Way of mixing"), list(MIXES), format_func=lambda key: say(MIXES[key].title), key="mix/way", persist_state="session"
    )
    way.caption(say(MIXES[key].help))
    params = {}
    with knobs, st.container(horizontal=True):
        for knob in MIXES[key].knobs:
            with st.container(width=280):
                params[knob.key] = draw_knob(knob, knob.clean(knob.default), key=f"mix/{key}/{knob.key}")
    if len(photos) < MIXES[key].fewest:
        st.info(_("Choose at least {n} photographs above to mix them.").format(n=MIXES[key].fewest), icon=":material/photo_library:")
        return
    found = chrome.guarded(_mixed, key, tuple(sorted((name, repr(value)) for name, value in params.items())), pipeline.seed, photos, params)
    if found is None:
        return
    colours = {photo["digest"]: PALETTE[i % len(PALETTE)] for i, photo in enumerate(photos)}
    grid = st.grid(3, min_column_width=200, gap="small")
    for i, (picture, shares) in enumerate(zip(found["pictures"], found["shares"], strict=True)):
        parts = sorted(((share, photo) for share, photo in zip(shares, photos, strict=True) if share > 0.0005), key=lambda part: -part[0])
        said = " · ".join(f"{chrome.literal(photo['name'])} {number(100 * share, '.0f')}\u00a0%" for share, photo in parts)
        with grid.cell(), st.container(key=f"tile-mix-{i}", gap="xxsmall"):
            st.image(picture, alt=said, width="stretch")
            st.image(
                shares_svg([share for share, _photo in parts], [colours[photo["digest"]] for _share, photo in parts]),
                alt=said,
                width="stretch",
            )
            st.caption(said)
    st.caption(_("The label is mixed in these shares: each is the part of the result's pixels that comes from that photograph."))
    if st.button(_("Mix again"), icon=":material/casino:", key="mix/again"):
        st.session_state["mix/count"] = st.session_state.get("mix/count", 0) + 1
        st.rerun()


def _mixed(key: str, kept: tuple, seed: int, photos: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
    digests = tuple(photo["digest"] for photo in photos)
    own = seed_of(seed, "mix", key, *digests, st.session_state.get("mix/count", 0))
    return _computed(key, kept, digests, own, params, [photo["pixels"] for photo in photos])


@st.cache_data(max_size="64MB", show_spinner=False)
def _computed(
    key: str, kept: tuple, digests: tuple[str, ...], seed: int, _params: dict[str, Any], _pixels: list[np.ndarray]
) -> dict[str, Any]:
    """Return the mixtures as JPEG and the shares as lists; the photographs are cut to squares of one size first."""
    import torch

    from vpc2.augment.mixing import mix_images
    from vpc2.images.encode import resize_square, to_jpeg, to_tensor

    with cache.computing():
        images = torch.stack([to_tensor(resize_square(_centre(pixels), SIDE_PX)) for pixels in _pixels])
        mixed, shares = mix_images(key, _params, images, seed)
    return {"pictures": [to_jpeg(image) for image in mixed], "shares": shares.tolist()}


def _centre(pixels: np.ndarray) -> np.ndarray:
    """Return the largest square in the middle of a picture."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = math.floor((height - side) / 2), math.floor((width - side) / 2)
    return pixels[top : top + side, left : left + side]
