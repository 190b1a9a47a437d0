"""Storage of the visitor's work in the browser, for each tab; also the visitor's id where there is no cookie, and the page's `lang`."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from vpc2.ui.addresses import base_path

_FOLDER = Path(__file__).parent


@functools.cache
def _component() -> Any:
    return st.components.v2.component("vpc2.browser_storage", html="<span></span>\n", js=(_FOLDER / "view.js").read_text(encoding="utf-8"))


def show_browser_storage(
    language: str, workspace: Mapping[str, str], *, session: str, opened: str, is_identified: bool, settled: Mapping[str, float]
) -> None:
    """Set the page's `lang`, store `workspace` (link tokens by kind) in the browser, and read what it has stored.

    The values appear in `st.session_state.visitor`: what this tab stored before this session (`stored`), what other tabs changed since
    (`others`), and the visitor's id (`id`) unless a cookie already carries it (`is_identified`).

    `session` is an id of this session: when it changes, the browser reports everything again. `opened` is the link token that was
    opened; `settled` is, by kind, the time of the last change of another tab that the visitor has accepted or dismissed, in
    milliseconds since 1970.
    """
    data = {
        "language": language,
        "workspace": dict(workspace),
        "session": session,
        "opened": opened,
        "named": is_identified,
        "base": base_path(),
        "settled": dict(settled),
    }
    _component()(
        key="visitor",
        data={"json": json.dumps(data)},  # as JSON text: Streamlit imports pandas for a nested dictionary
        default={"id": "", "stored": {}, "others": {}},
        on_id_change=lambda: None,
        on_stored_change=lambda: None,
        on_others_change=lambda: None,
        height=1,
    )
