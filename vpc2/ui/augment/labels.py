"""Augment page, tab Labels: boxes, points and masks on a photograph, and the same labels transformed by each draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from vpc2.augment.operations.catalog import OPS
from vpc2.augment.spec import Pipeline, edit_scale
from vpc2.images.samples import SAMPLES
from vpc2.labels import BOX, MASK, MAX_LABELS, POINT, Label, from_docs
from vpc2.ui import markdown
from vpc2.ui.augment import label_files
from vpc2.ui.components.label_editor import label_editor
from vpc2.ui.computed import augmented
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.widgets import page_frame

DRAWS = 6
SIDE_PX = 384


def labels_of(photo: dict[str, Any]) -> tuple[Label, ...]:
    """Return the labels of a photograph: those the visitor drew, else those that come with the sample."""
    documents = st.session_state.get("labels", {}).get(photo["digest"])
    if documents is not None:
        return from_docs(documents)
    entry = SAMPLES.get(photo.get("key", ""))
    return tuple(replace(label, name=localize(name)) for name, label in entry.labels) if entry else ()


def save_labels(photo: dict[str, Any], labels: Sequence[Label]) -> None:
    """Store a photograph's labels in the session state, as plain documents."""
    st.session_state.setdefault("labels", {})[photo["digest"]] = [label.to_doc() for label in labels]


def show_label_tab(pipeline: Pipeline, photos: list[dict[str, Any]]) -> None:
    """Let the visitor label one photograph, by hand or from a file, and show every draw with its transformed labels."""
    if not photos:
        return
    editor, draws = st.columns([1.35, 1], gap="medium")
    with editor:
        photo = photos[0]
        if len(photos) > 1:
            names = {candidate["digest"]: candidate["name"] for candidate in photos}
            digest = st.segmented_control(
                _("Photograph"),
                list(names),
                default=photo["digest"],
                required=True,
                format_func=lambda digest: markdown.escape(names[digest]),
                key=f"labels/photo/{'-'.join(sorted(names))[:200]}",
                label_visibility="collapsed",
            )
            photo = next(candidate for candidate in photos if candidate["digest"] == digest)
        labels = labels_of(photo)
        edited = label_editor(augmented.resized_jpeg(photo, SIDE_PX * 2), labels, key=f"labels/{photo['digest']}", words=_editor_words())
        if edited is None:
            edited = label_files.show_label_files(photo, labels)
        if edited is not None:
            save_labels(photo, edited)
            st.rerun()
    with draws:
        _draw_transformed(pipeline, photo, labels)


def _editor_words() -> dict[str, str]:
    return {
        "image": _("The photograph with its labels"),
        "tools": _("What to draw"),
        "box": _("Box"),
        "point": _("Point"),
        "mask": _("Mask"),
        "hint_box": _("Drag from one corner to the other."),
        "hint_point": _("Click the place."),
        "hint_mask": _("Click the corners of the outline; a double click, Enter or the first corner closes it."),
        "keys": _("By keyboard: the arrows move a cross, space sets a corner, Enter closes, Escape gives up."),
        "name": _("Class"),
        "optional": _("optional"),
        "finish": _("Close the outline"),
        "cancel": _("Give up"),
        "list": _("Labels on this photograph"),
        "remove": _("Remove"),
        "clear": _("Remove all"),
        "added": _("Added."),
        "full": _("A photograph takes {most} labels: remove one first.").format(most=number(MAX_LABELS)),
        "small": _("Too small for a box: drag farther."),
    }


def _draw_transformed(pipeline: Pipeline, photo: dict[str, Any], labels: tuple[Label, ...]) -> None:
    """Draw every draw with its transformed labels, how many labels left the image, and which steps Kornia does not move labels for."""
    counts = {kind: number(sum(label.kind == kind for label in labels)) for kind in (BOX, POINT, MASK)}
    if labels:
        st.markdown(_("Boxes: {box}. Points: {point}. Masks: {mask}. They follow every step that moves pixels.").format(**counts))
    else:
        st.markdown(_("Nothing is marked on this photograph: draw a box, a point or an outline, and every draw shows where it goes."))
    draws = page_frame.show_or_refuse(
        _transform_labels, augmented.token_of(pipeline), photo["digest"], repr(labels), labels, photo["pixels"]
    )
    if draws is None:
        return
    grid = st.grid(2, min_column_width=150, gap="small")
    for i, draw in enumerate(draws):
        caption = _caption_of(draw["gone"], len(labels))
        with grid.cell(), st.container(key=f"tile-label-{i}", gap="xxsmall"):
            st.image(draw["picture"], alt=_("Draw {n} with its labels").format(n=i + 1), width="stretch")
            if caption:
                st.caption(caption)
    not_by_kornia = labels and [localize(OPS[step.op].title) for step in pipeline.steps if step.on and not OPS[step.op].moves_labels]
    if not_by_kornia:
        st.caption(
            ":material/label: "
            + _("{steps}: Kornia leaves labels behind here; they are moved by the pixels' own way.").format(steps=", ".join(not_by_kornia))
        )


def _caption_of(gone: int, labels: int) -> str:
    """Return the caption of a draw: how many labels left the image; empty where the photograph has no labels."""
    if not labels:
        return ""
    return _("{n} left the picture").format(n=number(gone)) if gone else _("all labels are here")


@st.cache_data(max_size="64MB", show_spinner=False)
def _transform_labels(token: str, image_key: str, labels_key: str, _labels: tuple[Label, ...], _pixels: np.ndarray) -> list[dict[str, Any]]:
    """Return each draw with its labels drawn on it as JPEG (`picture`), and how many labels left the image (`gone`)."""
    from vpc2 import codec
    from vpc2.augment.labels.transform import move_labels, track_draw
    from vpc2.augment.pipeline import draw_images
    from vpc2.images.encode import resize_pixels, to_jpeg, to_pixels, to_tensor
    from vpc2.images.label_drawing import draw_labels
    from vpc2.system.device import pick_device

    small = resize_pixels(_pixels, SIDE_PX)
    pipeline = edit_scale(codec.from_token(token, "pipeline").spec, max(small.shape[:2]) / max(_pixels.shape[:2]))
    results = []
    with augmented.computation_slot():
        draws = draw_images(pipeline, to_tensor(small), DRAWS, image_key, pick_device())
        for i, draw in enumerate(draws):
            moved = move_labels(track_draw(pipeline, small.shape[0], small.shape[1], i, image_key), _labels)
            picture = draw_labels(to_pixels(draw.image), [label for parts in moved for label in parts])
            results.append({"picture": to_jpeg(picture), "gone": sum(not parts for parts in moved)})
    return results
