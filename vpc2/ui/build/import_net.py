"""What one brings into the Build page: pasted PyTorch code, a net of torchvision's by name, a saved file."""

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
from vpc2.ui.session.i18n import _, say
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

_SIDES = (28, 32, 48, 64, 96, 128, 224, 227, 256, 299)
_NOTES = "bring/notes"
_WHOLE = Plural(
    "Read whole: {n:,} layer. Undo brings back what was here before.", "Read whole: {n:,} layers. Undo brings back what was here before."
)
_REMARKS = Plural(
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


def draw_import(net: Net, summary: Summary) -> None:
    """Take a net in from elsewhere: it replaces the one on the page, which Undo brings back."""
    notes = st.container()  # above what is asked, drawn after it: a refusal ends what was said of the net before
    pasting, others = st.columns([3, 2], gap="large")
    with pasting:
        _draw_pasting()
    with others:
        _draw_torchvision()
        page_frame.draw_opening("net", "bring")
    with notes:
        _draw_notes(net)


def _draw_pasting() -> None:
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
        is_asked = button(_("Read the code"), type="primary", icon=":material/data_object:", key="bring/read")
    if is_asked and not text.strip():
        st.session_state.pop(_NOTES, None)
        st.info(_("Paste some code first: the grey text shows what it may look like."), icon=":material/info:")
    elif is_asked:
        _take(page_frame.guarded(_read_code, text, side))


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
            _take(page_frame.guarded(_read_torchvision, name))


def _read_code(text: str, side: int | None) -> codec.Read:
    with augmented.computing():
        return read_code(text, side)


def _read_torchvision(name: str) -> codec.Read:
    with augmented.computing():
        return read_torchvision(name)


def _take(read: codec.Read | None) -> None:
    """Put what was read on the page, and keep what was said of it for as long as the net stays and nothing else is refused."""
    if read is None:
        st.session_state.pop(_NOTES, None)
        return
    workspace.save(read.spec, from_outside=True)
    notices.forget_notes()
    canvas.forget()
    told = [note.in_every_language() for note in read.notes]
    st.session_state[_NOTES] = (codec.digest(read.spec), told, st.session_state.get("refusals", 0))
    st.rerun()


def _draw_notes(net: Net) -> None:
    of, notes, refusals = st.session_state.get(_NOTES, ("", [], 0))
    if of != codec.digest(net) or refusals != st.session_state.get("refusals", 0):
        return
    count = sum(1 for _layer in net.walk())
    if not notes:
        st.success(say(_WHOLE.fill(n=count)), icon=":material/check:")
        return
    said = "\n".join(f"- {markdown.literal(say(from_stored(note)))}" for note in notes)
    st.warning(f"{say(_REMARKS.fill(n=count))}\n\n{said}", icon=":material/info:")
