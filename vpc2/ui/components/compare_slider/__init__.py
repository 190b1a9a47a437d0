"""Slider that compares two images of one size on the same spot, by pointer or keyboard."""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent


@functools.cache
def _component() -> Any:
    html, css, js = ((_FOLDER / f"view.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("vpc2.compare_slider", html=html, css=css, js=js)


def compare_slider(before: bytes, after: bytes, *, key: str, words: Mapping[str, str]) -> None:
    """Draw two JPEGs of one size; `words` holds `before`, `after` and `slide` in the visitor's language."""
    address = lambda data: "data:image/jpeg;base64," + base64.b64encode(data).decode()  # noqa: E731
    _component()(key=key, data={"before": address(before), "after": address(after), "words": dict(words)})
