"""Cached label survival: how many augmented draws keep the classifier's prediction, by photograph and by class; and its texts."""

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
from vpc2.ui.session.i18n import _, localize, number, percent

SIDE_PX = 256
CHUNK = 16
MAX_PICTURES = 400
SOME_PICTURES = 120  # of the test set, where each strength needs a pass over it

_NOTHING_RIGHT = Text("This net answers no test picture both rightly and surely, so there is no label to lose.")

Photo = dict[str, Any]
Predictor = Callable[[Sequence[Any]], np.ndarray]


def predictor_of(ref: ClassifierRef) -> Predictor:
    """Return a function from images to the classifier's probabilities, (N, K); equal images are passed through the net once."""
    from vpc2.images.encode import to_pixels

    classifier = classifiers.classifier_of(ref)

    def predict(images: Sequence[Any]) -> np.ndarray:
        pictures = [to_pixels(image) for image in images]
        places: dict[bytes, int] = {}
        order = [places.setdefault(b"%d " % len(image) + image.tobytes(), len(places)) for image in pictures]
        distinct = [pictures[order.index(place)] for place in range(len(places))]
        parts = [classifier.probabilities(classifier.prepare(distinct[i : i + CHUNK])).numpy() for i in range(0, len(distinct), CHUNK)]
        return np.concatenate(parts)[order]

    return predict


def predict_unaugmented(ref: ClassifierRef, photo: Photo) -> tuple[int, float]:
    """Return the predicted class index of the unaugmented photograph, and its probability."""
    return _predict_unaugmented(classifiers.version_of(ref), photo["digest"], photo["pixels"], predictor_of(ref))


@st.cache_data(max_size="4MB", show_spinner=False)
def _predict_unaugmented(version: ClassifierVersion, image_key: str, _pixels: np.ndarray, _predict: Predictor) -> tuple[int, float]:
    from vpc2.images.encode import resize_pixels

    with augmented.computation_slot():
        shares = _predict([resize_pixels(_pixels, SIDE_PX)])[0]
    return int(shares.argmax()), float(shares.max())


def uncertainty_note(ref: ClassifierRef, photo: Photo) -> str | None:
    """Return the note (Markdown) that the prediction of the photograph itself is too uncertain to serve as its label; None otherwise."""
    answer, certainty = predict_unaugmented(ref, photo)
    if is_sure(certainty):
        return None
    classes = classifiers.classifier_of(ref).classes
    return localize(NO_LABEL.fill(answer=markdown.escape(classes[answer]), share=percent(certainty), sure=percent(SURE, 0)))


def survival_of(pipeline: Pipeline, ref: ClassifierRef, photo: Photo | None, draws: int) -> Survival:
    """Return how many draws keep the prediction: `draws` of a photograph, or for None one draw of each of some test images."""
    token = augmented.token_of(pipeline)
    if photo is None:
        every = _survival_by_class_of(
            token, classifiers.version_of(ref), classifiers.dataset_of(ref), SOME_PICTURES, False, predictor_of(ref)
        )["classes"].values()
        return Survival(sum(counts["n"] for counts in every), sum(counts["survived"] for counts in every))
    label = predict_unaugmented(ref, photo)[0]
    return Survival(**_survival_of(token, classifiers.version_of(ref), photo["digest"], label, draws, photo["pixels"], predictor_of(ref)))


@st.cache_data(max_size="16MB", show_spinner=False)
def _survival_of(
    token: str, version: ClassifierVersion, image_key: str, label: int, draws: int, _pixels: np.ndarray, _predict: Predictor
) -> dict[str, Any]:
    from vpc2.augment.label_survival import survival
    from vpc2.images.encode import resize_pixels, to_tensor

    small = resize_pixels(_pixels, SIDE_PX)
    pipeline, _factor = augmented.scale_to_display(token, _pixels, small)
    with augmented.computation_slot():
        return vars(survival(pipeline, to_tensor(small), label, _predict, draws, image_key))


def survival_by_class_of(pipeline: Pipeline, ref: ClassifierRef) -> dict[str, Any]:
    """Return the label survival of each class of the selected test set: `names`, and by class index `classes` and `examples`.

    An example is an image and its draw as PNG, and the prediction and probability of both. Raises `Refusal` if no test image is
    predicted correctly with enough confidence.
    """
    result = _survival_by_class_of(
        augmented.token_of(pipeline), classifiers.version_of(ref), classifiers.dataset_of(ref), MAX_PICTURES, True, predictor_of(ref)
    )
    return {**result, "classes": {label: ClassSurvival(**counts) for label, counts in result["classes"].items()}}


@st.cache_data(max_size="32MB", show_spinner=False)
def _survival_by_class_of(
    token: str, version: ClassifierVersion, dataset: str, limit: int, has_examples: bool, _predict: Predictor
) -> dict[str, Any]:
    from vpc2 import codec
    from vpc2.augment.label_survival import survival_by_class
    from vpc2.augment.pipeline import draw_images
    from vpc2.images.encode import to_tensor
    from vpc2.predict.evaluation import true_labels

    pipeline, data = codec.from_token(token, "pipeline").spec, classifiers.test_images(version.ref, limit, dataset=dataset)
    images, known = [to_tensor(pixels) for pixels in data.images], classifiers.classifier_of(version.ref).classes
    with augmented.computation_slot():
        by_class = survival_by_class(pipeline, images, true_labels(data, known), _predict)
        if not by_class:
            raise Refusal(_NOTHING_RIGHT)
        examples = {}
        for label, result in by_class.items() if has_examples else ():
            pair = images[result.example], draw_images(pipeline, images[result.example], 1, image_key=str(result.example))[0].image
            shares = _predict(pair)
            examples[label] = [_large(image) for image in pair], [(int(row.argmax()), float(row.max())) for row in shares]
    return {"names": known, "classes": {label: vars(result) for label, result in by_class.items()}, "examples": examples}


def _large(image: Any) -> bytes:
    """Return a small image as PNG, enlarged so far that the browser does not blur its pixels."""
    from vpc2.images.encode import to_pixels, to_png

    pixels = to_pixels(image)
    times = max(1, -(-96 // pixels.shape[0]))
    return to_png(pixels.repeat(times, axis=0).repeat(times, axis=1))


def survival_bars(names: Sequence[str], survivals: Sequence[Survival]) -> Any:
    """Return a bar chart of survivals with their intervals, coloured by verdict."""
    from vpc2.figures.augment import survival_figure

    bars = [(survival.share, survival.low, survival.high, survival.verdict) for survival in survivals]
    return survival_figure(list(names), *(list(part) for part in zip(*bars, strict=True)))


def survival_text(survival: Survival) -> str:
    """Return the share of draws that keep the prediction as text, with its 95 % interval."""
    return _("{share} of {n} draws keep the answer (95 % interval: {low} to {high})").format(
        share=percent(survival.share, 0), n=number(survival.n), low=percent(survival.low, 0), high=percent(survival.high, 0)
    )


def verdict_text(survival: Survival) -> str:
    """Return the verdict of a survival as an icon and a word, in Markdown."""
    return {
        "harmless": f":green[:material/check:] **{_('Harmless.')}**",
        "unsafe": f":orange[:material/close:] **{_('Unsafe.')}**",
        "open": f":gray[:material/help:] **{_('Not enough evidence.')}**",
    }[survival.verdict]
