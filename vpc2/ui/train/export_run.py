"""Train page, tab Take home: exports of a run: classifier as safetensors or ONNX, training script, curves as CSV, recipe as JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from vpc2 import codec
from vpc2.text import Refusal
from vpc2.training.export.script import is_same_curve
from vpc2.training.runs.events import read_events, to_csv
from vpc2.training.runs.store import Run
from vpc2.ui import markdown
from vpc2.ui.session.i18n import _, localize
from vpc2.ui.widgets import page_frame

if TYPE_CHECKING:
    from vpc2.predict.classifier import Classifier


def show_export(run: Run) -> None:
    """Draw a download button and a description for each export of a run; slow ones are written on the click."""
    if run.model_path.is_file():
        st.markdown(f"**{_('The classifier')}**")
        _draw_file(
            _("Classifier"),
            _("Net, weights, preprocessing and class names in one file; Judge opens it again."),
            run.model_path.read_bytes,
            "classifier.safetensors",
        )
        _draw_file(
            "ONNX",
            _("For other programs: pictures in, probabilities out, the preprocessing is inside."),
            partial(_export_onnx, run),
            "classifier.onnx",
        )
        with st.expander(_("How to ask the ONNX file")):
            st.code(_onnx_snippet(run), language="python")
    else:
        st.caption(_("There is a classifier to take home after the first epoch."))
    st.markdown(f"**{_('The run')}**")
    events, _next = read_events(run.folder)
    if run.model_path.is_file():
        why_not = _why_no_script(run, events)
        _draw_file(_("Script"), why_not or _script_caption(events), None if why_not else partial(_pack, run), "run.zip")
    _draw_file(_("Curve"), _("Every step and every epoch as a table."), to_csv(events), "curves.csv")
    _draw_file(_("Recipe"), _("Everything that decides how the run goes, to be run again."), codec.to_json(run.recipe), "recipe.json")


def _draw_file(name: str, what: str, data: bytes | str | Callable[[], bytes] | None, file_name: str) -> None:
    """Draw a download button and a line on the file; `data` None disables the button, and `what` then says why."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            name,
            data or "",
            file_name=file_name,
            key=f"home/{file_name}",
            disabled=data is None,
            icon=":material/download:",
            on_click="ignore",
            width=170,
        )
        st.caption(what, width="stretch")


def _why_no_script(run: Run, events: list[dict[str, Any]]) -> str:
    """Return why no script can reproduce the curve of a run; empty where one can."""
    from vpc2.training.checks import fit_to_data
    from vpc2.training.export.bundle import read_run_history

    try:
        read_run_history(fit_to_data(run.recipe)[0], events)
    except Refusal as refusal:
        return markdown.escape(localize(refusal.text))
    return ""


def _script_caption(events: list[dict[str, Any]]) -> str:
    """Return the description of the script: whether it reproduces the run's curve exactly, or on another device only approximately."""
    device = next((event["device"] for event in events if event["type"] == "start"), "cpu")
    if is_same_curve(device):
        return _("The whole run in plain PyTorch, with its pictures: the same curve on the same machine.")
    template = _(
        "The whole run in plain PyTorch, with its pictures. It was trained on {device} and the script computes on the processor, where "
        "sums are rounded otherwise: its curve is like this one, not the same."
    )
    return template.format(device=device)


def _load(run: Run) -> Classifier:
    from vpc2.predict.classifier import load_classifier

    return load_classifier(run.folder)


def _export_onnx(run: Run) -> bytes:
    from vpc2.predict.export.onnx import to_onnx

    return _or_refusal_text(lambda: to_onnx(_load(run)))


def _pack(run: Run) -> bytes:
    from vpc2.training.export.bundle import pack_run

    return _or_refusal_text(lambda: pack_run(run))


def _onnx_snippet(run: Run) -> str:
    from vpc2.predict.export.onnx import to_snippet

    return page_frame.show_or_refuse(lambda: to_snippet(_load(run))) or ""


def _or_refusal_text(make: Callable[[], bytes]) -> bytes:
    """Return the bytes that `make` returns, or the text of its `Refusal`: a download callback cannot show anything on the page."""
    try:
        return make()
    except Refusal as refusal:
        return localize(refusal.text).encode()
