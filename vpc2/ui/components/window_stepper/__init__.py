"""Step-through of a convolution or pooling window in numbers: the input patch, the kernel, the products, their sum and the outputs."""

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
    """Draw the numbers of one window; the component sends nothing back.

    `data` holds `op` ("sum", "mean" or "max"), `cells` (None outside the input) and `kinds` (0 pixel, 1 padding, 2 beyond), `origin`,
    `kernel` (rows, or None), `divisor`, `bias`, `outputs`, `first`, `start` (index of the first output shown), and `stride`, `dilation`,
    `sides` (of the kernel) as (height, width); `range_in` and `range_out` (lowest, highest value) scale the greys.
    """
    _component()(key=key, data={**data, "words": dict(words), "language": language})
