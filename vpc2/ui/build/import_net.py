"""Build page, tab Bring in: import of a net from pasted PyTorch code, from torchvision by name, or from a saved file."""

from __future__ import annotations

import streamlit as st

from vpc2 import codec
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import Summary
from vpc2.nets.torch_reader.read_code import MAX_CODE_BYTES, read_code
from vpc2.nets.torch_reader.torchvision_nets import CLASSIFIERS, read_torchvision
from vpc2.text import Plural, from_stored
from vpc2.ui import markdown
from vpc2.ui.build import canvas
from vpc2.ui.computed import augmented
from vpc2.ui.session import notices, workspace
from vpc2.ui.session.i18n import _, localize
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

_SIDES = (28, 32, 48, 64, 96, 128, 224, 227, 256, 299)
_NOTES = "bring/notes"
_COMPLETE = Plural(
    "Read whole: {n:,} layer. Undo brings back what was here before.", "Read whole: {n:,} layers. Undo brings back what was here before."
)
_WITH_REMARKS = Plural(
    "Read, with these remarks: {n:,} layer. Undo brings back what was here before.",
    "Read, with these remarks: {n:,} layers. Undo brings back what was here before.",
)
_EXAMPLE = """net = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(16 * 16 * 16, 10),
)
x = torch.zeros(1, 3, 32, 32)
"""


def show_import(net: Net, summary: Summary) -> None:
    """Draw the three ways to import a net. The imported net replaces the one on the page; Undo restores that one."""
    notes = st.container()  # above the inputs, but drawn after them: a refusal clears the remarks on the previous import
    pasting, others = st.columns([3, 2], gap="large")
    with pasting:
        _draw_code_input()
    with others:
        _draw_torchvision()
        page_frame.show_spec_upload("net", "bring")
    with notes:
        _draw_remarks(net)


def _draw_code_input() -> None:
    text = st.text_area(
        _("PyTorch code"),
        height=280,
        max_chars=MAX_CODE_BYTES,
        placeholder=_EXAMPLE,
        help=_("An nn.Sequential, or classes of nn.Module with their forward. The code is only read, never run."),
        key="bring/code",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        side = st.selectbox(
            _("Side of the picture that comes in"),
            _SIDES,
            index=None,
            placeholder=_("As the code says"),
            format_func=lambda side: f"{side} px",
            key="bring/side",
            width=240,
        )
        is_pressed = button(_("Read the code"), type="primary", icon=":material/data_object:", key="bring/read")
    if is_pressed and not text.strip():
        st.session_state.pop(_NOTES, None)
        st.info(_("Paste some code first: the grey text shows what it may look like."), icon=":material/info:")
    elif is_pressed:
        _open_imported(page_frame.show_or_refuse(_read_code, text, side))


def _draw_torchvision() -> None:
    name = st.selectbox(
        _("A net of torchvision's"),
        CLASSIFIERS,
        index=None,
        placeholder=_("Type to search: resnet, vgg…"),
        help=_("Its layers, without its trained weights."),
        key="bring/name",
    )
    if button(_("Open this net"), icon=":material/deployed_code:", key="bring/open", disabled=name is None):
        with st.spinner(_("torchvision is building {name}…").format(name=name)):
            _open_imported(page_frame.show_or_refuse(_read_torchvision, name))


def _read_code(text: str, side: int | None) -> codec.Read:
    with augmented.computation_slot():
        return read_code(text, side)


def _read_torchvision(name: str) -> codec.Read:
    with augmented.computation_slot():
        return read_torchvision(name)


def _open_imported(imported: codec.Read | None) -> None:
    """Save the imported net, and store the reader's remarks until the net changes or something else is refused."""
    if imported is None:
        st.session_state.pop(_NOTES, None)
        return
    workspace.save(imported.spec, from_outside=True)
    notices.clear_notes()
    canvas.clear_selection()
    remarks = [note.in_every_language() for note in imported.notes]
    st.session_state[_NOTES] = (codec.digest(imported.spec), remarks, st.session_state.get("refusals", 0))
    st.rerun()


def _draw_remarks(net: Net) -> None:
    net_digest, remarks, refusals = st.session_state.get(_NOTES, ("", [], 0))
    if net_digest != codec.digest(net) or refusals != st.session_state.get("refusals", 0):
        return
    count = sum(1 for _layer in net.walk())
    if not remarks:
        st.success(localize(_COMPLETE.fill(n=count)), icon=":material/check:")
        return
    lines = "\n".join(f"- {markdown.escape(localize(from_stored(note)))}" for note in remarks)
    st.warning(f"{localize(_WITH_REMARKS.fill(n=count))}\n\n{lines}", icon=":material/info:")
