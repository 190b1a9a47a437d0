"""Judge page, tab Attacks, adversarial patch: learned from photographs, or from validation images and evaluated on test images."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from vpc2.predict.classifier_ref import ClassifierRef, ClassifierVersion
from vpc2.proportions import Share
from vpc2.text import Refusal
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers
from vpc2.ui.judge.attack_choices import NO_OTHERS, SOME_PICTURES, Photo, choose_target, is_requested, prediction_text
from vpc2.ui.session.i18n import _, number, percent, points
from vpc2.ui.widgets.buttons import button

PATCH_SHARE = 0.32


def show_patch(ref: ClassifierRef, photos: list[Photo]) -> None:
    st.caption(_("A sticker learned from your photographs: wherever it lies, the net sees its class (Brown and others, 2017)."))
    target = choose_target(ref, "patch", has_none=False)
    if target is None:
        return
    _draw_patch_on_photos(ref, photos, target)
    if classifiers.has_dataset(ref):
        _draw_patch_on_set(ref, target)


def _draw_patch_on_photos(ref: ClassifierRef, photos: list[Photo], target: int) -> None:
    key = (classifiers.version_of(ref), tuple(photo["digest"] for photo in photos), target)
    is_pressed = bool(photos) and button(_("Learn the patch"), icon=":material/sticky_note_2:", type="primary", key="attack/patch")
    if not is_requested("patch", key, is_pressed):
        return
    classes = classifiers.classifier_of(ref).classes
    with st.spinner(_("Learning the patch…")):
        result = _learn_patch(classifiers.version_of(ref), tuple(p["digest"] for p in photos), target, [p["pixels"] for p in photos])
    _draw_patch_failure(result)
    grid = st.grid("auto", min_column_width=200, gap="medium")
    with grid.cell(), st.container(key="tile-patch", gap="xxsmall"):
        st.image(result["patch"], alt=_("The patch"), width="stretch")
        st.caption(f"{_('The patch')}  \n{markdown.escape(classes[target])}")
    for i, (picture, before, after) in enumerate(result["laid"]):
        with grid.cell(), st.container(key=f"tile-patch-{i}", gap="xxsmall"):
            st.image(picture, alt=classes[int(after.argmax())], width="stretch")
            st.caption(f"{prediction_text(before, classes)}  \n→ {prediction_text(after, classes)}")


def _draw_patch_failure(result: dict[str, Any]) -> None:
    """Draw a note if the patch stayed grey because every gradient was zero."""
    if result["is_grey"]:
        st.info(
            _(
                "The patch learned nothing and stayed grey: the gradient was zero in every step. That says nothing about how far this net "
                "can be trusted."
            ),
            icon=":material/help:",
        )


def _draw_patch_on_set(ref: ClassifierRef, target: int) -> None:
    """Draw the effect on test images of a patch that was learned from validation images."""
    st.markdown(f"### {_('Over the test set')}")
    label = _("Learn it from the validation pictures, judge it on the test set")
    is_pressed = button(label, icon=":material/sticky_note_2:", type="primary", key="attack/patch-set")
    key = (classifiers.version_of(ref), classifiers.dataset_of(ref), target)
    if not is_requested("patch-set", key, is_pressed):
        return
    with st.spinner(_("Learning the patch…")):
        result = _evaluate_patch(*key)
    _draw_patch_failure(result)
    shares, title = result["shares"], markdown.escape(classifiers.classifier_of(ref).classes[target])
    st.markdown(
        _(
            "Of {n} test pictures of other classes, which it never saw, the patch turns {patched} into **{name}**; "
            "a grey one at the same places {grey}, none at all {plain}. Asked in views: {merged}."
        ).format(
            n=number(result["count"]),
            name=title,
            **{key: _with_interval(getattr(shares, key)) for key in ("plain", "grey", "patched", "merged")},
        )
    )
    st.image([result["patch"], *result["laid"]], width=110)


def _with_interval(share: Share) -> str:
    return _("{share} ({low} to {high})").format(share=percent(share.share), low=points(share.low, 0), high=points(share.high, 0))


@st.cache_data(max_size="16MB", show_spinner=False)
def _evaluate_patch(version: ClassifierVersion, dataset: str, target: int) -> dict[str, Any]:
    import torch

    from vpc2.images.encode import to_jpeg
    from vpc2.predict.adversarial.attacks import is_grey, judge_patch, lay_patch, make_patch
    from vpc2.predict.evaluation import true_labels

    classifier = classifiers.classifier_of(version.ref)
    validation, test = (classifiers.test_images(version.ref, SOME_PICTURES, part, dataset=dataset) for part in ("validation", "test"))
    others = true_labels(test, classifier.classes) != target
    if not len(validation) or not others.any():
        raise Refusal(NO_OTHERS)
    with augmented.computation_slot():
        learned_from, images = classifier.prepare(list(validation.images)), classifier.prepare(list(test.images[others]))
        patch = make_patch(classifier, learned_from, target, max(2, round(PATCH_SHARE * images.shape[-1])))
        views = classifiers.default_views(version.ref).views
        shares = judge_patch(classifier, patch, images, target, views, groups=None if test.groups is None else test.groups[others])
        patched = lay_patch(images[:: max(len(images) // 5, 1)][:5], patch, torch.Generator().manual_seed(7))
    pictures = {"patch": to_jpeg(patch), "laid": [to_jpeg(image) for image in patched]}
    return {**pictures, "shares": shares, "count": len(images), "is_grey": is_grey(patch)}


@st.cache_data(max_size="16MB", show_spinner=False)
def _learn_patch(version: ClassifierVersion, image_keys: tuple[str, ...], target: int, _pixels: list[np.ndarray]) -> dict[str, Any]:
    import torch

    from vpc2.images.encode import to_jpeg
    from vpc2.predict.adversarial.attacks import is_grey, lay_patch, make_patch

    classifier = classifiers.classifier_of(version.ref)
    images = classifier.prepare(_pixels)
    with augmented.computation_slot():
        patch = make_patch(classifier, images, target, max(2, round(PATCH_SHARE * images.shape[-1])))
        patched = lay_patch(images, patch, torch.Generator().manual_seed(7))
        before, after = classifier.probabilities(images).numpy(), classifier.probabilities(patched).numpy()
    pictures = [(to_jpeg(image), b, a) for image, b, a in zip(patched, before, after, strict=True)]
    return {"patch": to_jpeg(patch), "laid": pictures, "is_grey": is_grey(patch)}
