"""Frame of every page: page settings, heading with Undo, Redo and Share, notices; and `show_or_refuse`, which draws refusals."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx

from vpc2 import codec
from vpc2.bundled_files import resource
from vpc2.text import Refusal, join_texts
from vpc2.ui.components.history_keys import history_keys
from vpc2.ui.markdown import escape
from vpc2.ui.session import notices, workspace
from vpc2.ui.session.i18n import _, localize
from vpc2.version import APP

CSS = Path(__file__).with_name("page_frame.css")


def set_page() -> None:
    """Set the page's width and its icon; a Material icon would be fetched from another server by every browser.

    The icon is sent as the protobuf message that Streamlit itself would send: its own function imports numpy, a tenth of the time to
    the first paint.
    """
    st.set_page_config(layout="wide")
    message = ForwardMsg()
    message.page_config_changed.favicon = _icon()
    context = get_script_run_ctx()
    if context is not None:
        context.enqueue(message)


@functools.cache
def _icon() -> str:
    icon = resource("assets", "icon.png").read_bytes()
    return f"data:image/png;base64,{base64.b64encode(icon).decode()}"


def script_path(page: str) -> str:
    """Return the path of a page's script for links and navigation; absolute, because the main script is in another folder."""
    return str(resource("pages", f"{page}.py"))


def show_heading(title: str, subtitle: str, kind: str | None = None) -> None:
    """Draw a page's title and subtitle; on pages that edit a spec (`kind`), also Undo, Redo and Share; then the notices."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="heading"):
        with st.container(width="stretch", gap=None, key="title"):
            st.title(title, anchor=False)
            st.caption(subtitle)
        if kind:
            st.button(
                _("Undo"),
                icon=":material/undo:",
                key=f"undo/{kind}",
                disabled=not workspace.can_step_back(kind),
                on_click=workspace.step_back,
                args=(kind, 1),
                help="Ctrl+Z",
                type="tertiary",
            )
            st.button(
                _("Redo"),
                icon=":material/redo:",
                key=f"redo/{kind}",
                disabled=not workspace.can_step_back(kind, -1),
                on_click=workspace.step_back,
                args=(kind, -1),
                help="Ctrl+Shift+Z",
                type="tertiary",
            )
            with st.popover(_("Share"), icon=":material/share:", key=f"share/{kind}"):
                _draw_sharing(kind)
    if kind:
        with st.container(key="history"):
            history_keys(kind, key=f"{kind}/history", on_step=workspace.step_back)
    show_notes()


def _draw_sharing(kind: str) -> None:
    spec = workspace.load(kind)
    st.caption(_("This link opens exactly what you see here, seed included."))
    address = (st.context.url or "").split("?")[0]
    st.code(f"{address}?s={codec.to_token(spec)}", language=None, wrap_lines=True)
    st.download_button(
        _("Save as a file"),
        codec.to_json(spec),
        file_name=f"{kind}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key=f"save/{kind}",
    )
    show_spec_upload(kind)


def show_spec_upload(kind: str, place: str = "share") -> None:
    """Draw the upload of a saved JSON file, which opens its spec in the workspace; opening can be undone."""
    count = st.session_state.setdefault(f"opened/{place}/{kind}", 0)
    upload = st.file_uploader(_("Open a saved file"), type=["json"], key=f"open/{place}/{kind}/{count}", max_upload_size=1)
    if upload is not None:
        st.session_state[f"opened/{place}/{kind}"] += 1
        try:
            workspace.open_spec(codec.from_json(upload.getvalue(), kind).spec)
            notices.clear_notes()
        except Refusal as refusal:
            notices.add_note(refusal.text, "error")
        st.rerun()


def show_version() -> None:
    """Draw the last line of every page: which version this is."""
    with st.container(key="foot"):
        st.caption(APP)


def show_notes() -> None:
    """Draw the pending notices, and the changes made in another tab."""
    _draw_tab_conflict()
    for text, kind in notices.pending_notes():
        (st.error if kind == "error" else st.info)(
            escape(localize(text)), icon=":material/error:" if kind == "error" else ":material/info:"
        )


def _draw_tab_conflict() -> None:
    """Draw which specs were changed in another tab, and the choice between that tab's version and this one's."""
    changed = workspace.changes_in_other_tabs()
    if not changed:
        return
    what = join_texts([workspace.NAMES[kind] for kind in changed], ", ")
    with st.container(horizontal=True, vertical_alignment="center", key="elsewhere"):
        st.info(
            _("Changed in another tab since: {what}. This tab shows its own; nothing is lost.").format(what=localize(what)),
            icon=":material/tab:",
            width="stretch",
        )
        st.button(
            _("Take the other tab's"),
            icon=":material/download:",
            key="elsewhere/take",
            help=_("Undo brings back what is here now."),
            on_click=workspace.adopt_other_tab,
        )
        st.button(_("Keep mine"), icon=":material/check:", key="elsewhere/keep", on_click=workspace.keep_this_tab)


def show_or_refuse(draw: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call `draw` and return its result; on a `Refusal` draw its text in place of the result and return None."""
    try:
        return draw(*args, **kwargs)
    except Refusal as refusal:
        st.error(escape(localize(refusal.text)), icon=":material/error:")
        return None
