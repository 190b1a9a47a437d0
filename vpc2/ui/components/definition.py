"""The definition of a component from the files of its folder."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import streamlit as st


@functools.cache
def component(name: str, folder: Path, *scripts: str | Path) -> Any:
    """Return the component with the folder's view.html and view.css, and its scripts (view.js alone if none is named) joined into one
    module; an absolute path names a script outside the folder.
    """
    html, css = ((folder / f"view.{kind}").read_text(encoding="utf-8") for kind in ("html", "css"))
    js = "\n".join((folder / script).read_text(encoding="utf-8") for script in scripts or ("view.js",))
    return st.components.v2.component(name, html=html, css=css, js=js)
