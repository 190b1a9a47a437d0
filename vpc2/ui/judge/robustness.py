"""The Judge page's robustness card: one photograph made harder step by step, and accuracy over strength on a test set."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from vpc2.figures.robustness import endurance_figure
from vpc2.predict.robustness.corruptions import CHALLENGES
from vpc2.shares import Share
from vpc2.ui import markdown
from vpc2.ui.computed import augmented
from vpc2.ui.judge.single_photo import percent
from vpc2.ui.session.i18n import _, number, say
from vpc2.ui.widgets import classifier_picker, page_frame
from vpc2.ui.widgets.buttons import button

SOME_PICTURES = 160
Photo = dict[str, Any]


def draw_robustness(name: str, photos: list[Photo]) -> None:
    """Draw one challenge on each photograph, and over the test set of a run."""
    if not classifier_picker.is_here(name):
        return
    key = st.selectbox(_("Challenge"), list(CHALLENGES), format_func=lambda key: say(CHALLENGES[key].title), key="endure/which")
    entry = CHALLENGES[key]
    st.caption(say(entry.help))
    for photo in photos:
        page_frame.guarded(_draw_photo, name, photo, key)
    if classifier_picker.has_set(name):
        page_frame.guarded(_draw_set, name, key)


def text_of(key: str, strength: float) -> str:
    """Return a strength with its unit as the visitor's language writes it."""
    return f"{number(strength, 'g')}{CHALLENGES[key].unit}"


@st.fragment
def _draw_photo(name: str, photo: Photo, key: str) -> None:
    strengths = CHALLENGES[key].strengths
    with st.spinner(_("Asking…")):
        found = _answered(name, classifier_picker.stamp_of(name), photo["digest"], key, photo["pixels"])
    classes, shares = classifier_picker.classifier_of(name).classes, found["shares"]
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
def _answered(name: str, stamp: float, image_key: str, key: str, _pixels: np.ndarray) -> dict[str, Any]:
    from vpc2.images.encode import to_jpeg
    from vpc2.predict.robustness.corrupt import disturb
    from vpc2.predict.robustness.curves import answers_over

    classifier = classifier_picker.classifier_of(name)
    images = classifier.prepare([_pixels])
    with augmented.computing():
        shares = answers_over(classifier, images, key).numpy()
    return {"shares": shares, "pictures": [to_jpeg(disturb(images, key, strength)[0]) for strength in CHALLENGES[key].strengths]}


def _draw_set(name: str, key: str) -> None:
    """Draw accuracy over strength on the test set, beside another run's, or the whole card."""
    st.markdown(f"### {_('Over the test set')}")
    others = {one: title for one, title in classifier_picker.trained().items() if one != name}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = st.selectbox(
            _("Beside it"),
            list(others),
            index=None,
            format_func=others.__getitem__,
            placeholder=_("Choose another run"),
            key=f"endure/other/{name}",
        )
        is_one = button(_("This challenge"), icon=":material/show_chart:", key="endure/one")
        is_whole = button(_("The whole card"), icon=":material/grid_view:", type="primary", key="endure/whole")
    asked = st.session_state.setdefault("endure/asked", {})
    place = (name, other, classifier_picker.mark_of(name))
    if is_one or is_whole:
        asked.clear()
        asked[place] = list(CHALLENGES) if is_whole else [key]
    if place not in asked:
        return
    keys, names = asked[place], [name, *([other] if other else [])]
    bar = st.progress(0.0, text=_("Asking…"))
    with st.container():
        found = {}
        for i, one in enumerate(keys):
            bar.progress(i / len(keys), text=say(CHALLENGES[one].title))
            found[one] = [_endured(each, classifier_picker.mark_of(each), one) for each in names]
    bar.empty()
    _draw_card(found, [classifier_picker.title_of(each) for each in names])


@st.cache_data(max_entries=256, show_spinner=False)
def _endured(name: str, mark: tuple[float, str], key: str) -> dict[str, Any]:
    from vpc2.predict.robustness.curves import accuracy_over

    with augmented.computing():
        found = accuracy_over(classifier_picker.classifier_of(name), classifier_picker.test_pictures(name, SOME_PICTURES), key)
    return {**vars(found), "kept": found.kept}


def _draw_card(found: dict[str, list[dict[str, Any]]], titles: Sequence[str]) -> None:
    weakest = min(found, key=lambda key: found[key][0]["kept"])
    said = _("Weakest against “{title}”: on average {share} of its accuracy is left.").format(
        title=say(CHALLENGES[weakest].title), share=percent(found[weakest][0]["kept"])
    )
    first = found[weakest][0]
    plain = Share(round(first["accuracy"][0] * first["n"]), first["n"], first["low"][0], first["high"][0], first["people"])
    st.markdown(f"{said} {_('Accuracy on the pictures as they are: {share}.').format(share=say(plain.text))}")
    grid = st.grid(2, min_column_width=320, gap="medium") if len(found) > 1 else st.grid(1)
    for key, each in found.items():
        texts = [text_of(key, strength) for strength in CHALLENGES[key].strengths]
        lines = [(title, one["accuracy"], one["low"], one["high"], one["confidence"]) for title, one in zip(titles, each, strict=True)]
        with grid.cell():
            if len(found) > 1:
                st.markdown(f"**{say(CHALLENGES[key].title)}**")
            figure = endurance_figure(
                texts, lines, y_title=_("Accuracy"), confidence_title=_("Confidence of {name}"), height=230 if len(found) > 1 else 320
            )
            st.plotly_chart(figure, key=f"endure/curve/{key}", alt=say(CHALLENGES[key].title), config={"displayModeBar": False})
    st.caption(
        _("Lines: accuracy, with bands of 95 %; dotted: how sure the net is on average. {n} test pictures.").format(
            n=number(next(iter(found.values()))[0]["n"])
        )
    )
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["classifier", "challenge", "strength", "accuracy", "low", "high", "confidence"])
    for key, each in found.items():
        for i, one in enumerate(each):
            for row in zip(one["strengths"], one["accuracy"], one["low"], one["high"], one["confidence"], strict=True):
                writer.writerow([i + 1, key, *(f"{value:g}" for value in row)])
    st.download_button(
        _("Table as CSV"),
        out.getvalue(),
        file_name="robustness.csv",
        mime="text/csv",
        icon=":material/table:",
        on_click="ignore",
        key="endure/csv",
    )
