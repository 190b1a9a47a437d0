"""What a run looks like inside while it goes: the batch, the classes, the mistakes, the layers; asked for without reruns."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

VIEWS = ("batch", "classes", "mistakes", "layers")
_FOLDER = Path(__file__).parent


@functools.cache
def _component() -> Any:
    html, css, js = ((_FOLDER / f"view.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("vpc2.live_look", html=html, css=css, js=js)


def live_look(
    run_id: str,
    view: str,
    *,
    key: str,
    words: Mapping[str, str],
    look: Mapping[str, Any] | None = None,
    sheets: Mapping[str, str] | None = None,
) -> None:
    """Draw one of VIEWS of a run; it goes on changing until the run rests.

    Where the app's own routes are not served, `look` holds the numbers and `sheets` the pictures as data addresses, and nothing
    is asked for.
    """
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    data = {
        "id": run_id,
        "view": view,
        "bases": [f"/{base}", ""] if base else [""],
        "words": dict(words),
        "look": dict(look) if look is not None else None,
        "sheets": dict(sheets or {}),
    }
    _component()(key=key, data=data)
