"""Build page, tab Take home: exports of the net as PyTorch code, ONNX, TensorBoard graph, CSV, PNG, SVG and JSON, written on the click."""

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
from vpc2.ui.session.i18n import _, language, localize

_BYTES = "application/octet-stream"


def show_export(net: Net, summary: Summary) -> None:
    """Show the net as PyTorch code and a button per file format; a format that cannot be written shows the reason under its button."""
    code = to_code(net)
    st.code(code, language="python", height=360)
    write_svg = partial(to_svg, summary, net.input, language=language())
    refusal_text, write_onnx = "", partial(export_onnx.to_onnx, net)
    try:
        export_onnx.check_onnx(summary)
    except Refusal as refusal:
        refusal_text = markdown.escape(localize(refusal.text))
    onnx_caption = _(
        "For other programs; netron.app shows it. Fresh weights, batch normalisation inside the convolutions. "
        "Takes some seconds, a minute for large nets."
    )
    graph_caption = _("The net as a graph whose blocks open: “tensorboard --logdir .” in its folder shows it.")
    formats = (
        (_("PyTorch code"), _("The script above. It runs as it is."), lambda: code, "net.py", "text/x-python"),
        ("ONNX", refusal_text or onnx_caption, None if refusal_text else write_onnx, "net.onnx", _BYTES),
        (_("TensorBoard graph"), graph_caption, partial(tensorboard_graph.to_tensorboard, net), "events.out.tfevents.0.net", _BYTES),
        (_("Table (CSV)"), _("Every number of every layer, for a spreadsheet."), partial(to_csv, summary), "net.csv", "text/csv"),
        (_("Picture (PNG)"), _("The drawing above on white, for slides."), lambda: png.to_png(write_svg()), "net.png", "image/png"),
        (_("Picture (SVG)"), _("The drawing above, sharp at any size."), write_svg, "net.svg", "image/svg+xml"),
        (
            _("Net (JSON)"),
            _("The net itself, to open here again under Share."),
            partial(codec.to_json, net),
            "net.json",
            "application/json",
        ),
    )
    grid = st.grid(4, min_column_width=250, gap="medium")
    for label, caption, write, file_name, mime in formats:
        with grid.container(gap="xsmall"):
            _draw_download(label, caption, write, file_name, mime)


def _draw_download(label: str, caption: str, write: Callable[[], str | bytes] | None, file_name: str, mime: str) -> None:
    """Draw a download button and a line on the file. `write` runs on the click, outside the page's script run; None disables the button."""
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
    st.caption(caption)
