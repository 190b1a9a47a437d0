"""Augment page, tab Labels: import and export of a photograph's labels as COCO or YOLO files."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vpc2.augment.labels.files import class_names, from_coco, from_yolo, to_coco, to_yolo
from vpc2.images.samples import SAMPLES
from vpc2.labels import MAX_LABELS, POINT, Label
from vpc2.text import Plural, Refusal, Text, clean_name
from vpc2.ui import markdown
from vpc2.ui.session import notices
from vpc2.ui.session.i18n import _, number

_IMPORTED = Plural("{n} label came from “{name}”.", "{n} labels came from “{name}”.")
_FULL = Text("A photograph takes at most {most} labels; of the file's, this many had no room: {left}.")


def show_label_files(photo: dict[str, Any], labels: tuple[Label, ...]) -> tuple[Label, ...] | None:
    """Draw the import of labels from a file and the export; return the labels with those of the file added, or None without a file."""
    count = st.session_state.setdefault("labels/uploads", 0)
    with st.container(horizontal=True):
        with st.popover(_("Labels from a file"), icon=":material/upload_file:", key=f"labels/open/{count}"):
            st.caption(_("COCO (.json) or YOLO (.txt: boxes, or outlines). They are added to those drawn."))
            upload = st.file_uploader(
                _("A file with labels"), type=["json", "txt"], key=f"labels/file/{count}", max_upload_size=1, label_visibility="collapsed"
            )
        if labels:
            with st.popover(_("Save the labels"), icon=":material/download:", key="labels/save"):
                _draw_downloads(photo, labels)
    if upload is None:
        return None
    st.session_state["labels/uploads"] += 1
    try:
        is_coco = upload.name.lower().endswith(".json")
        orientation = photo.get("orientation", 1)
        if is_coco:
            imported = from_coco(upload.getvalue(), file_name(photo), _size_of(photo), orientation)
        else:
            imported = from_yolo(upload.getvalue(), orientation=orientation)
    except Refusal as refusal:
        notices.add_note(refusal.text, "error")
        return labels
    free = max(MAX_LABELS - len(labels), 0)
    notices.add_note(_IMPORTED.fill(n=min(len(imported.labels), free), name=clean_name(upload.name)))
    for note in imported.notes:
        notices.add_note(note)
    if len(imported.labels) > free:
        notices.add_note(_FULL.fill(most=MAX_LABELS, left=len(imported.labels) - free))
    return (*labels, *imported.labels[:free])


def _draw_downloads(photo: dict[str, Any], labels: tuple[Label, ...]) -> None:
    name, names = file_name(photo), class_names(labels)
    stem = name.rpartition(".")[0]
    st.download_button(
        "COCO",
        lambda: to_coco(labels, name, *_size_of(photo)),
        file_name=f"{stem}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key="labels/save/coco",
        width="stretch",
    )
    st.download_button(
        "YOLO",
        lambda: to_yolo(labels, names),
        file_name=f"{stem}.txt",
        mime="text/plain",
        icon=":material/download:",
        on_click="ignore",
        key="labels/save/yolo",
        disabled=not names,
        width="stretch",
    )
    classes = [f"{i} {markdown.escape(class_name)}" for i, class_name in enumerate(names)]
    if classes:
        st.caption(_("YOLO writes classes as numbers: {classes}.").format(classes=", ".join(classes)))
    points = sum(label.kind == POINT for label in labels)
    if points:
        st.caption(_("YOLO has no place for points: {n} stay out.").format(n=number(points)))


def file_name(photo: dict[str, Any]) -> str:
    """Return a photograph's file name, with a suffix (.jpg where it has none)."""
    name = SAMPLES[photo["key"]].file if photo.get("key") in SAMPLES else photo["name"]
    return name if "." in name else f"{name}.jpg"


def _size_of(photo: dict[str, Any]) -> tuple[int, int]:
    """Return the original width and height of a photograph in px, exchanged where its EXIF orientation turns it upright."""
    (width, height), shape = photo["size"], photo["pixels"].shape
    return (width, height) if (width > height) == (shape[1] > shape[0]) else (height, width)
