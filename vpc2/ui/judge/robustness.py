"""The Judge page's robustness card: one photograph made harder step by step, and accuracy over strength on a test set."""

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
from vpc2.ui.session.i18n import _, number, percent, say
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

if TYPE_CHECKING:
    from vpc2.predict.robustness.curves import RobustnessCurve

SOME_PICTURES = 160
Photo = dict[str, Any]


def draw_robustness(ref: ClassifierRef, photos: list[Photo]) -> None:
    """Draw one challenge on each photograph, and over the test set of a run."""
    if not classifiers.is_here(ref):
        return
    key = st.selectbox(_("Challenge"), list(CORRUPTIONS), format_func=lambda key: say(CORRUPTIONS[key].title), key="endure/which")
    entry = CORRUPTIONS[key]
    st.caption(say(entry.help))
    for photo in photos:
        page_frame.guarded(_draw_photo, ref, photo, key)
    if classifiers.has_set(ref):
        page_frame.guarded(_draw_set, ref, key)


def text_of(key: str, strength: float) -> str:
    """Return a strength with its unit as the visitor's language writes it."""
    return f"{number(strength, 'g')}{CORRUPTIONS[key].unit}"


@st.fragment
def _draw_photo(ref: ClassifierRef, photo: Photo, key: str) -> None:
    strengths = CORRUPTIONS[key].strengths
    with st.spinner(_("Asking…")):
        found = _answered(classifiers.version_of(ref), photo["digest"], key, photo["pixels"])
    classes, shares = classifiers.classifier_of(ref).classes, found["shares"]
    plain = int(shares[0].argmax())
    st.markdown(f"### {markdown.literal(photo['name'])}")
    lost = next((i for i, row in enumerate(shares) if row.argmax() != plain), None)
    if lost is None:
        said = _("It stays {name} at every strength.").format(name=markdown.literal(classes[plain]))
    else:
        said = _("It is {name} up to {last}; at {first} it becomes {other}.").format(
            name=markdown.literal(classes[plain]),
            last=text_of(key, strengths[lost - 1]),
            first=text_of(key, strengths[lost]),
            other=markdown.literal(classes[int(shares[lost].argmax())]),
        )
    st.markdown(said)
    chosen = st.select_slider(
        _("Strength"),
        range(len(strengths)),
        value=min(lost or 1, len(strengths) - 1),
        format_func=lambda i: text_of(key, strengths[i]),
        key=f"endure/strength/{photo['digest']}/{key}",
    )
    left, right = st.columns([1, 1.6], gap="medium")
    with left:
        st.image(found["pictures"][chosen], alt=text_of(key, strengths[chosen]), width="stretch")
        best = int(shares[chosen].argmax())
        st.markdown(f"**{markdown.literal(classes[best])}** {percent(shares[chosen][best])}")
    with right:
        grid = st.grid(4, min_column_width=90, gap="small")
        for i, (picture, row) in enumerate(zip(found["pictures"], shares, strict=True)):
            with grid.cell(), st.container(key=f"tile-endure-{photo['digest']}-{i}", gap="xxsmall"):
                st.image(picture, alt=text_of(key, strengths[i]), width="stretch")
                mark = ":green[:material/check:]" if row.argmax() == plain else ":orange[:material/close:]"
                st.caption(
                    f"**{text_of(key, strengths[i])}** {mark}  \n{markdown.literal(classes[int(row.argmax())])} {percent(row.max())}"
                )


@st.cache_data(max_size="64MB", show_spinner=False)
def _answered(version: ClassifierVersion, image_key: str, key: str, _pixels: np.ndarray) -> dict[str, Any]:
    from vpc2.images.encode import to_jpeg
    from vpc2.predict.robustness.corrupt import corrupt_images
    from vpc2.predict.robustness.curves import probabilities_over

    classifier = classifiers.classifier_of(version.ref)
    images = classifier.prepare([_pixels])
    with augmented.computing():
        shares = probabilities_over(classifier, images, key).numpy()
    return {"shares": shares, "pictures": [to_jpeg(corrupt_images(images, key, strength)[0]) for strength in CORRUPTIONS[key].strengths]}


def _draw_set(ref: ClassifierRef, key: str) -> None:
    """Draw accuracy over strength on the test set, beside another run's, or the whole card."""
    st.markdown(f"### {_('Over the test set')}")
    others = {str(one): title for one, title in classifiers.trained().items() if one != ref}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = st.selectbox(
            _("Beside it"),
            list(others),
            index=None,
            format_func=others.__getitem__,
            placeholder=_("Choose another run"),
            key=f"endure/other/{ref}",
        )
        is_one = button(_("This challenge"), icon=":material/show_chart:", key="endure/one")
        is_whole = button(_("The whole card"), icon=":material/grid_view:", type="primary", key="endure/whole")
    asked = st.session_state.setdefault("endure/asked", {})
    refs = [ref, *([ClassifierRef.parse(other)] if other else [])]
    place = (str(classifiers.version_of(ref)), other, classifiers.set_of(ref))
    if is_one or is_whole:
        asked.clear()
        asked[place] = list(CORRUPTIONS) if is_whole else [key]
    if place not in asked:
        return
    keys = asked[place]
    bar = st.progress(0.0, text=_("Asking…"))
    with st.container():
        found = {}
        for i, one in enumerate(keys):
            bar.progress(i / len(keys), text=say(CORRUPTIONS[one].title))
            found[one] = [_endured(classifiers.version_of(each), classifiers.set_of(each), one) for each in refs]
    bar.empty()
    _draw_card(found, [classifiers.label_of(each) for each in refs])


@st.cache_data(max_entries=256, show_spinner=False)
def _endured(version: ClassifierVersion, dataset: str, key: str) -> RobustnessCurve:
    from vpc2.predict.robustness.curves import accuracy_over

    with augmented.computing():
        return accuracy_over(
            classifiers.classifier_of(version.ref), classifiers.test_pictures(version.ref, SOME_PICTURES, dataset=dataset), key
        )


def _draw_card(found: dict[str, list[RobustnessCurve]], titles: Sequence[str]) -> None:
    weakest = min(found, key=lambda key: found[key][0].kept)
    said = _("Weakest against “{title}”: on average {share} of its accuracy is left.").format(
        title=say(CORRUPTIONS[weakest].title), share=percent(found[weakest][0].kept)
    )
    plain = found[weakest][0].shares[0]
    st.markdown(f"{said} {_('Accuracy on the pictures as they are: {share}.').format(share=say(plain.text))}")
    grid = st.grid(2, min_column_width=320, gap="medium") if len(found) > 1 else st.grid(1)
    for key, each in found.items():
        texts = [text_of(key, strength) for strength in CORRUPTIONS[key].strengths]
        lines = [(title, one.shares, one.confidence) for title, one in zip(titles, each, strict=True)]
        with grid.cell():
            if len(found) > 1:
                st.markdown(f"**{say(CORRUPTIONS[key].title)}**")
            figure = robustness_figure(
                texts, lines, y_title=_("Accuracy"), confidence_title=_("Confidence of {name}"), height=230 if len(found) > 1 else 320
            )
            st.plotly_chart(figure, key=f"endure/curve/{key}", alt=say(CORRUPTIONS[key].title), config={"displayModeBar": False})
    st.caption(
        _("Lines: accuracy, with bands of 95 %; dotted: how sure the net is on average. {n} test pictures.").format(n=number(plain.n))
    )
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["classifier", "challenge", "strength", "accuracy", "low", "high", "confidence"])
    for key, each in found.items():
        for i, one in enumerate(each):
            for strength, share, confidence in zip(one.strengths, one.shares, one.confidence, strict=True):
                writer.writerow([i + 1, key, *(f"{value:g}" for value in (strength, share.share, share.low, share.high, confidence))])
    st.download_button(
        _("Table as CSV"),
        out.getvalue(),
        file_name="robustness.csv",
        mime="text/csv",
        icon=":material/table:",
        on_click="ignore",
        key="endure/csv",
    )
