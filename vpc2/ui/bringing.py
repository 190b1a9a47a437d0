"""Nets from elsewhere: pasted PyTorch code, read and never run, and torchvision's classifiers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from vpc2 import codec
from vpc2.nets.facts import Summary
from vpc2.nets.reading import MOST_BYTES, read_code
from vpc2.nets.spec import SIDE, Net
from vpc2.nets.torchvision_nets import CLASSIFIERS, read_torchvision
from vpc2.ui import cache, canvas, chrome, state
from vpc2.ui.language import _, say
from vpc2.words import Text

_EXAMPLE = """import torch.nn as nn

net = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(4096, 10),
)"""


def draw_bringing(net: Net, summary: Summary) -> None:
    """Let the visitor bring a net in; what could not be read is told by its line, and undo brings the old net back."""
    left, right = st.columns([1.7, 1], gap="large")
    with left:
        text = st.text_area(
            _("PyTorch code: an nn.Sequential, or a class with its forward"),
            placeholder=_EXAMPLE,
            height=300,
            max_chars=MOST_BYTES,
            key="bring/code",
            help=_("The text is read, never run. What is no layer here is named by its line."),
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            side = st.number_input(
                _("Side of the input (px)"),
                SIDE.low,
                SIDE.high,
                None,
                placeholder=_("as the code says"),
                key="bring/side",
                width=220,
            )
            if st.button(_("Read the code"), icon=":material/code:", type="primary", key="bring/read"):
                _take(read_code, text or _EXAMPLE, side)
    with right:
        name = st.selectbox(_("A classifier of torchvision"), CLASSIFIERS, index=CLASSIFIERS.index("resnet18"), key="bring/name")
        if st.button(_("Open it"), icon=":material/download:", key="bring/open"):
            with st.spinner(_("Reading {name}…").format(name=name)):
                _take(_traced, name)
        st.caption(_("Its layers, without its weights. A net saved as JSON opens under Share."))
    if notes := st.session_state.get("bring/notes"):
        st.markdown(f"**{_('Not taken over as it stands:')}**")
        st.markdown("\n".join(f"- {chrome.literal(say(Text(**note)))}" for note in notes))


def _traced(name: str) -> codec.Read:
    with cache.computing():
        return read_torchvision(name)


def _take(read: Callable[..., codec.Read], *given: Any) -> None:
    """Read a net and put it in the place of the one on the page; where that cannot be, say why and leave all as it is."""
    found = chrome.guarded(read, *given)
    if found is None:
        return
    st.session_state["bring/notes"] = [{"en": note.en, "es": note.es} for note in found.notes]
    state.save(found.spec, from_outside=True)
    canvas.forget()
    st.rerun()
