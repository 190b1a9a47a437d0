"""Builder of a data set: the visitor adds classes and fills them with uploaded images or the camera."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from urllib.parse import urlsplit

import streamlit as st

from vpc2.data.draft import MIN_PICTURES, USUAL_PICTURES, Draft, DraftStore, Group
from vpc2.text import Refusal
from vpc2.ui import markdown
from vpc2.ui.session import notices, workspace
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button, submit_button

_MAX_SHOWN = 24  # thumbnails of a class
_OPEN = "draft/open"


def is_open() -> bool:
    """True while the builder is open."""
    return bool(st.session_state.get(_OPEN))


def open_builder() -> None:
    """Open the builder in the right column of the Train page."""
    st.session_state[_OPEN] = True


def show_builder() -> str | None:
    """Draw the builder; return the key of the finished data set once the visitor uses it, else None."""
    owner = page_frame.show_or_refuse(workspace.owner_id)
    if owner is None:
        return None
    drafts = DraftStore(owner)
    draft = drafts.load()
    with st.container(horizontal=True, vertical_alignment="center", key="draft-head"):
        st.markdown(f"### {_('Your own classes')}", width="content")
        st.space("stretch")
        if draft.groups and button(_("Start afresh"), icon=":material/delete:", key="draft/clear", type="tertiary"):
            drafts.clear()
            st.rerun()
        if button(_("Close"), icon=":material/close:", key="draft/close", type="tertiary"):
            st.session_state[_OPEN] = False
            st.rerun()
    st.caption(_("About {n} pictures a class are enough for a pretrained net, trained in seconds.").format(n=USUAL_PICTURES))
    with st.form("draft/new", clear_on_submit=True, border=False):
        name = st.text_input(_("A new class"), max_chars=40, placeholder=_("for example: open hand"))
        if submit_button(_("Add the class"), icon=":material/add:", key="draft/add-now"):
            _edit_and_rerun(drafts.add_class, name)
    if draft.groups:
        names = [group.name for group in draft.groups]
        last = st.session_state.get("draft/class")
        mark = hashlib.sha256("/".join(names).encode()).hexdigest()[:8]  # a new key when the classes change: the widget is recreated
        first = last if last in names else names[-1]
        chosen = st.segmented_control(_("Class to fill"), names, default=first, required=True, key=f"draft/choose/{mark}")
        st.session_state["draft/class"] = chosen
        _draw_uploads(drafts, chosen)
        for group in draft.groups:
            _draw_class(drafts, group)
    return _draw_finish(drafts, draft)


def _edit_and_rerun(change: Callable[..., object], *args: object) -> None:
    """Edit the draft and rerun the page; a refusal is shown as a notice."""
    try:
        change(*args)
    except Refusal as refusal:
        notices.add_note(refusal.text, "error")
    st.rerun()


def _draw_uploads(drafts: DraftStore, name: str) -> None:
    """Draw the file upload and, where the browser allows it, the camera; add their images to a class."""
    count = st.session_state.setdefault("draft/uploads", 0)
    upload, camera = st.columns(2, gap="medium")
    with upload:
        files = st.file_uploader(
            _("Pictures of “{name}”").format(name=name),
            type=["jpg", "jpeg", "png", "webp", "bmp", "gif", "avif", "tif", "tiff"],
            accept_multiple_files=True,
            key=f"draft/files/{count}",
        )
    with camera:
        if not has_camera():
            st.caption(_("The camera works only over https or on this machine itself: open the page that way, or drop pictures instead."))
            shot = None
        elif st.toggle(_("Use the camera"), key="draft/camera"):
            shot = st.camera_input(_("Camera: “{name}”").format(name=name), key=f"draft/shot/{count}", resolution="480p")
        else:
            shot = None
    uploads = [(file.name, file.getvalue()) for file in files] + ([("camera.jpg", shot.getvalue())] if shot is not None else [])
    if uploads:
        st.session_state["draft/uploads"] += 1
        notes = drafts.add_pictures(name, uploads)
        notices.clear_notes()
        for note in notes:
            notices.add_note(note, "info")
        st.rerun()


def has_camera() -> bool:
    """True where browsers allow the camera: over https or on localhost."""
    address = urlsplit(str(st.context.url or ""))
    return address.scheme == "https" or address.hostname in ("localhost", "127.0.0.1", "::1", None)


def _draw_class(drafts: DraftStore, group: Group) -> None:
    with st.container(border=True, key=f"draft-{hashlib.sha256(group.name.encode()).hexdigest()[:12]}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{markdown.escape(group.name)}**", width="content")
            st.caption(_("{n} of about {usual} pictures").format(n=number(len(group.pictures)), usual=USUAL_PICTURES), width="stretch")
            is_on = st.toggle(_("Takes part"), value=group.is_on, key=f"draft/on/{group.name}")
            if is_on != group.is_on:
                _edit_and_rerun(drafts.switch_class, group.name, is_on)
            with st.popover(_("Change"), icon=":material/edit:", key=f"draft/change/{group.name}"):
                with st.form(f"draft/rename/{group.name}", border=False):
                    other = st.text_input(_("Name"), group.name, max_chars=40)
                    if submit_button(_("Rename"), key=f"draft/rename-now/{group.name}"):
                        _edit_and_rerun(drafts.rename_class, group.name, other)
                if group.pictures:
                    numbers = st.pills(
                        _("Pictures to remove"), range(1, len(group.pictures) + 1), selection_mode="multi", key=f"draft/out/{group.name}"
                    )
                    if numbers and button(_("Remove them"), icon=":material/delete:", key=f"draft/out-now/{group.name}"):
                        for position in numbers:
                            drafts.remove_picture(group.name, group.pictures[position - 1])
                        st.rerun()
                if button(_("Remove the class"), icon=":material/delete:", key=f"draft/remove/{group.name}"):
                    _edit_and_rerun(drafts.remove_class, group.name)
        if group.pictures:
            shown = group.pictures[:_MAX_SHOWN]
            st.image(
                [f"data:image/png;base64,{base64.b64encode(drafts.picture(image)).decode()}" for image in shown],
                caption=[str(i) for i in range(1, len(shown) + 1)],
                width=84,
            )
            if len(group.pictures) > _MAX_SHOWN:
                st.caption(_("and {n} more").format(n=number(len(group.pictures) - _MAX_SHOWN)))


def _draw_finish(drafts: DraftStore, draft: Draft) -> str | None:
    problem = drafts.problem(draft)
    if problem is not None:
        empty_text = _("Add two classes, then at least {n} pictures of each.").format(n=MIN_PICTURES)
        st.info(markdown.escape(localize(problem)) if draft.groups else empty_text)
    if button(_("Use these pictures"), type="primary", icon=":material/check:", key="draft/use", disabled=problem is not None):
        entry = page_frame.show_or_refuse(drafts.finish, "", workspace.visitor_id())
        if entry is not None:
            st.session_state[_OPEN] = False
            return entry.key
    return None
