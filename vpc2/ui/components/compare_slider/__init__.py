"""Slider that compares two images of one size on the same spot, by pointer or keyboard."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from vpc2.ui.components.definition import component

_FOLDER = Path(__file__).parent


def compare_slider(before: bytes, after: bytes, *, key: str, words: Mapping[str, str]) -> None:
    """Draw two JPEGs of one size; `words` holds `before`, `after` and `slide` in the visitor's language."""
    address = lambda data: "data:image/jpeg;base64," + base64.b64encode(data).decode()  # noqa: E731
    component("vpc2.compare_slider", _FOLDER)(key=key, data={"before": address(before), "after": address(after), "words": dict(words)})
