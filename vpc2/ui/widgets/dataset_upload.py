"""Upload of a data set as a ZIP or a folder with one folder per class; also the entry to the data set builder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import streamlit as st

from vpc2.system.host import LIMITS, MB
from vpc2.text import Plural, Refusal, Text
from vpc2.ui.session import notices, workspace
from vpc2.ui.session.i18n import _
from vpc2.ui.session.own_datasets import keys
from vpc2.ui.widgets import dataset_builder
from vpc2.ui.widgets.buttons import button

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_SKIPPED = Text("Left out: {count:,}. The first, {name}: {why}")
_ADDED = Plural("{name}: {count:,} picture in {classes} classes.", "{name}: {count:,} pictures in {classes} classes.", count="count")


def show_dataset_upload(current: str) -> str | None:
    """Draw the popover that uploads a data set, opens the builder or deletes the selected set.

    Return the key of the data set to select now, or None.
    """
    count = st.session_state.setdefault("own/uploads", 0)
    with st.popover(_("Add your own pictures"), icon=":material/create_new_folder:", key=f"own/add/{count}", width="stretch"):
        if button(_("Type classes and fill them"), icon=":material/add_a_photo:", key="own/draft", type="primary", width="stretch"):
            dataset_builder.open_builder()
            st.query_params.pop("run", None)
            st.query_params.pop("experiment", None)
            st.rerun()
        st.caption(_("Or one folder a class, the folder's name is the class: as a ZIP, or the folder itself."))
        st.caption(_("They stay on this server, for you alone, until nobody has used them for {n} days.").format(n=LIMITS.own_days))
        archive = st.file_uploader(_("A ZIP"), type=["zip"], key=f"own/zip/{count}", max_upload_size=LIMITS.archive_bytes // MB)
        folder = st.file_uploader(_("A folder"), accept_multiple_files="directory", key=f"own/folder/{count}")
        if current in keys() and button(_("Delete the chosen set"), icon=":material/delete:", key="own/delete", type="tertiary"):
            from vpc2.data import uploaded_sets

            uploaded_sets.delete(current, workspace.visitor_id())
            return "digits"
    if archive is None and not folder:
        return None
    st.session_state["own/uploads"] += 1
    try:
        with st.spinner(_("Reading the pictures…")):
            return _store_dataset(archive, folder)
    except Refusal as refusal:
        notices.add_note(refusal.text, "error")
    st.rerun()
    return None


def _store_dataset(archive: UploadedFile | None, folder: Sequence[UploadedFile]) -> str:
    from vpc2.data import uploaded_sets
    from vpc2.data.folder_or_zip import load_archive, load_uploads

    if archive is not None:
        name, data = archive.name.removesuffix(".zip"), load_archive(archive.getvalue(), uploaded_sets.SIZE_PX)
    else:
        files = [(file.name, file.getvalue()) for file in folder]
        name, data = PurePosixPath(files[0][0]).parts[0], load_uploads(files, uploaded_sets.SIZE_PX)
    entry = uploaded_sets.keep(data, name, workspace.owner_id())
    notices.add_note(_ADDED.fill(name=entry.title, count=len(data), classes=len(data.classes)))
    for note in data.notes:
        notices.add_note(note)
    if data.skipped:
        first, why = data.skipped[0]
        notices.add_note(_SKIPPED.fill(count=len(data.skipped), name=first, why=why))
    return entry.key
