"""Augment page, tab Take home: an augmented data set as a ZIP, made from the photographs in the tray or from a data set."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from typing import Any

import streamlit as st

from vpc2.augment.spec import Pipeline
from vpc2.data import datasets
from vpc2.data.datasets import DATASETS, find_dataset
from vpc2.system.host import MB
from vpc2.text import Text, clean_name
from vpc2.ui.augment import export_cost
from vpc2.ui.augment.labels import labels_of
from vpc2.ui.computed import augmented
from vpc2.ui.session import notices, own_datasets
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

MAX_IMAGES = 10_000  # in one ZIP
_TRAY = "tray"
_FOLDERS = "ImageFolder"
_STOPPED = Text("Writing was stopped; nothing of it was kept.")


def show_export(pipeline: Pipeline, photos: list[dict[str, Any]]) -> None:
    """Let the visitor choose the source, the draws per image and the layout; show the cost, write the ZIP and offer it for download."""
    from vpc2.augment.export.offline_dataset import LAYOUTS, copies_of

    ready = [key for key in (*DATASETS, *own_datasets.keys()) if datasets.is_ready(key)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox(
            _("Pictures"),
            [_TRAY, *ready],
            format_func=lambda key: _("The photographs chosen above") if key == _TRAY else localize(find_dataset(key).title),
            key="export/source",
            width=320,
        )
        copies = st.number_input(_("Draws of each picture"), 0, 50, 4, key="export/copies", width=180)
        layout = _FOLDERS
        if source == _TRAY:  # the pictures of data sets carry a class and no labels
            layout = st.segmented_control(_("Layout"), list(LAYOUTS), default=_FOLDERS, required=True, key="export/layout")
        is_balanced = source != _TRAY and st.toggle(
            _("Balance the classes"), key="export/balance", help=_("Smaller classes get more draws, until all are as large as the largest.")
        )
    st.caption(_layout_captions()[layout])
    items, labels = _items(source, photos)
    if not items:
        return
    copies_each = copies_of(labels, int(copies), is_balanced=is_balanced)
    total = len(copies_each) + sum(copies_each)
    # The ZIP depends on these values alone: one that was written from other values is not offered.
    content_key = (source, tuple((photo["digest"], labels_of(photo)) for photo in photos) if source == _TRAY else (), layout)
    request = (augmented.token_of(pipeline), content_key, tuple(copies_each))
    table = st.empty()
    if total > MAX_IMAGES:
        st.warning(
            _("That would be {n} pictures; at most {most} go into one ZIP. Ask for fewer draws.").format(
                n=number(total), most=number(MAX_IMAGES)
            ),
            icon=":material/warning:",
        )
        return
    cost = page_frame.show_or_refuse(export_cost.measure_export, pipeline, content_key, items, layout)
    if cost is None:
        return
    last_written = st.session_state.get("export/written")
    written = last_written if last_written is not None and last_written["asked"] == repr(request) else None
    with table.container():
        export_cost.show_comparison(cost, len(copies_each), sum(copies_each), written)
    if button(_("Write the ZIP"), type="primary", icon=":material/folder_zip:", key="export/write"):
        result = page_frame.show_or_refuse(_write, pipeline, items, copies_each, layout)
        if result is not None:
            st.session_state["export/written"] = {"asked": repr(request), **result}
            st.rerun()
    if written is not None:
        st.download_button(
            _("Save {n} pictures ({mb} MB)").format(n=number(total), mb=number(len(written["data"]) / MB, ",.1f")),
            written["data"],
            file_name="augmented.zip",
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption(_("manifest.csv in it tells every sampled value. The same seed gives the same bytes."))


def _layout_captions() -> dict[str, str]:
    return {
        "ImageFolder": _("One folder a class, as torchvision reads it. Labels on the photographs stay out."),
        "COCO": _("images/ and annotations.json: boxes, masks and points, moved with every draw."),
        "YOLO": _("images/, labels/ and data.yaml: boxes and masks, moved with every draw. Points have no place in it."),
    }


def _items(source: str, photos: list[dict[str, Any]]) -> tuple[list[Any], list[str]]:
    from vpc2.augment.export.offline_dataset import Item
    from vpc2.images.encode import to_tensor

    if source == _TRAY:
        label = _("photographs")
        items = [
            Item(
                f"{i:02d}_{_safe_name(photo['name'])}",
                label,
                partial(to_tensor, photo["pixels"]),
                labels_of(photo),
            )
            for i, photo in enumerate(photos)
        ]
        return items, [label] * len(items)
    data = page_frame.show_or_refuse(datasets.load_dataset, source)
    if data is None:
        return [], []
    names = [f"{i:02d}_{_safe_name(name)}" for i, name in enumerate(data.classes)]
    labels = [names[label] for label in data.labels]
    return [Item(f"{i:06d}", label, partial(to_tensor, data.images[i])) for i, label in enumerate(labels)], labels


def _safe_name(name: str) -> str:
    """Return a visitor's name as a safe file name: ASCII letters and digits, every other character (path, shell) as `_`; at most 40."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in clean_name(name))[:40] or "_"


def _write(pipeline: Pipeline, items: list[Any], copies_each: list[int], layout: str) -> dict[str, Any]:
    """Write the ZIP with a progress bar and a Cancel button; return its bytes as `data` and the seconds it took as `s`."""
    from vpc2.augment.export.offline_dataset import write_dataset
    from vpc2.images.encode import to_jpeg

    started, total = time.perf_counter(), len(copies_each) + sum(copies_each)
    bar, cancel = st.empty(), st.empty()
    # A click ends this script run at its next message to the browser, the progress; the temporary file is deleted with it.
    cancel.button(_("Cancel"), icon=":material/close:", key="export/cancel", on_click=notices.add_note, args=(_STOPPED,))

    def report(written: int) -> None:
        left = (time.perf_counter() - started) / written * (total - written)
        bar.progress(
            min(written / total, 1.0),
            text=_("{n} of {total} pictures, about {s} s left").format(n=number(written), total=number(total), s=number(left, ",.0f")),
        )

    with tempfile.TemporaryFile() as file:
        write_dataset(file, pipeline, items, copies_each, to_jpeg, layout=layout, report=report, place=augmented.computation_slot)
        file.seek(0)
        data = file.read()
    bar.empty()
    cancel.empty()
    return {"data": data, "s": time.perf_counter() - started}
