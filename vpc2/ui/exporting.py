"""The Augment page's way out: an augmented data set as a ZIP, from the photographs in the tray or from a data set."""

from __future__ import annotations

import tempfile
import time
from typing import Any

import streamlit as st

from vpc2.augment.spec import Pipeline
from vpc2.data import datasets
from vpc2.data.datasets import DATASETS, find_dataset
from vpc2.host import MB
from vpc2.ui import cache, chrome, ownsets
from vpc2.ui.language import _, number, say
from vpc2.words import clean_name

MOST = 10_000  # pictures in one ZIP
SIDE_PX = 512
_TRAY = "tray"


def draw_export(pipeline: Pipeline, photos: list[dict[str, Any]]) -> None:
    """Let the visitor choose what to augment and how often; write the ZIP with progress, and offer it."""
    ready = [key for key in (*DATASETS, *ownsets.keys()) if datasets.is_ready(key)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox(
            _("Pictures"),
            [_TRAY, *ready],
            format_func=lambda key: _("The photographs chosen above") if key == _TRAY else say(find_dataset(key).title),
            key="export/source",
            width=320,
        )
        copies = st.number_input(_("Draws of each picture"), 0, 50, 4, key="export/copies", width=180)
        is_balanced = source != _TRAY and st.toggle(
            _("Balance the classes"), key="export/balance", help=_("Smaller classes get more draws, until all are as large as the largest.")
        )
    items, labels = _items(source, photos)
    if not items:
        return
    from vpc2.augment.offline import copies_of

    shared = copies_of(labels, int(copies), is_balanced=is_balanced)
    total = len(shared) + sum(shared)
    _compare(pipeline, len(shared), total)
    if total > MOST:
        st.warning(
            _("That would be {n} pictures; at most {most} go into one ZIP. Ask for fewer draws.").format(
                n=number(total), most=number(MOST)
            ),
            icon=":material/warning:",
        )
        return
    asked = (cache.token_of(pipeline), source, tuple(photo["digest"] for photo in photos) if source == _TRAY else (), tuple(shared))
    if st.button(_("Write the ZIP"), type="primary", icon=":material/folder_zip:", key="export/write"):
        data = chrome.guarded(_write, pipeline, items, shared, total)
        st.session_state["export/written"] = (asked, data)
    kept = st.session_state.get("export/written")
    if kept is not None and kept[0] == asked and kept[1] is not None:
        st.download_button(
            _("Save {n} pictures ({mb} MB)").format(n=number(total), mb=number(len(kept[1]) / MB, ",.1f")),
            kept[1],
            file_name="augmented.zip",
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption(_("One folder a class, and manifest.csv with every sampled value. The same seed gives the same bytes."))


def _items(source: str, photos: list[dict[str, Any]]) -> tuple[list[Any], list[str]]:
    from vpc2.augment.offline import Item
    from vpc2.images.encode import resize_pixels, to_tensor

    if source == _TRAY:
        label = _("photographs")
        made = [
            Item(f"{i:02d}_{_plain(photo['name'])}", label, lambda photo=photo: to_tensor(resize_pixels(photo["pixels"], SIDE_PX)))
            for i, photo in enumerate(photos)
        ]
        return made, [label] * len(made)
    data = chrome.guarded(datasets.load_dataset, source)
    if data is None:
        return [], []
    names = [f"{i:02d}_{_plain(name)}" for i, name in enumerate(data.classes)]
    labels = [names[label] for label in data.labels]
    return [Item(f"{i:06d}", label, lambda i=i: to_tensor(data.images[i])) for i, label in enumerate(labels)], labels


def _plain(name: str) -> str:
    """Return a visitor's name as a file may be called anywhere: letters and digits, nothing that a path or a shell reads."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in clean_name(name))[:40] or "_"


def _compare(pipeline: Pipeline, pictures: int, total: int) -> None:
    """Set online beside offline: what an epoch sees, what ten epochs have seen, and the room it takes."""
    online = 1 if pipeline.is_plain() else 10
    st.table(
        {
            "": [_("Pictures in an epoch"), _("Different pictures in ten epochs, at most"), _("On disk")],
            _("Online, while training"): [number(pictures), number(pictures * online), _("nothing")],
            _("Offline, this ZIP"): [number(total), number(total), _("the ZIP")],
        },
        border="horizontal",
        hide_index=True,
        alt=_("Online and offline augmentation compared"),
    )


def _write(pipeline: Pipeline, items: list[Any], shared: list[int], total: int) -> bytes:
    from vpc2.augment.offline import write_dataset
    from vpc2.images.encode import to_jpeg

    began = time.perf_counter()
    bar, cancel = st.empty(), st.empty()
    cancel.button(_("Cancel"), icon=":material/close:", key="export/cancel")  # any click ends this run of the page, and the writing

    def report(written: int) -> None:
        left = (time.perf_counter() - began) / written * (total - written)
        bar.progress(
            min(written / total, 1.0),
            text=_("{n} of {total} pictures, about {s} s left").format(n=number(written), total=number(total), s=number(left, ",.0f")),
        )

    with tempfile.TemporaryFile() as file:
        write_dataset(file, pipeline, items, shared, to_jpeg, report=report, place=cache.computing)
        file.seek(0)
        data = file.read()
    bar.empty()
    cancel.empty()
    return data
