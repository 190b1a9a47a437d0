"""What one takes home from the Build page: the net as code, and as files for other programs, written only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from vpc2 import codec
from vpc2.nets import exporting
from vpc2.nets.code import to_code
from vpc2.nets.facts import Summary
from vpc2.nets.picture import to_svg
from vpc2.nets.spec import Net
from vpc2.nets.table import to_csv
from vpc2.ui import chrome
from vpc2.ui.language import _, say
from vpc2.words import Refusal

_BUTTON_PX = 210


def draw_home(net: Net, summary: Summary) -> None:
    """Show the net as PyTorch code, and offer it as files; what cannot be written says why in place of its button."""
    code = to_code(net)
    st.code(code, language="python", height=360)
    _offer(_("PyTorch code"), _("The script above. It runs as it is."), lambda: code, "net.py", "text/x-python")
    drawn = partial(to_svg, summary, net.input, input_name=_("input"))
    onnx = _(
        "For other programs and phones; netron.app shows it. With fresh weights, batch normalisation inside the convolutions. "
        "Takes some seconds, a minute for large nets."
    )
    try:
        exporting.check_onnx(summary)
    except Refusal as refusal:
        with _row():
            st.download_button("ONNX", "", icon=":material/download:", disabled=True, width=_BUTTON_PX, key="take/none")
            st.caption(chrome.literal(say(refusal.text)), width="stretch")
    else:
        _offer("ONNX", onnx, partial(exporting.to_onnx, net), "net.onnx", "application/octet-stream")
    _offer(_("Picture (PNG)"), _("The drawing above on white, for slides."), lambda: exporting.to_png(drawn()), "net.png", "image/png")
    _offer(_("Picture (SVG)"), _("The drawing above, sharp at any size."), drawn, "net.svg", "image/svg+xml")
    _offer(_("Table (CSV)"), _("Every number of every layer, for a spreadsheet."), partial(to_csv, summary), "net.csv", "text/csv")
    _offer(
        _("Net (JSON)"), _("The net itself, to open here again under Share."), partial(codec.to_json, net), "net.json", "application/json"
    )
    graph = _("The net as a graph whose blocks open. In the folder where it was saved, this shows it:")
    _offer(_("TensorBoard graph"), graph, partial(exporting.to_tensorboard, net), "events.out.tfevents.0.net", "application/octet-stream")
    st.code("tensorboard --logdir .", language="bash", width=2 * _BUTTON_PX)


def _row():
    return st.container(horizontal=True, vertical_alignment="center", gap="medium")


def _offer(label: str, line: str, write: Callable[[], str | bytes], file_name: str, mime: str) -> None:
    """Draw a button that writes one file when it is clicked, and beside it what the file is; `write` runs without a page."""
    with _row():
        st.download_button(
            label,
            write,
            file_name=file_name,
            mime=mime,
            on_click="ignore",
            icon=":material/download:",
            width=_BUTTON_PX,
            key=f"take/{file_name}",
        )
        st.caption(line, width="stretch")
