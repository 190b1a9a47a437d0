"""What one takes home from the Build page: the net as code, and as files for other programs, written only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from vpc2 import codec
from vpc2.nets.drawing.svg import to_svg
from vpc2.nets.export import onnx as export_onnx
from vpc2.nets.export import png, tensorboard_graph
from vpc2.nets.export.pytorch_code import to_code
from vpc2.nets.spec import Net
from vpc2.nets.summary.csv_table import to_csv
from vpc2.nets.summary.layer_summary import Summary
from vpc2.text import Refusal
from vpc2.ui import markdown
from vpc2.ui.session.i18n import _, language, say

_BYTES = "application/octet-stream"


def draw_export(net: Net, summary: Summary) -> None:
    """Show the net as PyTorch code, and offer it as files; what cannot be written says why under its button."""
    code = to_code(net)
    st.code(code, language="python", height=360)
    drawn = partial(to_svg, summary, net.input, language=language())
    why_not, onnx = "", partial(export_onnx.to_onnx, net)
    try:
        export_onnx.check_onnx(summary)
    except Refusal as refusal:
        why_not = markdown.literal(say(refusal.text))
    onnx_line = _(
        "For other programs; netron.app shows it. Fresh weights, batch normalisation inside the convolutions. "
        "Takes some seconds, a minute for large nets."
    )
    graph_line = _("The net as a graph whose blocks open: “tensorboard --logdir .” in its folder shows it.")
    offers = (
        (_("PyTorch code"), _("The script above. It runs as it is."), lambda: code, "net.py", "text/x-python"),
        ("ONNX", why_not or onnx_line, None if why_not else onnx, "net.onnx", _BYTES),
        (_("TensorBoard graph"), graph_line, partial(tensorboard_graph.to_tensorboard, net), "events.out.tfevents.0.net", _BYTES),
        (_("Table (CSV)"), _("Every number of every layer, for a spreadsheet."), partial(to_csv, summary), "net.csv", "text/csv"),
        (_("Picture (PNG)"), _("The drawing above on white, for slides."), lambda: png.to_png(drawn()), "net.png", "image/png"),
        (_("Picture (SVG)"), _("The drawing above, sharp at any size."), drawn, "net.svg", "image/svg+xml"),
        (
            _("Net (JSON)"),
            _("The net itself, to open here again under Share."),
            partial(codec.to_json, net),
            "net.json",
            "application/json",
        ),
    )
    grid = st.grid(4, min_column_width=250, gap="medium")
    for label, line, write, file_name, mime in offers:
        with grid.container(gap="xsmall"):
            _offer(label, line, write, file_name, mime)


def _offer(label: str, line: str, write: Callable[[], str | bytes] | None, file_name: str, mime: str) -> None:
    """Draw a button that writes one file when it is clicked (None: it cannot), and what the file is; `write` runs without a page."""
    st.download_button(
        label,
        write or "",
        file_name=file_name,
        mime=mime,
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
        disabled=write is None,
        key=f"take/{file_name}",
    )
    st.caption(line)
