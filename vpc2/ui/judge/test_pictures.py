"""Judge page, the pictures a classifier is asked about: of its own test set, those it gets wrong first; or photographs of the visitor."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import streamlit as st

from vpc2.data.datasets import DATASETS
from vpc2.images.samples import SAMPLES
from vpc2.predict.classifier_ref import ClassifierRef, ClassifierVersion
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers
from vpc2.ui.session.i18n import _, number
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button
from vpc2.ui.widgets.photo_picker import show_photo_picker

MAX_SHOWN = 3
MAX_ASKED = 100  # test pictures that are asked to find a few wrong ones: a moment of work
MAX_NAMED = 12

Photo = dict[str, Any]


def choose_pictures(ref: ClassifierRef) -> list[Photo]:
    """Draw the choice of pictures and return them, each with `digest`, `name` and `pixels`; test pictures with their class, `label`."""
    if not classifiers.has_dataset(ref):
        return _choose_photos()
    titles = {"test": _("Its test pictures"), "photographs": _("Photographs")}
    source = st.segmented_control(
        _("Pictures"),
        list(titles),
        default="test",
        required=True,
        format_func=titles.__getitem__,
        key="judge/pictures",
        persist_state="session",
    )
    if source == "test":
        return page_frame.show_or_refuse(_show_test_pictures, ref) or []
    photos = _choose_photos()
    _warn_of_foreign(ref, photos)
    return photos


def _choose_photos() -> list[Photo]:
    return show_photo_picker("judge", max_photos=MAX_SHOWN, first=("chelsea",))


def _warn_of_foreign(ref: ClassifierRef, photos: list[Photo]) -> None:
    """Say that a net that was trained on a few classes names one of them for any picture."""
    classes = classifiers.classifier_of(ref).classes
    names = ", ".join(markdown.escape(name) for name in classes[:MAX_NAMED]) + ("…" if len(classes) > MAX_NAMED else "")
    foreign = [photo["name"] for photo in photos if _is_foreign(photo, classifiers.dataset_of(ref), classes)]
    if foreign:
        text = _("{photo} shows none of the classes of this net ({names}): it has to name one all the same, so its answer means nothing.")
        st.warning(text.format(photo=f"“{markdown.escape(foreign[0])}”", names=names), icon=":material/warning:")
    else:
        st.caption(
            _("This net knows {names} and nothing else: for a picture of anything else it names one of them too.").format(names=names)
        )


def _is_foreign(photo: Photo, dataset: str, classes: tuple[str, ...]) -> bool:
    """True where it is known that a photograph shows none of the classes: one of ours, and a data set of the table. What a visitor calls
    the classes of their own pictures may well be on our photographs.
    """
    if photo.get("key") not in SAMPLES or dataset not in DATASETS:
        return False
    sample = SAMPLES[photo["key"]]
    shown = {text.en.casefold() for text in (sample.title, *(name for name, _label in sample.labels))}
    return not shown & {name.casefold() for name in classes}


def _show_test_pictures(ref: ClassifierRef) -> list[Photo]:
    """Draw what these pictures are and the button for others; return those of now."""
    dataset = classifiers.dataset_of(ref)
    order, labels, wrong = _wrong_first(classifiers.version_of(ref), dataset)
    data = classifiers.test_images(ref, MAX_ASKED, dataset=dataset)
    state = f"judge/test pictures/{ref}/{dataset}"
    with st.container(horizontal=True, vertical_alignment="center", key="judge-test-pictures"):
        text = _("Of {n} test pictures it gets {k} wrong; those come first.") if wrong else _("It gets all of {n} test pictures right.")
        st.caption(text.format(n=number(len(order)), k=number(wrong)), width="stretch")
        if len(order) > MAX_SHOWN and button(_("Others"), icon=":material/navigate_next:", key="judge/others"):
            st.session_state[state] = st.session_state.get(state, 0) + MAX_SHOWN
    first = st.session_state.get(state, 0) % len(order)
    return [_as_photo(data.images[i], int(i), labels[i]) for i in np.roll(order, -first)[:MAX_SHOWN]]


def _as_photo(pixels: np.ndarray, index: int, label: str) -> Photo:
    digest = hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()
    return {"pixels": pixels, "digest": digest, "name": _("Test picture {n}").format(n=index + 1), "label": label}


@st.cache_data(max_entries=64, show_spinner=False)
def _wrong_first(version: ClassifierVersion, dataset: str) -> tuple[np.ndarray, list[str], int]:
    """Return the order of the test pictures with those first that are answered wrong, their classes, and how many are wrong."""
    from vpc2.predict.evaluation import TestPredictions, predict_set

    data = classifiers.test_images(version.ref, MAX_ASKED, dataset=dataset)
    with augmented.computation_slot():
        predictions = predict_set(TestPredictions, classifiers.classifier_of(version.ref), data, ())
    is_right = predictions.is_right(predictions.plain)
    return np.argsort(is_right, kind="stable"), [predictions.classes[label] for label in predictions.labels], int((~is_right).sum())
