"""Judge page, tab Robustness: predictions for a photograph under a corruption of growing strength, and the accuracy on a test set."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from vpc2.figures.robustness import robustness_figure
from vpc2.predict.classifier_ref import ClassifierRef, ClassifierVersion
from vpc2.predict.robustness.corruptions import CORRUPTIONS
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers
from vpc2.ui.session.i18n import _, localize, number, percent
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

if TYPE_CHECKING:
    from vpc2.predict.robustness.curves import RobustnessCurve

SOME_PICTURES = 160
Photo = dict[str, Any]


def show_robustness(ref: ClassifierRef, photos: list[Photo]) -> None:
    """Draw the choice of corruption, its effect on each photograph, and the accuracy on the test set."""
    if not classifiers.is_available(ref):
        return
    key = st.selectbox(_("Corruption"), list(CORRUPTIONS), format_func=lambda key: localize(CORRUPTIONS[key].title), key="endure/which")
    entry = CORRUPTIONS[key]
    st.caption(localize(entry.help))
    for photo in photos:
        page_frame.show_or_refuse(_draw_photo, ref, photo, key)
    if classifiers.has_dataset(ref):
        page_frame.show_or_refuse(_draw_test_set, ref, key)


def strength_text(key: str, strength: float) -> str:
    """Return a strength with its unit, formatted in the visitor's language."""
    return f"{number(strength, 'g')}{CORRUPTIONS[key].unit}"


@st.fragment
def _draw_photo(ref: ClassifierRef, photo: Photo, key: str) -> None:
    strengths = CORRUPTIONS[key].strengths
    with st.spinner(_("Asking…")):
        result = _predict_corrupted(classifiers.version_of(ref), photo["digest"], key, photo["pixels"])
    classes, shares = classifiers.classifier_of(ref).classes, result["shares"]
    label = int(shares[0].argmax())
    st.markdown(f"### {markdown.escape(photo['name'])}")
    first_changed = next((i for i, row in enumerate(shares) if row.argmax() != label), None)
    if first_changed is None:
        summary = _("It stays {name} at every strength.").format(name=markdown.escape(classes[label]))
    else:
        summary = _("It is {name} up to {last}; at {first} it becomes {other}.").format(
            name=markdown.escape(classes[label]),
            last=strength_text(key, strengths[first_changed - 1]),
            first=strength_text(key, strengths[first_changed]),
            other=markdown.escape(classes[int(shares[first_changed].argmax())]),
        )
    st.markdown(summary)
    index = st.select_slider(
        _("Strength"),
        range(len(strengths)),
        value=min(first_changed or 1, len(strengths) - 1),
        format_func=lambda i: strength_text(key, strengths[i]),
        key=f"endure/strength/{photo['digest']}/{key}",
    )
    left, right = st.columns([1, 1.6], gap="medium")
    with left:
        st.image(result["pictures"][index], alt=strength_text(key, strengths[index]), width="stretch")
        best = int(shares[index].argmax())
        st.markdown(f"**{markdown.escape(classes[best])}** {percent(shares[index][best])}")
    with right:
        grid = st.grid(4, min_column_width=90, gap="small")
        for i, (picture, row) in enumerate(zip(result["pictures"], shares, strict=True)):
            with grid.cell(), st.container(key=f"tile-endure-{photo['digest']}-{i}", gap="xxsmall"):
                st.image(picture, alt=strength_text(key, strengths[i]), width="stretch")
                mark = ":green[:material/check:]" if row.argmax() == label else ":orange[:material/close:]"
                st.caption(
                    f"**{strength_text(key, strengths[i])}** {mark}  \n{markdown.escape(classes[int(row.argmax())])} {percent(row.max())}"
                )


@st.cache_data(max_size="64MB", show_spinner=False)
def _predict_corrupted(version: ClassifierVersion, image_key: str, key: str, _pixels: np.ndarray) -> dict[str, Any]:
    from vpc2.images.encode import to_jpeg
    from vpc2.predict.robustness.corrupt import corrupt_images
    from vpc2.predict.robustness.curves import probabilities_over

    classifier = classifiers.classifier_of(version.ref)
    images = classifier.prepare([_pixels])
    with augmented.computation_slot():
        shares = probabilities_over(classifier, images, key).numpy()
    return {"shares": shares, "pictures": [to_jpeg(corrupt_images(images, key, strength)[0]) for strength in CORRUPTIONS[key].strengths]}


def _draw_test_set(ref: ClassifierRef, key: str) -> None:
    """Draw accuracy against strength on the test set for one or all corruptions, optionally beside another classifier."""
    st.markdown(f"### {_('Over the test set')}")
    others = {str(candidate): title for candidate, title in classifiers.usable_classifiers().items() if candidate != ref}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = st.selectbox(
            _("Beside it"),
            list(others),
            index=None,
            format_func=others.__getitem__,
            placeholder=_("Choose another run"),
            key=f"endure/other/{ref}",
        )
        is_one = button(_("This corruption"), icon=":material/show_chart:", key="endure/one")
        is_whole = button(_("The whole card"), icon=":material/grid_view:", type="primary", key="endure/whole")
    requested = st.session_state.setdefault("endure/asked", {})
    refs = [ref, *([ClassifierRef.parse(other)] if other else [])]
    request_key = (str(classifiers.version_of(ref)), other, classifiers.dataset_of(ref))
    if is_one or is_whole:
        requested.clear()
        requested[request_key] = list(CORRUPTIONS) if is_whole else [key]
    if request_key not in requested:
        return
    keys = requested[request_key]
    bar = st.progress(0.0, text=_("Asking…"))
    with st.container():
        curves = {}
        for i, corruption in enumerate(keys):
            bar.progress(i / len(keys), text=localize(CORRUPTIONS[corruption].title))
            curves[corruption] = [
                _accuracy_corrupted(classifiers.version_of(other_ref), classifiers.dataset_of(other_ref), corruption) for other_ref in refs
            ]
    bar.empty()
    _draw_curves(curves, [classifiers.classifier_title(other_ref) for other_ref in refs])


@st.cache_data(max_entries=256, show_spinner=False)
def _accuracy_corrupted(version: ClassifierVersion, dataset: str, key: str) -> RobustnessCurve:
    from vpc2.predict.robustness.curves import accuracy_over

    with augmented.computation_slot():
        return accuracy_over(
            classifiers.classifier_of(version.ref), classifiers.test_images(version.ref, SOME_PICTURES, dataset=dataset), key
        )


def _draw_curves(curves: dict[str, list[RobustnessCurve]], titles: Sequence[str]) -> None:
    weakest = min(curves, key=lambda key: curves[key][0].relative_accuracy)
    summary = _("Weakest against “{title}”: on average {share} of its accuracy is left.").format(
        title=localize(CORRUPTIONS[weakest].title), share=percent(curves[weakest][0].relative_accuracy)
    )
    plain = curves[weakest][0].shares[0]
    st.markdown(f"{summary} {_('Accuracy on the pictures as they are: {share}.').format(share=localize(plain.text))}")
    grid = st.grid(2, min_column_width=320, gap="medium") if len(curves) > 1 else st.grid(1)
    for key, by_classifier in curves.items():
        texts = [strength_text(key, strength) for strength in CORRUPTIONS[key].strengths]
        lines = [(title, curve.shares, curve.confidence) for title, curve in zip(titles, by_classifier, strict=True)]
        with grid.cell():
            if len(curves) > 1:
                st.markdown(f"**{localize(CORRUPTIONS[key].title)}**")
            figure = robustness_figure(
                texts, lines, y_title=_("Accuracy"), confidence_title=_("Confidence of {name}"), height=230 if len(curves) > 1 else 320
            )
            st.plotly_chart(figure, key=f"endure/curve/{key}", alt=localize(CORRUPTIONS[key].title), config={"displayModeBar": False})
    st.caption(
        _("Lines: accuracy, with bands of 95 %; dotted: how sure the net is on average. {n} test pictures.").format(n=number(plain.n))
    )
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["classifier", "corruption", "strength", "accuracy", "low", "high", "confidence"])
    for key, by_classifier in curves.items():
        for i, curve in enumerate(by_classifier):
            for strength, share, confidence in zip(curve.strengths, curve.shares, curve.confidence, strict=True):
                writer.writerow([i + 1, key, *(f"{value:g}" for value in (strength, share.share, share.low, share.high, confidence))])
    st.download_button(
        _("Table as CSV"),
        buffer.getvalue(),
        file_name="robustness.csv",
        mime="text/csv",
        icon=":material/table:",
        on_click="ignore",
        key="endure/csv",
    )
