"""What stands on every page: heading, thread, sharing, notes, and the one way to show a visitor's own words."""

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
from vpc2.resources import resource
from vpc2.text import Refusal, join_texts
from vpc2.ui.components.history_keys import history_keys
from vpc2.ui.markdown import literal
from vpc2.ui.session import notices, workspace
from vpc2.ui.session.i18n import _, say
from vpc2.version import APP

CSS = Path(__file__).with_name("page_frame.css")


def set_page() -> None:
    """Set the page's width and its icon: a Material one would be fetched from outside by every browser.

    The icon goes as the message that Streamlit itself would send: its own way to it imports numpy, a tenth of the first paint.
    """
    st.set_page_config(layout="wide")
    told = ForwardMsg()
    told.page_config_changed.favicon = _icon()
    context = get_script_run_ctx()
    if context is not None:
        context.enqueue(told)


@functools.cache
def _icon() -> str:
    icon = resource("assets", "icon.png").read_bytes()
    return f"data:image/png;base64,{base64.b64encode(icon).decode()}"


def script(page: str) -> str:
    """Return the script of a page, as links and switches name it: absolute, because the front door's script lies elsewhere."""
    return str(resource("pages", f"{page}.py"))


def draw_heading(title: str, promise: str, kind: str | None = None) -> None:
    """Draw a page's title with one line of promise; where it edits a spec, undo, redo and sharing stand beside it."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="heading"):
        with st.container(width="stretch", gap=None, key="title"):
            st.title(title, anchor=False)
            st.caption(promise)
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
    draw_notes()


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
    draw_opening(kind)


def draw_opening(kind: str, place: str = "share") -> None:
    """Let the visitor open a saved file; what it holds can be undone."""
    count = st.session_state.setdefault(f"opened/{place}/{kind}", 0)
    given = st.file_uploader(_("Open a saved file"), type=["json"], key=f"open/{place}/{kind}/{count}", max_upload_size=1)
    if given is not None:
        st.session_state[f"opened/{place}/{kind}"] += 1
        try:
            workspace.open_spec(codec.from_json(given.getvalue(), kind).spec)
            notices.forget_notes()
        except Refusal as refusal:
            notices.remember_note(refusal.text, "error")
        st.rerun()


def draw_foot() -> None:
    """Draw the last line of every page: which version this is."""
    with st.container(key="foot"):
        st.caption(APP)


def draw_notes() -> None:
    """Show the sentences that wait for the visitor."""
    _draw_elsewhere()
    for text, kind in notices.notes():
        (st.error if kind == "error" else st.info)(literal(say(text)), icon=":material/error:" if kind == "error" else ":material/info:")


def _draw_elsewhere() -> None:
    """Say what the visitor changed in another tab, and let them choose which of the two this tab goes on with."""
    changed = workspace.elsewhere()
    if not changed:
        return
    what = join_texts([workspace.NAMES[kind] for kind in changed], ", ")
    with st.container(horizontal=True, vertical_alignment="center", key="elsewhere"):
        st.info(
            _("Changed in another tab since: {what}. This tab shows its own; nothing is lost.").format(what=say(what)),
            icon=":material/tab:",
            width="stretch",
        )
        st.button(
            _("Take the other tab's"),
            icon=":material/download:",
            key="elsewhere/take",
            help=_("Undo brings back what is here now."),
            on_click=workspace.take_elsewhere,
        )
        st.button(_("Keep mine"), icon=":material/check:", key="elsewhere/keep", on_click=workspace.keep_here)


def guarded(draw: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call `draw`; a refusal becomes its one sentence in place of what could not be drawn, and None comes back."""
    try:
        return draw(*args, **kwargs)
    except Refusal as refusal:
        st.error(literal(say(refusal.text)), icon=":material/error:")
        return None
