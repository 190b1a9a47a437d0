"""The Augment page's labels: boxes and points on a photograph, and where each draw takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from vpc2.augment.ops import OPS
from vpc2.augment.spec import Pipeline, edit_scale
from vpc2.images.samples import SAMPLES
from vpc2.ui import cache, chrome
from vpc2.ui.components.label_pad import MOST, label_pad
from vpc2.ui.language import _, number, say

DRAWS = 6
SIDE_PX = 384


def _labels_of(photo: dict[str, Any], key: str | None) -> dict[str, list]:
    """Return a photograph's boxes and points as shares of its sides: the visitor's, or the sample's own."""
    kept = st.session_state.setdefault("labels", {})
    if photo["digest"] not in kept:
        entry = SAMPLES.get(key)
        kept[photo["digest"]] = {"boxes": [*entry.boxes] if entry else [], "points": [*entry.points] if entry else []}
    return kept[photo["digest"]]


def draw_label_tab(pipeline: Pipeline, photos: list[dict[str, Any]]) -> None:
    """Let the visitor draw boxes and points on the first photograph, and show where every draw takes them."""
    if not photos:
        return
    photo = photos[0]
    labels = _labels_of(photo, photo.get("key"))
    pad, facts = st.columns([1.3, 1], gap="medium")
    words = {"image": _("The photograph with its labels"), "hint": _("Drag for a box, click for a point."), "clear": _("Remove all")}
    with pad:
        drawn = label_pad(cache.shown(photo, SIDE_PX * 2), labels["boxes"], labels["points"], key=f"labels/{photo['digest']}", words=words)
    if drawn is not None:
        kind, value = drawn
        if kind == "clear":
            labels["boxes"], labels["points"] = [], []
        else:
            labels[f"{kind}es" if kind == "box" else f"{kind}s"] = [*labels["boxes" if kind == "box" else "points"], value][-MOST:]
        st.rerun()
    with facts:
        st.markdown(
            _(
                "Boxes: {boxes}. Points: {points}. They follow every step that moves pixels, also the ones that Kornia itself "
                "does not follow."
            ).format(boxes=number(len(labels["boxes"])), points=number(len(labels["points"])))
        )
        for step in pipeline.steps:
            entry = OPS[step.op]
            if step.on and entry.is_policy:
                st.warning(
                    _("{step} draws its own operations: labels cannot follow it.").format(step=say(entry.title)),
                    icon=":material/label_off:",
                )
            elif step.on and not entry.moves_labels:
                st.info(
                    _("{step}: Kornia leaves labels behind here; they are moved by the pixels' own way.").format(step=say(entry.title)),
                    icon=":material/label:",
                )
    found = chrome.guarded(_moved, cache.token_of(pipeline), photo["digest"], repr(labels), labels, photo["pixels"])
    if found is None:
        return
    grid = st.grid(3, min_column_width=170, gap="small")
    for i, draw in enumerate(found):
        said = []
        if draw["gone"]:
            said.append(_("{n} left the picture").format(n=number(draw["gone"])))
        if draw["lost"]:
            said.append(_("labels could not follow: {steps}").format(steps=", ".join(say(OPS[op].title) for op in draw["lost"])))
        with grid.cell(), st.container(key=f"tile-label-{i}", gap="xxsmall"):
            st.image(draw["picture"], alt=_("Draw {n} with its labels").format(n=i + 1), width="stretch")
            st.caption(" · ".join(said) or _("all labels are here"))


@st.cache_data(max_size="64MB", show_spinner=False)
def _moved(token: str, image_key: str, labels_key: str, _labels: dict[str, list], _pixels: np.ndarray) -> list[dict[str, Any]]:
    """Return each draw with its labels on it as JPEG, how many labels left it, and the operations that lost them."""
    from vpc2 import codec
    from vpc2.augment.labels import move_boxes, move_points, track_draw
    from vpc2.augment.pipeline import draw_images, pick_device
    from vpc2.images.encode import resize_pixels, to_jpeg, to_pixels, to_tensor
    from vpc2.images.labels import draw_labels

    small = resize_pixels(_pixels, SIDE_PX)
    pipeline = edit_scale(codec.from_token(token, "pipeline").spec, max(small.shape[:2]) / max(_pixels.shape[:2]))
    height, width = small.shape[:2]
    boxes = [(x0 * width, y0 * height, x1 * width, y1 * height) for x0, y0, x1, y1 in _labels["boxes"]]
    points = [(x * (width - 1), y * (height - 1)) for x, y in _labels["points"]]
    ops = {step.id: step.op for step in pipeline.steps}
    results = []
    with cache.computing():
        draws = draw_images(pipeline, to_tensor(small), DRAWS, image_key, pick_device())
        for i, draw in enumerate(draws):
            track = track_draw(pipeline, height, width, i, image_key)
            moved = [*move_boxes(track, boxes)], [*move_points(track, points)]
            kept = [[label for label in kind if label is not None] for kind in moved] if not track.lost else [[], []]
            results.append(
                {
                    "picture": to_jpeg(draw_labels(to_pixels(draw.image), *kept)),
                    "gone": sum(label is None for kind in moved for label in kind),
                    "lost": [ops[step] for step in track.lost],
                }
            )
    return results
