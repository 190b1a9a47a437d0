"""What a classifier answers to draws, counted and kept, and the words for a count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from vpc2.augment.label_survival import NO_LABEL, SURE, ClassSurvival, Survival, is_sure
from vpc2.augment.spec import Pipeline
from vpc2.predict.classifier_ref import ClassifierRef, ClassifierVersion
from vpc2.text import Refusal, Text
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers
from vpc2.ui.session.i18n import _, number, percent, say

SIDE_PX = 256
CHUNK = 16
MOST_PICTURES = 400
SOME_PICTURES = 120  # of the test set, where it is asked once a strength

_NOTHING_RIGHT = Text("This net answers no test picture both rightly and surely, so there is no label to lose.")

Photo = dict[str, Any]
Ask = Callable[[Sequence[Any]], np.ndarray]


def ask_of(ref: ClassifierRef) -> Ask:
    """Return a classifier as a function from pictures to probabilities; pictures that are equal are asked about once."""
    from vpc2.images.encode import to_pixels

    classifier = classifiers.classifier_of(ref)

    def ask(images: Sequence[Any]) -> np.ndarray:
        pictures = [to_pixels(image) for image in images]
        places: dict[bytes, int] = {}
        order = [places.setdefault(b"%d " % len(one) + one.tobytes(), len(places)) for one in pictures]
        unlike = [pictures[order.index(place)] for place in range(len(places))]
        parts = [classifier.probabilities(classifier.prepare(unlike[i : i + CHUNK])).numpy() for i in range(0, len(unlike), CHUNK)]
        return np.concatenate(parts)[order]

    return ask


def plain_answer(ref: ClassifierRef, photo: Photo) -> tuple[int, float]:
    """Return the class that a photograph gets as it is, and its probability."""
    return _plain_answer(classifiers.version_of(ref), photo["digest"], photo["pixels"], ask_of(ref))


@st.cache_data(max_size="4MB", show_spinner=False)
def _plain_answer(version: ClassifierVersion, image_key: str, _pixels: np.ndarray, _ask: Ask) -> tuple[int, float]:
    from vpc2.images.encode import resize_pixels

    with augmented.computing():
        shares = _ask([resize_pixels(_pixels, SIDE_PX)])[0]
    return int(shares.argmax()), float(shares.max())


def unsure_of(ref: ClassifierRef, photo: Photo) -> str | None:
    """Return in words, in Markdown, that a photograph's own answer is too unsure to be a label; None where it is one."""
    answer, certainty = plain_answer(ref, photo)
    if is_sure(certainty):
        return None
    classes = classifiers.classifier_of(ref).classes
    return say(NO_LABEL.fill(answer=markdown.literal(classes[answer]), share=percent(certainty), sure=percent(SURE, 0)))


def survived(pipeline: Pipeline, ref: ClassifierRef, photo: Photo | None, draws: int) -> Survival:
    """Return how many draws keep the answer: `draws` of a photograph, or one of each of some test pictures for None."""
    token = augmented.token_of(pipeline)
    if photo is None:
        every = _classes_of(token, classifiers.version_of(ref), classifiers.set_of(ref), SOME_PICTURES, False, ask_of(ref))[
            "classes"
        ].values()
        return Survival(sum(one["n"] for one in every), sum(one["kept"] for one in every))
    label = plain_answer(ref, photo)[0]
    return Survival(**_survived(token, classifiers.version_of(ref), photo["digest"], label, draws, photo["pixels"], ask_of(ref)))


@st.cache_data(max_size="16MB", show_spinner=False)
def _survived(
    token: str, version: ClassifierVersion, image_key: str, label: int, draws: int, _pixels: np.ndarray, _ask: Ask
) -> dict[str, Any]:
    from vpc2.augment.label_survival import survival
    from vpc2.images.encode import resize_pixels, to_tensor

    small = resize_pixels(_pixels, SIDE_PX)
    pipeline, _factor = augmented.scaled(token, _pixels, small)
    with augmented.computing():
        return vars(survival(pipeline, to_tensor(small), label, _ask, draws, image_key))


def classes_of(pipeline: Pipeline, ref: ClassifierRef) -> dict[str, Any]:
    """Return what happens to each class of the chosen test set: `names`, and by the classifier's class `classes` and `examples`.

    An example is a picture and its draw as PNG, and for both the answer and its probability. Raises `Refusal` where
    nothing is answered rightly.
    """
    found = _classes_of(
        augmented.token_of(pipeline), classifiers.version_of(ref), classifiers.set_of(ref), MOST_PICTURES, True, ask_of(ref)
    )
    return {**found, "classes": {label: ClassSurvival(**one) for label, one in found["classes"].items()}}


@st.cache_data(max_size="32MB", show_spinner=False)
def _classes_of(token: str, version: ClassifierVersion, dataset: str, most: int, has_examples: bool, _ask: Ask) -> dict[str, Any]:
    from vpc2 import codec
    from vpc2.augment.label_survival import survival_by_class
    from vpc2.augment.pipeline import draw_images
    from vpc2.images.encode import to_tensor
    from vpc2.predict.evaluation import true_labels

    pipeline, data = codec.from_token(token, "pipeline").spec, classifiers.test_pictures(version.ref, most, dataset=dataset)
    images, known = [to_tensor(pixels) for pixels in data.images], classifiers.classifier_of(version.ref).classes
    with augmented.computing():
        found = survival_by_class(pipeline, images, true_labels(data, known), _ask)
        if not found:
            raise Refusal(_NOTHING_RIGHT)
        examples = {}
        for label, one in found.items() if has_examples else ():
            pair = images[one.example], draw_images(pipeline, images[one.example], 1, image_key=str(one.example))[0].image
            shares = _ask(pair)
            examples[label] = [_large(image) for image in pair], [(int(row.argmax()), float(row.max())) for row in shares]
    return {"names": known, "classes": {label: vars(one) for label, one in found.items()}, "examples": examples}


def _large(image: Any) -> bytes:
    """Return a small picture as PNG large enough that a browser leaves its pixels square."""
    from vpc2.images.encode import to_pixels, to_png

    pixels = to_pixels(image)
    times = max(1, -(-96 // pixels.shape[0]))
    return to_png(pixels.repeat(times, axis=0).repeat(times, axis=1))


def survival_bars(names: Sequence[str], found: Sequence[Survival]) -> Any:
    """Return a figure with a bar each, its interval, and its verdict as the colour."""
    from vpc2.figures.augment import survival_figure

    bars = [(one.share, one.low, one.high, one.verdict) for one in found]
    return survival_figure(list(names), *(list(part) for part in zip(*bars, strict=True)))


def count_of(found: Survival) -> str:
    """Return a count in words, with how sure it is."""
    return _("{share} of {n} draws keep the answer (95 % interval: {low} to {high})").format(
        share=percent(found.share, 0), n=number(found.n), low=percent(found.low, 0), high=percent(found.high, 0)
    )


def verdict_of(found: Survival) -> str:
    """Return the verdict of a count as a mark and words, in Markdown."""
    return {
        "harmless": f":green[:material/check:] **{_('Harmless.')}**",
        "unsafe": f":orange[:material/close:] **{_('Unsafe.')}**",
        "open": f":gray[:material/help:] **{_('Not enough evidence.')}**",
    }[found.verdict]
