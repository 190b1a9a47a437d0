"""One window over real pixels: what lies under it, the kernel, the products and their sum, and the outputs, all in numbers."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent


@functools.cache
def _component() -> Any:
    html, css, js = ((_FOLDER / f"view.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("vpc2.window_stepper", html=html, css=css, js=js)


def window_stepper(data: Mapping[str, Any], *, key: str, words: Mapping[str, str], language: str) -> None:
    """Draw the numbers of one window; nothing is sent back, looking changes nothing.

    `data` holds `op` ("sum", "mean" or "max"), `cells` (None where nothing is) and `kinds` (0 pixel, 1 padding, 2 beyond), `origin`,
    `kernel` (rows, or None), `divisor`, `bias`, `outputs`, `first`, `start` (the output to begin with), and `stride`, `dilation`,
    `sides` (of the kernel) as (height, width); `low` and `high` of what goes in and what comes out, for the greys.
    """
    _component()(key=key, data={**data, "words": dict(words), "language": language})
