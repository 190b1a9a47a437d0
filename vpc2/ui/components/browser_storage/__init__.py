"""What the browser keeps for its visitor: what they made, for each tab; their name, where no cookie tells it; the page's `lang`."""

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


def draw_browser_storage(
    language: str, workspace: Mapping[str, str], *, session: str, opened: str, is_named: bool, settled: Mapping[str, float]
) -> None:
    """Set the page's language, let the browser keep `workspace` (a link token a kind), and put what it knows into
    `st.session_state.visitor`: what this tab kept before this session (`kept`), what other tabs changed since (`others`), and, where no
    cookie told it (`is_named`), its name (`id`).

    `session` is a word of this session alone: where it changes, the browser tells all of it anew. `opened` is the link that was opened,
    `settled` up to which change of another tab, in milliseconds since 1970, the visitor has chosen, a kind.
    """
    told = {
        "language": language,
        "workspace": dict(workspace),
        "session": session,
        "opened": opened,
        "named": is_named,
        "base": base_path(),
        "settled": dict(settled),
    }
    _component()(
        key="visitor",
        data={"told": json.dumps(told)},  # as text: for a dictionary in it Streamlit imports pandas
        default={"id": "", "kept": {}, "others": {}},
        on_id_change=lambda: None,
        on_kept_change=lambda: None,
        on_others_change=lambda: None,
        height=1,
    )
